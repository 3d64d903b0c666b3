from .learned_masks import MASKS, LearnedMaskModel, build_model, moving_statistics
from .model import (
    MaskedModel,
    MultiTaskModel,
    NetWithLoss,
    TaskLosses,
    TaskWeights,
    TotalLoss,
    fresh_model,
    without_folding,
)
from .naming import natural_values, set_natural
from .plan import TRAITS, InputPlan, plan_inputs, traits_of

__all__ = [
    "MASKS", "TRAITS", "InputPlan", "LearnedMaskModel", "MaskedModel", "MultiTaskModel", "NetWithLoss", "TaskLosses",
    "TaskWeights", "TotalLoss", "build_model", "fresh_model", "moving_statistics", "natural_values", "plan_inputs",
    "set_natural", "traits_of", "without_folding",
]

from .learned_masks import MASKS, LearnedMaskModel, build_model
from .model import MaskedModel, MultiTaskModel, NetWithLoss, TaskLosses, TaskWeights, TotalLoss, fresh_model
from .plan import TRAITS, InputPlan, plan_inputs, traits_of

__all__ = [
    "MASKS", "TRAITS", "InputPlan", "LearnedMaskModel", "MaskedModel", "MultiTaskModel", "NetWithLoss", "TaskLosses",
    "TaskWeights", "TotalLoss", "build_model", "fresh_model", "plan_inputs", "traits_of",
]

from src.models.model import MaskedModel, MultiTaskModel, NetWithLoss, TaskLosses
from src.models.plan import TRAITS, InputPlan, plan_inputs, traits_of

__all__ = [
    "TRAITS", "InputPlan", "MaskedModel", "MultiTaskModel", "NetWithLoss", "TaskLosses", "plan_inputs", "traits_of",
]

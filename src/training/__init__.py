from .checkpoint import load_checkpoint, restore
from .half import in_float16
from .loop import BestWeights, predict_logits, run_epochs
from .machine.device import choose_device
from .machine.precision import choose_precision, fast_instructions, set_products
from .machine.ranks import Ranks, join_ranks
from .steps import make_step
from .trackers import Tracking, tracking
from .trainer import Trainer, training_summary
from .weighting import task_weights

__all__ = [
    "BestWeights", "Ranks", "Tracking", "Trainer", "choose_device", "choose_precision", "fast_instructions",
    "in_float16", "join_ranks", "load_checkpoint", "make_step", "predict_logits", "restore", "run_epochs",
    "set_products", "task_weights", "tracking", "training_summary",
]

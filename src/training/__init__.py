from .checkpoint import load_checkpoint, restore
from .device import choose_device
from .ranks import Ranks, join_ranks
from .trainer import Trainer, make_step, predict_logits, training_summary

__all__ = [
    "Ranks", "Trainer", "choose_device", "join_ranks", "load_checkpoint", "make_step", "predict_logits", "restore",
    "training_summary",
]

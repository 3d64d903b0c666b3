from src.training.checkpoint import load_checkpoint, restore
from src.training.device import choose_device
from src.training.parallel import Ranks, join_ranks
from src.training.trainer import Trainer, make_step, predict_logits, training_summary

__all__ = [
    "Ranks", "Trainer", "choose_device", "join_ranks", "load_checkpoint", "make_step", "predict_logits", "restore",
    "training_summary",
]

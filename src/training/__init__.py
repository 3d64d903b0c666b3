from src.training.checkpoint import load_checkpoint, restore
from src.training.device import choose_device
from src.training.trainer import Trainer, make_step, predict_logits, training_summary

__all__ = [
    "Trainer", "choose_device", "load_checkpoint", "make_step", "predict_logits", "restore", "training_summary",
]

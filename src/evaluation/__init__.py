from src.evaluation.metrics import mean_auc, monitored, task_metrics

__all__ = ["mean_auc", "monitored", "task_metrics"]

from .metrics import mean_auc, monitored, task_aucs, task_metrics
from .significance import holm, paired_tests, standard_error

__all__ = ["holm", "mean_auc", "monitored", "paired_tests", "standard_error", "task_aucs", "task_metrics"]

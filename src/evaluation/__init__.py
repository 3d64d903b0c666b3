from .intervals import half_width, metric_parts
from .metrics import mean_auc, monitored, task_aucs, task_metrics
from .predictions import Predictions, read_predictions, write_predictions
from .significance import holm, paired_tests, standard_error

__all__ = ["Predictions", "half_width", "holm", "mean_auc", "metric_parts", "monitored", "paired_tests",
           "read_predictions", "standard_error", "task_aucs", "task_metrics", "write_predictions"]

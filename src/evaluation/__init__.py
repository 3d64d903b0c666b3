from .bootstrap import bootstrap_intervals
from .details import calibration_groups, change, minus, task_details
from .intervals import half_width, metric_parts
from .metrics import known_rows, loss_of, mean_auc, monitored, names_of, task_aucs, task_metrics
from .predictions import Predictions, read_predictions, write_predictions
from .significance import holm, paired_tests, standard_error

__all__ = ["Predictions", "bootstrap_intervals", "calibration_groups", "change", "half_width", "holm", "known_rows",
           "loss_of", "mean_auc", "metric_parts", "minus", "monitored", "names_of", "paired_tests", "read_predictions",
           "standard_error", "task_aucs", "task_details", "task_metrics", "write_predictions"]

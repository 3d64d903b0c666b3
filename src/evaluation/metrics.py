# Copyright 2026 Huawei Technologies Co., Ltd
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
# http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
# ============================================================================
"""AUC and log loss per task, of the rows whose label is known. No MindSpore."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

import numpy as np
from sklearn.metrics import roc_auc_score

from ..errors import UserError, nearest
from ..schema import UNKNOWN

LOG = logging.getLogger(__name__)
TaskMetrics = dict[str, dict[str, Optional[float]]]


def known_rows(logits: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of every task, the rows whose label is known: their logits, float64, their labels, and which they are, bool.

    Args:
        logits: float ``[rows, tasks]``.
        labels: 0, 1 or UNKNOWN, ``[rows, tasks]``.
    """
    for logit, label in zip(logits.T, labels.T):
        known = label != UNKNOWN
        if not known.all():
            logit, label = logit[known], label[known]
        yield logit.astype(np.float64), label, known


def task_metrics(logits: np.ndarray, labels: np.ndarray, tasks: Sequence[str], split: str = "") -> TaskMetrics:
    """AUC and mean log loss of every task.

    Args:
        logits: float ``[rows, tasks]``.
        labels: 0, 1 or UNKNOWN, ``[rows, tasks]``.
        tasks: task names, in column order.
        split: name of the split, for the warning.

    Returns:
        ``{task: {"auc": .., "logloss": ..}}``; a value that cannot be computed (one class, no rows) is None.
    """
    found: TaskMetrics = {}
    for task, (logit, label, _) in zip(tasks, known_rows(logits, labels)):
        classes = np.unique(label)
        if len(classes) < 2:
            held = f"only label {classes[0]}" if len(classes) else "no labels" if len(labels) else "no rows"
            LOG.warning("%s: task %s has %s in the %s split; its AUC is null", task, task, held, split)
        found[task] = {
            "auc": float(roc_auc_score(label, logit)) if len(classes) == 2 else None,
            "logloss": float(np.mean(np.logaddexp(0, logit) - label * logit)) if len(label) else None,
        }
    return found


def task_aucs(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """AUC of every task, ``[tasks]``; NaN for labels of one class."""
    found = np.full(labels.shape[1], np.nan)
    varied = np.flatnonzero((labels == 0).any(0) & (labels == 1).any(0))
    metrics = task_metrics(logits[:, varied], labels[:, varied], [str(task) for task in varied])
    found[varied] = [entry["auc"] for entry in metrics.values()]
    return found


def mean_auc(metrics: Mapping[str, Mapping[str, float | None]]) -> float | None:
    """Mean AUC over tasks, or None when one of them has none."""
    values = [metrics[task]["auc"] for task in metrics]
    return None if any(value is None for value in values) else float(np.mean(values))


def monitored(metrics: Mapping[str, Mapping[str, float | None]], monitor: str) -> float | None:
    """The number that early stopping maximises: mean_auc, min_auc, mean_logloss (negated) or one task's AUC.

    Tasks without an AUC are left out of means and minima; None when nothing is left.
    """
    if monitor in metrics:
        return metrics[monitor]["auc"]
    key = "logloss" if monitor == "mean_logloss" else "auc"
    values = [entry[key] for entry in metrics.values() if entry[key] is not None]
    if not values:
        return None
    return float({"mean_auc": np.mean, "min_auc": np.min, "mean_logloss": lambda v: -np.mean(v)}[monitor](values))


def check_monitor(monitor: str, tasks: Sequence[str], valid_rates: Mapping[str, float | None]) -> None:
    """Refuses a monitor that cannot be computed, before a training rather than after its first epoch.

    Args:
        monitor: see :func:`monitored`.
        tasks: the tasks to train.
        valid_rates: share of positives in the valid split, of the tasks for which it is known; None for no rows
            with a label.

    Raises:
        UserError: it is no metric of the tasks, may be two, or needs both classes where there is one.
    """
    known = ["mean_auc", "min_auc", "mean_logloss"]
    if monitor not in [*known, *tasks]:
        raise UserError(f"monitor is {monitor!r}; expected {', '.join([*known, *tasks])}"
                        f"{nearest(monitor, [*known, *tasks])}")
    if monitor in known and monitor in tasks:
        raise UserError(f"monitor {monitor} may be the task of this name or the metric; rename the task, or give "
                        "another monitor")
    needed = [monitor] if monitor in tasks else tasks
    without = [task for task in needed if valid_rates.get(task, 0.5) in (0, 1, None)]
    if monitor != "mean_logloss" and len(without) == len(needed):
        raise UserError(f"monitor {monitor} cannot be computed: {', '.join(without)} has one class or no rows in the "
                        "valid split; name another monitor or other tasks, or prepare the data with another split")

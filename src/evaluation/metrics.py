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

from ..common.errors import UserError, nearest
from ..labels import known_labels
from ..schema import Scale
from .numbers import number_metrics, xauc

LOG = logging.getLogger(__name__)
TaskMetrics = dict[str, dict[str, Optional[float]]]
# What is shown of a task, and how it is called: of a binary one, and of one whose label is a number.
BINARY = {"auc": "AUC", "logloss": "log loss"}
NUMBER = {"auc": "XAUC", "r2": "R²", "mae": "MAE", "rmse": "RMSE"}


def names_of(entry: Mapping[str, float | None]) -> Mapping[str, str]:
    """The metrics to show of a task, and how they are called, by what is known of it."""
    return NUMBER if "r2" in entry else BINARY


def loss_of(entry: Mapping[str, float | None]) -> float | None:
    """What training minimises, of one task: its log loss, or half its squared error in units of its scale."""
    return entry["logloss"] if "logloss" in entry else entry["loss"]


def known_rows(logits: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of every task, the rows whose label is known: their logits, float64, their labels, and which they are, bool.

    Args:
        logits: float ``[rows, tasks]``.
        labels: ``[rows, tasks]`` as src/labels.py says.
    """
    for logit, label in zip(logits.T, labels.T):
        known = known_labels(label)
        if not known.all():
            logit, label = logit[known], label[known]
        yield logit.astype(np.float64), label, known


def task_metrics(logits: np.ndarray, labels: np.ndarray, tasks: Sequence[str], split: str = "",
                 scales: Sequence[Scale | None] = ()) -> TaskMetrics:
    """AUC and mean log loss of every binary task, and the metrics of numbers.py of every other.

    Args:
        logits: float ``[rows, tasks]``; of a number, what is predicted in units of its scale.
        labels: ``[rows, tasks]`` as src/labels.py says.
        tasks: task names, in column order.
        split: name of the split, for the warning.
        scales: of every task, None for a binary one; empty where all are binary.

    Returns:
        ``{task: {"auc": .., "logloss": ..}}``, or of a number ``{"auc": .., "r2": .., "mae": .., "rmse": ..,
        "loss": ..}``; a value that cannot be computed (one class, no rows) is None.
    """
    found: TaskMetrics = {}
    for place, (task, (logit, label, _)) in enumerate(zip(tasks, known_rows(logits, labels))):
        scale = scales[place] if scales else None
        if scale is not None:
            found[task] = number_metrics(logit, label, scale)
            if found[task]["auc"] is None:
                LOG.warning("%s: task %s has no two different numbers in the %s split; its XAUC and R² are null", task,
                            task, split)
            continue
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
    """AUC of every task, ``[tasks]``, XAUC of a number; NaN for labels that are all equal."""
    found = np.full(labels.shape[1], np.nan)
    for place, (logit, label, _) in enumerate(known_rows(logits, labels)):
        if len(label) and label.min() < label.max():
            binary = ((label == 0) | (label == 1)).all()
            found[place] = roc_auc_score(label, logit) if binary else xauc(logit, label)
    return found


def mean_auc(metrics: Mapping[str, Mapping[str, float | None]]) -> float | None:
    """Mean over tasks of AUC (ours: of XAUC where the label is a number), or None when one of them has none."""
    values = [metrics[task]["auc"] for task in metrics]
    return None if any(value is None for value in values) else float(np.mean(values))


def monitored(metrics: Mapping[str, Mapping[str, float | None]], monitor: str) -> float | None:
    """The number that early stopping maximises: mean_auc, min_auc, mean_logloss (negated) or one task's AUC.

    Of a task whose label is a number these are its XAUC and its loss. Tasks without an AUC are left out of means and
    minima; None when nothing is left.
    """
    if monitor in metrics:
        return metrics[monitor]["auc"]
    every = [loss_of(entry) if monitor == "mean_logloss" else entry["auc"] for entry in metrics.values()]
    values = [value for value in every if value is not None]
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

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
"""Metrics besides AUC and log loss, for the end of a run: they cost more, so no epoch waits for them. No MindSpore."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import average_precision_score

from ..schema import Scale
from .groups import gauc
from .intervals import half_width, metric_parts
from .metrics import NUMBER, known_rows, mean_auc, names_of, task_metrics
from .predictions import Predictions

GROUPS = 10


def task_details(logits: np.ndarray, labels: np.ndarray, tasks: Sequence[str],
                 groups: np.ndarray | None = None,
                 scales: Sequence[Scale | None] = ()) -> dict[str, dict[str, float | None]]:
    """What more there is to know of every task.

    Args:
        logits: float ``[rows, tasks]``.
        labels: ``[rows, tasks]`` as src/labels.py says; every number is of the rows with a label.
        tasks: task names, in column order.
        groups: the group of every row, int ``[rows]``, negative for none; or None.
        scales: of every task, None for a binary one; empty where all are binary.

    Returns:
        for every binary task ``pr_auc`` (average precision), ``normalised_entropy`` (log loss over that of always
        predicting the split's share of positives; He et al., 2014), ``calibration_error`` (see calibration_groups; the
        mean distance, weighted by rows), ``auc_error`` and ``logloss_error`` (half of the 95 % interval), and with
        groups ``gauc``. For one whose label is a number ``calibration_error`` (the mean distance of the ten groups'
        mean prediction from their mean label, in the label's own units), ``auc_error``, ``r2_error``, ``mae_error`` and
        ``rmse_error``. None where a value cannot be computed: one class, no rows.
    """
    parts, found, scales = metric_parts(logits, labels, scales), {}, scales or [None] * len(tasks)
    for column, (task, scale, (logit, label, _)) in enumerate(zip(tasks, scales, known_rows(logits, labels))):
        if scale is not None:
            error = calibration_error(scale.own(logit), scale.own(label.astype(np.float64)), False)
            found[task] = {"calibration_error": error if len(label) else None,
                           **{f"{key}_error": half_width(parts[key][:, column]) for key in NUMBER}}
            continue
        rate = float(label.mean()) if len(label) else 0.0
        varied = 0 < rate < 1
        loss = float(np.mean(np.logaddexp(0, logit) - label * logit)) if varied else 0.0
        found[task] = {
            "pr_auc": float(average_precision_score(label, logit)) if varied else None,
            "normalised_entropy": -loss / (rate * np.log(rate) + (1 - rate) * np.log1p(-rate)) if varied else None,
            "calibration_error": calibration_error(logit, label) if len(label) else None,
            "auc_error": half_width(parts["auc"][:, column]),
            "logloss_error": half_width(parts["logloss"][:, column]),
        }
    if groups is not None:
        for task, scale, (logit, label, known) in zip(tasks, scales, known_rows(logits, labels)):
            if scale is None:
                found[task]["gauc"] = gauc(logit, label, groups[known])
    return found


def calibration_groups(logits: np.ndarray, labels: np.ndarray,
                       binary: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in ten groups of about equal size by predicted probability, or where not ``binary`` by predicted number.

    Equal predictions are in one group.

    Returns:
        float64, one a group that has rows: mean prediction, share of positives (or mean label), rows.
    """
    predicted = np.asarray(logits, np.float64)
    predicted = 1 / (1 + np.exp(-predicted)) if binary else predicted
    group = calibration_places(predicted)
    rows, chances, positives = (np.bincount(group, weights, GROUPS) for weights in (None, predicted, labels))
    known = rows > 0
    return chances[known] / rows[known], positives[known] / rows[known], rows[known].astype(np.float64)


def calibration_places(predicted: np.ndarray) -> np.ndarray:
    """Which of the ten groups every row is in, by what is predicted: int ``[rows]``."""
    if not len(predicted):
        return np.empty(0, np.intp)
    return np.searchsorted(np.quantile(predicted, np.arange(1, GROUPS) / GROUPS), predicted, side="right")


def calibration_error(logits: np.ndarray, labels: np.ndarray, binary: bool = True) -> float:
    """Expected calibration error: the groups' distance of mean prediction from share of positives, weighted by rows."""
    predicted, share, rows = calibration_groups(logits, labels, binary)
    return float(np.abs(predicted - share) @ rows / max(rows.sum(), 1))


def change(mine: Predictions, theirs: Predictions, tasks: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Metrics of one model less those of another on the same rows, and how sure that is.

    Returns:
        for every task ``auc``, ``auc_error``, ``logloss`` and ``logloss_error`` (of a number: of r2, mae and rmse), and
        for ``mean_auc`` over tasks the first two; an error is half of the 95 % interval. None where a value cannot be
        computed.
    """
    first, second = metric_parts(*mine), metric_parts(*theirs)
    parts = {key: values - second[key] for key, values in first.items()}
    ours, others = (task_metrics(*one.arrays, tasks, scales=one.scales) for one in (mine, theirs))
    found = {}
    for place, task in enumerate(tasks):
        found[task] = {}
        for key in names_of(ours[task]):
            found[task] |= {key: minus(ours[task][key], others[task][key]),
                            f"{key}_error": half_width(parts[key][:, place])}
    return {**found, "mean_auc": {"auc": minus(mean_auc(ours), mean_auc(others)),
                                  "auc_error": half_width(parts["auc"].mean(1))}}


def minus(first: float | None, second: float | None) -> float | None:
    """The difference, or None where one of the two is not known."""
    return None if first is None or second is None else first - second

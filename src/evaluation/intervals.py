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
"""How sure a metric is: 95 % intervals of AUC and log loss, and of their differences between two models. No MindSpore.

Every metric is written as a mean of one part a row (its influence function), so that the error of any sum or difference
of metrics on the same rows is that of a mean. For the AUC this is DeLong, DeLong and Clarke-Pearson (1988), in the
O(n log n) form of Sun and Xu (2014), up to n in place of n - 1. The error is that of the rows at hand: training again
with another seed adds its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from ..schema import Scale
from .metrics import known_rows
from .numbers import NAMES, number_parts

NORMAL_95 = 1.959964  # 97.5 % point of the normal distribution


def metric_parts(logits: np.ndarray, labels: np.ndarray,
                 scales: Sequence[Scale | None] = ()) -> dict[str, np.ndarray]:
    """Parts of the metrics of every task: ``auc`` and ``logloss``, float64 ``[rows, tasks]`` as logits and labels.

    Where ``scales`` has a task's, its label is a number: parts of ``auc`` (XAUC), ``r2``, ``mae`` and ``rmse``. Those
    of a metric that a task does not have are NaN.

    A metric of the k of n rows with a known label is the mean over n rows of n / k times the parts of these k, and of 0
    for the others: so errors of sums over tasks that know different rows are right, too.
    """
    scales, found = scales or [None] * labels.shape[1], []
    for scale, (logit, label, known) in zip(scales, known_rows(logits, labels)):
        parts = ({"auc": auc_parts(logit, label), "logloss": logloss_parts(logit, label)} if scale is None else
                 number_parts(logit, label, scale))
        found.append({name: _spread(values, known) for name, values in parts.items()})
    names, nothing = ("auc", "logloss", *(NAMES if any(scales) else ())), np.full(len(labels), np.nan)
    return {name: np.stack([parts.get(name, nothing) for parts in found], 1) for name in names}


def _spread(parts: np.ndarray, known: np.ndarray) -> np.ndarray:
    if known.all():
        return parts
    spread = np.zeros(len(known))
    spread[known] = parts * (len(known) / max(1, len(parts)))
    return spread if len(parts) and not np.isnan(parts).any() else np.full(len(known), np.nan)


def auc_parts(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each row's part in the error of the AUC.

    Args:
        logits: float ``[rows]``.
        labels: 0/1 ``[rows]``.

    Returns:
        float64 ``[rows]`` with mean 0, whose mean square over the number of rows is the AUC's variance; all NaN where
        the labels are of one class.
    """
    positive = np.asarray(labels).astype(bool)
    rows, positives = len(positive), int(positive.sum())
    if positives in (0, rows):
        return np.full(rows, np.nan)
    ranks = rankdata(logits)
    beaten = np.empty(rows)  # share of the other class that the row is on the right side of; ties count half
    beaten[positive] = (ranks[positive] - rankdata(logits[positive])) / (rows - positives)
    beaten[~positive] = 1 - (ranks[~positive] - rankdata(logits[~positive])) / positives
    auc = beaten[positive].mean()
    return (beaten - auc) * rows / np.where(positive, positives, rows - positives)


def logloss_parts(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each row's log loss less their mean: float64 ``[rows]``."""
    logits = np.asarray(logits, np.float64)
    losses = np.logaddexp(0, logits) - labels * logits
    return losses - losses.mean() if len(losses) else losses


def half_width(parts: np.ndarray) -> float | None:
    """Half of the 95 % interval of the metric, or of the sum or difference of metrics, whose parts these are.

    None for no rows and where a part is NaN.
    """
    if not len(parts):
        return None
    error = NORMAL_95 * float(np.sqrt(np.mean(np.square(parts)) / len(parts)))
    return error if np.isfinite(error) else None

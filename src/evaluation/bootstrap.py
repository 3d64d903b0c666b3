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
"""95 % intervals of all metrics, and of their change from another model, by drawing test rows or groups again.

A draw counts every row as often as it was drawn (Efron, 1979), so one sort of the rows serves all draws and memory does
not grow with their number. With groups, such as users, whole groups are drawn: their rows are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..common.streams import Stream, generator
from ..labels import known_labels
from ..schema import Scale
from .details import calibration_places
from .groups import group_aucs
from .numbers import NAMES, CountedNumbers
from .predictions import Predictions

BINARY = ("auc", "logloss", "pr_auc", "normalised_entropy", "calibration_error", "gauc")
METRICS = (*BINARY, *NAMES)
LEAST = 0.9  # share of the draws that have to have a value


class Counted:
    """The metrics of one task for rows that count several times.

    Args:
        logits: float ``[rows]``.
        labels: ``[rows]`` as src/labels.py says.
        groups: int ``[rows]``, negative for none; or None.
        scale: of a label that is a number; None for a binary one.
    """

    def __init__(self, logits: np.ndarray, labels: np.ndarray, groups: np.ndarray | None, scale: Scale | None = None):
        known, self.number = np.flatnonzero(known_labels(labels)), None
        if scale is not None:
            self.rows, self.number = known, CountedNumbers(logits[known].astype(np.float64), labels[known], scale)
            return
        self.rows = known[np.argsort(logits[known], kind="stable")]
        logit, self.labels = logits[self.rows].astype(np.float64), labels[self.rows].astype(np.float64)
        self.losses = np.logaddexp(0, logit) - self.labels * logit
        self.chances = 1 / (1 + np.exp(-logit))
        self.ties = np.flatnonzero(np.append(True, np.diff(logit) != 0)[:len(logit)])  # where equal logits begin
        self.places = calibration_places(self.chances)
        self.groups, self.aucs, self.sizes = (np.empty(0, np.intp),) * 3
        if groups is not None:
            self.groups, self.aucs, self.sizes = group_aucs(logit, self.labels, groups[self.rows])

    def metrics(self, counts: np.ndarray, of_groups: np.ndarray) -> np.ndarray:
        """METRICS in order, float64; NaN for those that cannot be computed.

        Args:
            counts: how often every row of the split counts.
            of_groups: how often every group does.
        """
        found, count = np.full(len(METRICS), np.nan), counts[self.rows].astype(np.float64)
        if self.number is not None:
            for name, value in self.number.metrics(count).items():
                found[METRICS.index(name)] = value
            return found
        total, positives = count.sum(), count @ self.labels
        if total:
            found[1] = count @ self.losses / total
            found[4] = self._calibration(count, total)
        if 0 < positives < total:
            found[0], found[2] = self._ranking(count * self.labels, count, positives, total)
            rate = positives / total
            found[3] = -found[1] / (rate * math.log(rate) + (1 - rate) * math.log1p(-rate))
        sizes = self.sizes * of_groups[self.groups]
        if sizes.sum():
            found[5] = self.aucs @ sizes / sizes.sum()
        return found

    def _ranking(self, positive: np.ndarray, count: np.ndarray, positives: float, total: float) -> tuple[float, float]:
        """AUC and average precision; rows of equal logits are ranked as one."""
        hits, rows = (np.add.reduceat(values, self.ties) for values in (positive, count))
        misses = rows - hits
        auc = hits @ (np.cumsum(misses) - misses / 2) / (positives * (total - positives))
        hits_from, rows_from = (np.cumsum(values[::-1])[::-1] for values in (hits, rows))  # at this logit or a higher
        precision = np.divide(hits_from, rows_from, out=np.zeros(len(hits)), where=rows_from > 0)
        return auc, hits @ precision / positives

    def _calibration(self, count: np.ndarray, total: float) -> float:
        """As calibration_error, in the ten groups of all rows."""
        differences = np.bincount(self.places, count * (self.chances - self.labels))
        return float(np.abs(differences).sum() / total)


def draws(rows: int, groups: np.ndarray | None, number: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields how often every row, and every group, was drawn. A row without a group is drawn by itself."""
    count = 0 if groups is None or not len(groups) else max(0, int(groups.max()) + 1)
    unit = np.arange(rows) if groups is None else np.where(groups >= 0, groups, 0)
    if groups is not None:
        alone = groups < 0
        unit[alone] = count + np.arange(alone.sum())
    present = np.unique(unit)
    for draw in range(number):
        drawn = generator(seed, Stream.BOOTSTRAP, draw).integers(len(present), size=len(present))
        counts = np.bincount(present[drawn], minlength=max(count, int(present[-1]) + 1))
        yield counts[unit], counts[:count]


def bootstrap_intervals(found: Predictions, tasks: Sequence[str], groups: np.ndarray | None, number: int, seed: int = 0,
              theirs: Predictions | None = None) -> dict[str, Any]:
    """95 % intervals of every metric of every task, and of the mean AUC, from ``number`` draws.

    Args:
        found: of the model.
        tasks: task names, in column order.
        groups: the group of every row, int ``[rows]``, negative for none; or None to draw rows.
        number: of draws.
        seed: of the draws.
        theirs: of another model on the same rows, to give the intervals of the change from it instead.

    Returns:
        for every task, metric by metric, and for ``mean_auc``: ``{"value": .., "low": .., "high": ..}``; None where it
        cannot be computed for all rows, or for a tenth of the draws.
    """
    scales = found.scales or [None] * len(tasks)
    counted = [[Counted(one.logits[:, task], one.labels[:, task], groups, scale) for task, scale in enumerate(scales)]
               for one in (found, theirs) if one is not None]

    def measure(counts: np.ndarray, of_groups: np.ndarray) -> np.ndarray:
        mine, *other = (np.array([task.metrics(counts, of_groups) for task in model]) for model in counted)
        values = mine - other[0] if other else mine
        return np.append(values.ravel(), values[:, 0].mean())

    rows = len(found.labels)
    once = np.ones(0 if groups is None or not rows else max(0, int(groups.max()) + 1), np.int64)
    value = measure(np.ones(rows, np.int64), once)
    drawn = np.array([measure(*counts) for counts in draws(rows, groups, number, seed)] if rows else [value * np.nan])
    known = np.isfinite(value) & (np.isfinite(drawn).mean(0) >= LEAST)
    ends = np.full((2, len(value)), np.nan)
    ends[:, known] = np.nanpercentile(drawn[:, known], (2.5, 97.5), axis=0)
    shown = [{"value": float(one), "low": float(low), "high": float(high)} if fine else None
             for one, low, high, fine in zip(value, *ends, known)]
    names = BINARY if groups is not None else BINARY[:-1]
    intervals = {}
    for place, (task, scale) in enumerate(zip(tasks, scales)):
        every = dict(zip(METRICS, shown[place * len(METRICS):]))
        intervals[task] = {name: every[name] for name in (names if scale is None else ("auc", *NAMES))}
    return {**intervals, "mean_auc": shown[-1]}

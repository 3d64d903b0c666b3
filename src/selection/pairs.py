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
"""Pairs of fields that matter only together: the evidence for an effect of the crossed value beyond both fields' own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from src.selection.chance import normal_score
from src.selection.value_table import SHRINKAGE, ValueTable, loo_gain

MOST_CELLS = 20_000  # crossed values of a pair; with more, too few rows share one
MOST_PAIRS = 3_000  # pairs looked at, those of fewest crossed values first
SWEEPS = 4  # of the fit of both fields' own effects


class PairTable:
    """Pairs of the fields of a ValueTable that are small enough to be crossed."""

    def __init__(self, table: ValueTable):
        sizes = np.diff(table.offsets)
        pairs = [(int(sizes[a] * sizes[b]), a, b) for a, b in combinations(range(table.fields), 2)
                 if sizes[a] > 1 and sizes[b] > 1 and sizes[a] * sizes[b] <= MOST_CELLS]
        self.pairs = [pair[1:] for pair in sorted(pairs)[:MOST_PAIRS]]
        self._table, self._sizes = table, sizes

    def cross(self, pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The crossed value of every row ``[rows]``, and the rows of every crossed value ``[size, size]``."""
        a, b = pair
        table, shape = self._table, (self._sizes[a], self._sizes[b])
        cells = (table.slots[a] - table.offsets[a]) * shape[1] + (table.slots[b] - table.offsets[b])
        return cells, np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    def scan(self, residuals: Sequence[np.ndarray]) -> np.ndarray:
        """z of every pair for every residual, ``[len(residuals), pairs]``, corrected for the number of pairs."""
        found = np.zeros((len(residuals), len(self.pairs)))
        for p, pair in enumerate(self.pairs):
            cells, counts = self.cross(pair)
            for t, residual in enumerate(residuals):
                found[t, p] = self.evidence(residual, cells, counts)
        return found

    def evidence(self, residual: np.ndarray, cells: np.ndarray, counts: np.ndarray) -> float:
        """z of one pair, given its ``cross``."""
        squares = np.dot(residual, residual)
        variance = squares / len(residual)
        if variance <= 0:
            return 0.0
        sums = np.bincount(cells, residual, counts.size).reshape(counts.shape)
        own = _own_effects(sums, counts)
        squares += np.sum(counts * own ** 2) - 2 * np.sum(sums * own)
        value = np.sum((sums - counts * own) ** 2) - squares
        skew = np.mean(residual ** 3) ** 2 / variance ** 3
        mean, spread, cumulant, coincidence = _cross_moments(counts)
        return float(normal_score(value / variance, mean, spread, cumulant + coincidence * skew, len(self.pairs)))

    def best_fit(self, residual: np.ndarray, cells: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, float]:
        """Shrunken means of the crossed values ``[rows]`` at the best λ, and their leave-one-out gain in nats."""
        flat = counts.ravel()
        sums = np.bincount(cells, residual, flat.size)
        squares = np.bincount(cells, residual ** 2, flat.size)
        seen = flat > 0
        gains = [loo_gain(flat[seen], sums[seen], squares[seen], lam).sum() for lam in SHRINKAGE]
        lam = SHRINKAGE[int(np.argmax(gains))]
        return (sums / (flat + lam))[cells], float(max(gains) / np.mean(residual ** 2))


def _own_effects(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Both fields' own effects f_a + g_b by alternating plain means, also right where the fields depend on each other."""
    rows, columns = np.maximum(counts.sum(1), 1), np.maximum(counts.sum(0), 1)
    left, right = sums.sum(1) / rows, np.zeros(counts.shape[1])
    for _ in range(SWEEPS):
        right = (sums.sum(0) - left @ counts) / columns
        left = (sums.sum(1) - counts @ right) / rows
    return left[:, None] + right


def _cross_moments(counts: np.ndarray) -> tuple[float, float, float, float]:
    """Moments of the pair statistic for residuals of unit variance after both own effects were removed.

    The projection that removes them is taken as that of independent fields, where the traces of its products are the
    products of the fields' own; the mean uses the real table.
    """
    rows = counts.sum()
    first, second = counts.sum(1), counts.sum(0)
    square = counts ** 2
    mean = (square.sum() / rows - (square.sum(1) / first).sum() - (square.sum(0) / second).sum()
            + len(first) + len(second) - 1)
    spread, cube = (rows ** power * _centred_trace(first / rows, power) * _centred_trace(second / rows, power)
                    for power in (2, 3))
    coincidence = 4 * (square - counts).sum()
    return mean, 2 * spread, 8 * cube, coincidence


def _centred_trace(share: np.ndarray, power: int) -> float:
    """tr (D - p pᵀ)^power with D = diag(p): the eigenvalues of one field's share of the pair statistic."""
    two, three = np.sum(share ** 2), np.sum(share ** 3)
    if power == 2:
        return two - 2 * three + two ** 2
    return three - 3 * np.sum(share ** 4) + 3 * three * two - two ** 3

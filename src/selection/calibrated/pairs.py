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
"""Pairs of fields that matter only together: evidence for an effect of the crossed value beyond both fields' own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from .chance import log_tail, normal_score
from .value_sums import SHRINKAGE, Residual, ValueTable, loo_gain

MOST_CELLS = 20_000  # crossed values of a pair; with more, too few rows share one
MOST_PAIRS = 3_000  # pairs looked at, those of fewest crossed values first


class PairTable:
    """Pairs of the fields of a ValueTable that are small enough to be crossed; a pooled field by its sets of values."""

    def __init__(self, table: ValueTable):
        sizes = table.sizes
        pairs = [(int(sizes[a] * sizes[b]), a, b) for a, b in combinations(range(table.fields), 2)
                 if sizes[a] > 1 and sizes[b] > 1 and sizes[a] * sizes[b] <= MOST_CELLS]
        self.pairs = [pair[1:] for pair in sorted(pairs)[:MOST_PAIRS]]
        self.fields = table.fields
        self._table, self._sizes = table, sizes

    def cross(self, pair: tuple[int, int]) -> Crossing:
        """The crossed values of a pair."""
        a, b = sorted(pair, key=lambda n: -self._sizes[n])  # the larger one is eliminated
        table, shape = self._table, (self._sizes[a], self._sizes[b])
        cells = table.codes(a) * shape[1] + table.codes(b)
        return Crossing(cells, np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64))

    def scan(self, residuals: Sequence[Residual]) -> np.ndarray:
        """z of every pair for every residual, ``[len(residuals), pairs]``, corrected for the number of pairs."""
        found = np.zeros((len(residuals), len(self.pairs)))
        for p, pair in enumerate(self.pairs):
            crossing = self.cross(pair)
            found[:, p] = [crossing.evidence(residual, len(self.pairs)) for residual in residuals]
        return found


class Crossing:
    """The crossed values of two fields.

    Attributes:
        cells: the crossed value of every row, ``[rows]``.
        counts: rows of every crossed value, ``[size, size]``.
    """

    def __init__(self, cells: np.ndarray, counts: np.ndarray):
        self.cells, self.counts = cells, counts
        self._own = _OwnEffects(counts)
        self._moments = self._own.moments()

    def evidence(self, residual: Residual, tests: int) -> float:
        """z of an effect beyond both fields' own, corrected for ``tests`` pairs."""
        if residual.variance <= 0 or self._moments[1] <= 0:
            return 0.0
        sums, squares = self._beyond(residual)
        value = (np.sum(sums * sums) - np.sum(squares)) / residual.variance
        mean, spread, cumulant, coincidence = self._moments
        tail = log_tail(value, mean, spread, cumulant + coincidence * residual.skew)
        return float(normal_score(tail + np.log(tests)))

    def best_shrinkage(self, residual: Residual) -> tuple[float, float]:
        """The λ of largest leave-one-out gain beyond both own effects, and that gain in nats."""
        gains = self.gains(residual, SHRINKAGE)
        return float(SHRINKAGE[int(np.argmax(gains))]), max(gains)

    def gains(self, residual: Residual, shrinkage: Sequence[float]) -> list[float]:
        """The leave-one-out gain beyond both own effects at every λ of ``shrinkage``, in nats.

        Removing own effects makes rows of one cell differ more than they would: the products of two rows have
        expectation - leverage * variance, which is given back. The variance is that of the cell's own rows: where a
        model is sure it is small, and with the overall one every cell that own effects explain would seem to gain.
        """
        sums, squares = self._beyond(residual)
        seen = self.counts > 0
        counts, leverage = self.counts[seen], self._own.leverage[seen]
        squares = squares[seen] / np.maximum(1 - leverage, 0.1)
        products = np.where(counts > 1, np.square(sums[seen]) - squares * np.maximum(1 - counts * leverage, 0), 0)
        return [float(loo_gain(counts, products, squares, lam).sum() / residual.variance) for lam in shrinkage]

    def _beyond(self, residual: Residual) -> tuple[np.ndarray, np.ndarray]:
        """Per cell the sum of what own effects leave, and the sum of its squares."""
        counts = self.counts
        sums = np.bincount(self.cells, residual.values, counts.size).reshape(counts.shape)
        squares = np.bincount(self.cells, np.square(residual.values), counts.size).reshape(counts.shape)
        own = self._own.fit(sums)
        return sums - counts * own, squares + own * (counts * own - 2 * sums)


class _OwnEffects:
    """The space of own effects f_a + g_b over a table of counts ``[rows a, columns b]``, and what is beyond it.

    With f eliminated, the normal equations for g have the matrix T = diag(n_b) - Nᵀ diag(n_a)⁻¹ N; ``inverse`` is its
    pseudo-inverse, so fields that determine each other are no special case.
    """

    def __init__(self, counts: np.ndarray):
        self.counts = counts
        self.rows = counts.sum(1)
        self.share = counts / self.rows[:, None]
        matrix = np.diag(counts.sum(0)) - counts.T @ self.share
        roots, vectors = np.linalg.eigh(matrix)
        used = roots > 1e-9 * counts.sum()
        self.rank = len(self.rows) + int(used.sum())
        self.inverse = (vectors[:, used] / roots[used]) @ vectors[:, used].T
        through = self.share @ self.inverse  # leverage of a row: 1 - the share of its own noise that is left
        self.leverage = ((1 / self.rows + np.sum(through * self.share, 1))[:, None] + np.diag(self.inverse)
                         - 2 * through)

    def fit(self, sums: np.ndarray) -> np.ndarray:
        """Least squares f_a + g_b of every cell, given the sums of the cells."""
        total = sums.sum(1)
        right = self.inverse @ (sums.sum(0) - total @ self.share)
        return ((total - self.counts @ right) / self.rows)[:, None] + right

    def moments(self) -> tuple[float, float, float, float]:
        """Moments of the pair statistic as chance.pair_moments gives them, with M the projection beyond own effects.

        With N the diagonal matrix of the cells' counts, the statistic is rᵀ (M K M - M) r: mean tr MN - tr M, variance
        2 (tr MNMN - 2 tr MN + tr M). The third cumulant is that of as many equal eigenvalues, or of the unprojected
        table scaled to this variance, whichever is more skewed.
        """
        n, square, leverage = self.counts, self.counts ** 2, self.leverage
        free_cells = np.count_nonzero(n) - self.rank
        if free_cells <= 0:
            return 0.0, 0.0, 0.0, 0.0
        total, freedom = n.sum(), n.sum() - self.rank
        first = total - np.sum(square * leverage)
        second = square.sum() - 2 * np.sum(square * n * leverage) + self._double_trace(square)
        spread = max(second - 2 * first + freedom, 0.0)
        plain = np.sum(square - n)
        scaled = np.sum(n * (n - 1) * (n - 2)) * (spread / plain) ** 1.5 if plain > 0 else 0.0
        return first - freedom, 2 * spread, 8 * max(scaled, spread ** 1.5 / free_cells ** 0.5), 4 * plain

    def _double_trace(self, square: np.ndarray) -> float:
        """tr PNPN for P = 1 - M, in O(rows * columns²)."""
        along = square.sum(1) / self.rows
        upper = square - self.share * square.sum(1)[:, None]
        inner = np.diag(square.sum(0)) - self.share.T @ square - square.T @ self.share
        inner += self.share.T @ (self.share * square.sum(1)[:, None])
        turned = self.inverse @ inner
        mixed = np.sum((self.inverse @ upper.T) * (upper / self.rows[:, None]).T)
        return float(np.sum(along ** 2) + 2 * mixed + np.sum(turned * turned.T))

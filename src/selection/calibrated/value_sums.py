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
"""Sums per value of every field at once, and what they show: evidence of an effect, and what it would be worth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ...pooling import Pool, blocks
from .chance import harmonic_tail, log_tail, normal_score, pair_moments
from .several import SeveralValues

# Weights w_v = 1 / (n_v + λ): infinite λ (w = 1) looks at frequent values, small λ at all values alike.
EVIDENCE = (np.inf, 30.0, 1.0)
AGREEMENT = 30.0  # λ of the weights by which tasks are compared
SHRINKAGE = np.array([2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 300.0, 1000.0, 3000.0])  # λ of S_v / (n_v + λ)


class Residual:
    """What is left to explain of one label: values ``[rows]`` of mean about zero, variance and squared skewness."""

    def __init__(self, values: np.ndarray):
        self.values = values
        squares = values * values
        self.variance = float(squares.mean())
        self.skew = float((squares * values).mean() ** 2 / self.variance ** 3) if self.variance > 0 else 0.0


class ValueTable:
    """The values of all fields that occur in some rows, side by side in one flat array.

    Args:
        ids: integers ``[rows, columns]``.
        cardinalities: ids of every field.
        pools: of every field None, or how its values are pooled; None for no pooled field.
        widths: columns of ids of every field; None for one each.

    Attributes:
        slots: int64 ``[fields, rows]``, the place of every row's value in the flat array; of a pooled field, which has
            several, the number of their set.
        several: the pooled fields, by position.
        counts: float64 ``[values]``, rows of every value.
        varies: bool ``[fields]``, whether its rows differ.
        offsets: int64 ``[fields + 1]``; field n owns the places ``offsets[n]`` to ``offsets[n + 1] - 1``.
    """

    def __init__(self, ids: np.ndarray, cardinalities: Sequence[int], pools: Sequence[Pool | None] | None = None,
                 widths: Sequence[int] | None = None):
        rows, fields = len(ids), len(cardinalities)
        pools = pools or [None] * fields
        self.rows, self.fields = rows, fields
        self.slots = np.empty((fields, rows), np.int64)
        self.offsets = np.zeros(fields + 1, np.int64)
        self.several: dict[int, SeveralValues] = {}
        counts = []
        for n, block in enumerate(blocks(ids, widths or [1] * fields)):
            if pools[n] is not None:
                self.several[n] = held = SeveralValues(block, pools[n], cardinalities[n])
                self.slots[n] = held.sets
                self.offsets[n + 1] = self.offsets[n] + len(held.counts)
                counts.append(held.counts)
                continue
            found = np.bincount(block[:, 0], minlength=cardinalities[n])
            seen = np.flatnonzero(found)
            place = np.cumsum(found > 0) - 1
            self.slots[n] = place[block[:, 0]] + self.offsets[n]
            self.offsets[n + 1] = self.offsets[n] + len(seen)
            counts.append(found[seen])
        self.counts = np.concatenate(counts).astype(np.float64)
        self.plain = [n for n in range(fields) if n not in self.several] if self.several else slice(None)
        self.varies = np.diff(self.offsets) > 1
        for n, held in self.several.items():
            self.varies[n] = held.varies

    @cached_property
    def _moments(self) -> list[list[np.ndarray]]:
        # A constant field has no moments but rounding errors.
        return [[moment * self.varies for moment in self._moments_of(self._weights(lam))] for lam in EVIDENCE]

    def _weights(self, lam: float) -> np.ndarray:
        return np.ones_like(self.counts) if np.isinf(lam) else 1 / (self.counts + lam)

    def _moments_of(self, weights: np.ndarray) -> list[np.ndarray]:
        """What chance makes of the statistics of every field with weights w_v, each ``[fields]``."""
        moments = list(pair_moments(self.counts, weights, self.per_field))
        for n, held in self.several.items():
            for moment, own in zip(moments, held.moments(weights[self.values(n)])):
                moment[n] = own
        return moments

    def entropies(self) -> np.ndarray:
        """Entropy of every field in nats, ``[fields]``."""
        return np.array([_entropy(np.bincount(self.several[n].sets) if n in self.several else
                                  self.counts[self.values(n)]) for n in range(self.fields)])

    def joint_entropy(self, n: int, other: int) -> float:
        """Entropy of two fields' crossed value in nats."""
        crossed = self.slots[n] * max(len(self.counts), self.rows) + self.slots[other]
        return _entropy(np.unique(crossed, return_counts=True)[1])

    @property
    def sizes(self) -> np.ndarray:
        """Number of values of every field; of a pooled one, of the sets of values that rows have, ``[fields]``."""
        sizes = np.diff(self.offsets)
        for n, held in self.several.items():
            sizes[n] = held.sets.max() + 1
        return sizes

    def codes(self, n: int) -> np.ndarray:
        """The value of every row among those of field n, or its set of values, from 0, ``[rows]``."""
        return self.slots[n] if n in self.several else self.slots[n] - self.offsets[n]

    def values(self, n: int) -> slice:
        """The places of field n."""
        return slice(self.offsets[n], self.offsets[n + 1])

    def per_field(self, array: np.ndarray) -> np.ndarray:
        """Adds a flat array up over the values of every field: ``[values]`` to ``[fields]``."""
        return np.add.reduceat(array, self.offsets[:-1])

    def counts_in(self, n: int, rows: np.ndarray) -> np.ndarray:
        """Rows of every value of field n among the ``rows`` with these places, as ``counts``, ``[values of n]``."""
        if n in self.several:
            return self.several[n].counts_in(rows)
        size = self.offsets[n + 1] - self.offsets[n]
        return np.bincount(self.slots[n, rows] - self.offsets[n], minlength=size).astype(np.float64)

    def sums(self, residual: Residual) -> tuple[np.ndarray, np.ndarray]:
        """Per value the sum of the residuals and of their squares."""
        slots, size = self.slots[self.plain], len(self.counts)
        found = tuple(np.bincount(slots.ravel(), np.tile(weight, len(slots)), size).astype(np.float64, copy=False)
                      for weight in (residual.values, np.square(residual.values)))
        for n, held in self.several.items():
            for sums, own in zip(found, held.sums(residual.values)):
                sums[self.values(n)] = own
        return found

    def others(self, n: int, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """What the other rows of its value of field n say about every row: w_v (S_v - r_b), ``[rows]``.

        Args:
            n: the field.
            values: r, ``[rows]``.
            weights: w_v of the field's values.
        """
        if n in self.several:
            return self.several[n].others(values, weights)
        slots = self.slots[n] - self.offsets[n]
        return (np.bincount(slots, values)[slots] - values) * weights[slots]

    def agreement(self, residuals: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energy that pairs of residuals have in common, Σ_v w_v (S_v T_v - Σ_b r_b s_b), and its z.

        w_v = 1 / (n_v + AGREEMENT). The z has the larger variance of two: of either residual along the other's sums
        over other rows, were it independent of the field.

        Args:
            residuals: of mean about 0 over the rows that count, 0 in others, ``[residuals, rows]``.
            used: which rows count for each, bool ``[residuals, rows]``.

        Returns:
            Each ``[fields, residuals, residuals]``; 0 for a constant field.
        """
        energies, scores = np.zeros((2, self.fields, len(residuals), len(residuals)))
        weights, squares = self._weights(AGREEMENT), np.square(residuals).sum(1)
        for n in np.flatnonzero(self.varies):
            along = np.stack([self.others(n, row, weights[self.values(n)]) for row in residuals])
            energies[n] = residuals @ along.T
            widest = squares[:, None] * np.stack([along[:, own].var(1) for own in used])
            widest = np.maximum(widest, widest.T)
            np.divide(energies[n], np.sqrt(widest), out=scores[n], where=widest > 0)
        return energies, scores

    def energy(self, residual: Residual) -> np.ndarray:
        """uz of the residual, ``[fields]``: gradient_energy's formula with one dimension."""
        sums, squares = self.sums(residual)
        mean, variance, _, _ = self._moments[0]
        excess = self.per_field(sums ** 2 - squares) - mean * residual.variance
        scale = residual.variance * np.sqrt(variance)
        return np.divide(excess, scale, out=np.zeros(self.fields), where=scale > 0)

    def evidence(self, residual: Residual, sums: np.ndarray, squares: np.ndarray,
                 uz: np.ndarray | None = None) -> np.ndarray:
        """z of every field, ``[fields]``, from the weights of EVIDENCE together; 0 for a constant field.

        Args:
            residual: what to explain.
            sums: Σ of the residuals per value.
            squares: Σ of their squares per value.
            uz: ``[fields]``, to be taken instead of this residual's for the weights w = 1.
        """
        if residual.variance <= 0:
            return np.zeros(self.fields)
        found = []
        for lam, (mean, spread, cumulant, coincidence) in zip(EVIDENCE, self._moments):
            value = self.per_field(self._weights(lam) * (sums ** 2 - squares)) / residual.variance
            if uz is not None and np.isinf(lam):
                value = mean + uz * np.sqrt(spread)
            found.append(log_tail(value, mean, spread, cumulant + coincidence * residual.skew))
        return np.where(self.varies, normal_score(harmonic_tail(found)), 0.0)

    def gains(self, residual: Residual, sums: np.ndarray, squares: np.ndarray,
              shrinkage: Sequence[float]) -> np.ndarray:
        """What predicting by shrunken value means would gain on rows left out, in nats: ``[len(shrinkage), fields]``.

        Row b is predicted by m_b = (S_v - r_b) / (n_v - 1 + λ) from the other rows of its value; the gain
        Σ_b (r_b m_b - m_b² / 2) / variance is the improvement in log-likelihood to second order.
        """
        if residual.variance <= 0:
            return np.zeros((len(shrinkage), self.fields))
        products = sums ** 2 - squares
        gains = np.stack([self.per_field(loo_gain(self.counts, products, squares, lam)) for lam in shrinkage])
        for n, held in self.several.items():
            gains[:, n] = [held.gain(residual.values, lam) for lam in shrinkage]
        return gains / residual.variance


def _entropy(counts: np.ndarray) -> float:
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def loo_gain(counts: np.ndarray, products: np.ndarray, squares: np.ndarray, lam: float) -> np.ndarray:
    """Σ_b (r_b m_b - m_b² / 2) of every value, m_b as in :meth:`ValueTable.gains`.

    Args:
        counts: rows of every value.
        products: Σ r_b r_c over pairs of different rows, S_v² - Σ r_b².
        squares: Σ r_b².
        lam: λ.
    """
    others = counts - 1 + lam
    return products / others - ((counts - 2) * products + (counts - 1) * squares) / (2 * others ** 2)

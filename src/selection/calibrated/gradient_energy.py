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
"""Gradient energy between values (uz): how much a field's values differ in their loss gradient, chance taken out.

The mask gradient has one mask per (task, field); this has one per (task, field, value). For field n and task t let
G_b = ∂L_t/∂e_n of row b, g_b = G_b - mean G, S_v = Σ g_b over the n_v rows of value v, and C = mean g gᵀ. Then

    uz = (Σ_v ‖S_v‖² - Σ_b ‖g_b‖² - m tr C) / (‖C‖_F · sqrt(v))

The numerator's first part is the sum of ⟨g_b, g_c⟩ over all pairs of different rows that share a value. Rows of a field
that does not matter are exchangeable, and m and v are the mean and variance that this leaves for the sum (chance.py;
about 0 and 2 Σ_v n_v (n_v - 1) where there are many values): uz has mean 0 and variance 1 whatever the cardinality, and
values seen once say nothing. Of a pooled field, row b counts with X_bv in each of its values (several.py): S_v = Σ X_bv
g_b, Σ_v X_bv² ‖g_b‖² is taken off, and m and v are those of its own pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from ...pooling import Pool, blocks
from .chance import Moments, pair_moments
from .several import SeveralValues, value_matrix


class GradientEnergy:
    """Accumulates uz over any number of batches, in memory that depends only on the values seen.

    Kept are, per seen value, its number of rows and the sum of its gradients (float32 ``[tasks, dim]``, so 8 * dim
    bytes a value for two tasks), and per field ΣG and ΣG Gᵀ in float64. All are taken about the first batch's
    mean, so that centring at the end loses no digits.

    Args:
        cardinalities: ids of every field.
        tasks: number of tasks.
        dim: width of a gradient.
        pools: of every field None, or how its values are pooled; None for no pooled field. Of pooled fields all ids
            are kept.
        widths: columns of ids of every field; None for one each.
    """

    def __init__(self, cardinalities: Sequence[int], tasks: int, dim: int, pools: Sequence[Pool | None] | None = None,
                 widths: Sequence[int] | None = None):
        fields = len(cardinalities)
        self._tasks, self._dim, self._widths = tasks, dim, widths or [1] * fields
        self._tables = [_ValueSums(size, tasks * dim) if pool is None else _SeveralSums(size, pool, tasks, dim)
                        for size, pool in zip(cardinalities, pools or [None] * fields)]
        self._shift = None
        self._sum = np.zeros((fields, tasks, dim))
        self._outer = np.zeros((fields, tasks, dim, dim))
        self._rows = 0

    def update(self, ids: np.ndarray, grads: np.ndarray) -> None:
        """Adds a batch.

        Args:
            ids: integers ``[batch, columns]``.
            grads: float32 ``[tasks, batch, fields, dim]``, ∂L_t/∂e of every row.
        """
        tasks, batch, _, dim = grads.shape
        if self._shift is None:
            self._shift = grads.mean(1, dtype=np.float64).transpose(1, 0, 2).astype(np.float32)
        for n, block in enumerate(blocks(ids, self._widths)):
            centred = grads[:, :, n] - self._shift[n][:, None]
            self._outer[n] += centred.transpose(0, 2, 1) @ centred
            self._sum[n] += centred.sum(1, dtype=np.float64)
            self._tables[n].add(block, centred.transpose(1, 0, 2).reshape(batch, tasks * dim))
        self._rows += batch

    def scores(self) -> np.ndarray:
        """uz, float64 ``[tasks, fields]``; 0 where there is nothing to compare."""
        return np.stack([self._score(n) for n in range(len(self._tables))], 1)

    def _score(self, n: int) -> np.ndarray:
        counts, sums = self._tables[n].result()
        if len(counts) < 2:  # a constant field, or no rows at all
            return np.zeros(self._tasks)
        mean = self._sum[n] / self._rows
        moment = self._outer[n] - self._rows * mean[:, :, None] * mean[:, None, :]
        energy = np.zeros(self._tasks)
        for block in range(0, len(counts), 4096):  # float64 copies of a block only
            part = slice(block, block + 4096)
            centred = sums[part].reshape(-1, self._tasks, self._dim) - counts[part, None, None] * mean
            energy += np.einsum("vtd,vtd->t", centred, centred)
        expected, variance, _, _ = self._tables[n].moments()
        trace = np.trace(moment, axis1=1, axis2=2)
        scale = np.linalg.norm(moment, axis=(1, 2)) / self._rows * np.sqrt(variance)
        excess = energy - self._tables[n].own_pairs(mean, trace) - expected * trace / self._rows
        return np.divide(excess, scale, out=np.zeros(self._tasks), where=scale > 0)


class _ValueSums:
    """Rows and vector sums of the values of one field, with a place only for values that were seen."""

    def __init__(self, cardinality: int, width: int):
        self._place = np.full(cardinality, -1, np.int32)
        self._seen = 0
        self._counts = np.zeros(16, np.int64)
        self._sums = np.zeros((16, width), np.float32)

    def add(self, ids: np.ndarray, rows: np.ndarray) -> None:
        """Adds a batch of ids ``[batch, 1]`` and rows ``[batch, width]``."""
        ids = ids.ravel()
        values, inverse, counts = np.unique(ids, return_inverse=True, return_counts=True)
        new = values[self._place[values] < 0]
        self._place[new] = np.arange(self._seen, self._seen + len(new))
        self._seen += len(new)
        self._reserve(self._seen)
        member = csc_matrix((np.ones(len(ids), np.float32), inverse.ravel(), np.arange(len(ids) + 1)),
                            (len(values), len(ids)))
        place = self._place[values]
        self._sums[place] += member @ rows
        self._counts[place] += counts

    def _reserve(self, size: int) -> None:
        if size > len(self._counts):
            size = max(size, 2 * len(self._counts))
            self._counts = np.concatenate([self._counts, np.zeros(size - len(self._counts), np.int64)])
            grown = np.zeros((size, self._sums.shape[1]), np.float32)
            grown[:len(self._sums)] = self._sums
            self._sums = grown

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts ``[values]`` and sums ``[values, width]`` of the values seen."""
        return self._counts[:self._seen], self._sums[:self._seen]

    def moments(self) -> Moments:
        """What chance makes of pairs of rows of one value."""
        return pair_moments(self._counts[:self._seen].astype(np.float64), np.ones(self._seen), np.sum)

    @staticmethod
    def own_pairs(_mean: np.ndarray, trace: np.ndarray) -> np.ndarray:
        """Σ_b ‖g_b‖² of every task, which the energy holds beside the pairs; it is the trace of their moments."""
        return trace


class _SeveralSums:
    """The same for a pooled field: every row is part of several sums, by X_bv."""

    def __init__(self, size: int, pool: Pool, tasks: int, dim: int):
        self._pool, self._size, self._shape = pool, size, (tasks, dim)
        self._sums = np.zeros((size, tasks * dim))
        self._blocks: list[np.ndarray] = []
        self._held: SeveralValues | None = None
        self._own = np.zeros((tasks, dim)), np.zeros(tasks)  # Σ_b D_b g_b and Σ_b D_b ‖g_b‖², D_b = Σ_v X_bv²

    def add(self, block: np.ndarray, rows: np.ndarray) -> None:
        matrix = value_matrix(block, self._pool, self._size)
        self._sums += matrix.T @ rows
        own, parts = _squares(matrix), rows.reshape(len(rows), *self._shape).astype(np.float64)
        self._own[0][:] += np.einsum("b,btd->td", own, parts)
        self._own[1][:] += np.einsum("b,btd,btd->t", own, parts, parts)
        self._blocks.append(block)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Σ_b X_bv ``[values]`` and sums ``[values, width]`` of the values seen; none of a constant field."""
        held = self._held = SeveralValues(np.concatenate(self._blocks), self._pool, self._size)
        if not held.varies:
            return np.zeros(0), np.zeros((0, 0))
        return np.asarray(held.matrix.sum(0)).ravel(), self._sums[held.values]

    def moments(self) -> Moments:
        """What chance makes of pairs of rows that share values."""
        return self._held.moments(np.ones(len(self._held.counts)))

    def own_pairs(self, mean: np.ndarray, _trace: np.ndarray) -> np.ndarray:
        """Σ_b D_b ‖g_b - mean‖² of every task."""
        total = float(_squares(self._held.matrix).sum())
        return self._own[1] - 2 * np.sum(mean * self._own[0], 1) + total * np.sum(mean ** 2, 1)


def _squares(matrix: csr_matrix) -> np.ndarray:
    """Σ_v X_bv² of every row."""
    return np.asarray(matrix.multiply(matrix).sum(1)).ravel()

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
"""Fields of several values a row, in the statistics that plain fields have.

A plain field puts every row into one value, ``X_bv`` = 1. A pooled field's row b counts with X_bv = 1 / m_b in each of
its m_b values (mean) or with 1 (sum), since that is what its gradient by the value's vector is multiplied with. A field
of one value a row gives what a plain field gives, number for number.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from ...pooling import Pool, value_weights
from .chance import Moments

MOST_SETS = 1000  # distinct sets of values whose kernel is computed whole
PROBES, SAMPLED = 64, 256  # random vectors and rows that third moments are estimated from where there are more
STEPS = 3  # of Newton's method when a field is added


def value_matrix(block: np.ndarray, pool: Pool, size: int) -> csr_matrix:
    """X ``[rows, size]`` of a field's columns of ids ``[rows, width]``; a value that a row has twice counts twice."""
    rows, width = block.shape
    weights = value_weights(block, pool)
    matrix = csr_matrix((weights.ravel(), block.flatten(), np.arange(0, rows * width + 1, width)), (rows, size))
    matrix.sum_duplicates()  # in place, hence the copy of the ids
    matrix.eliminate_zeros()
    return matrix


class SeveralValues:
    """The values of a pooled field that occur in some rows.

    Args:
        block: the field's columns of ids ``[rows, width]``.
        pool: how its values are pooled.
        size: number of ids.

    Attributes:
        values: ids of the values.
        matrix: X ``[rows, values]``.
        counts: Σ_b X_bv² of every value: rows, as far as they say something about it.
        sets: int64 ``[rows]``, number of every row's set of values.
        varies: whether the rows differ.
    """

    def __init__(self, block: np.ndarray, pool: Pool, size: int):
        whole = value_matrix(block, pool, size)
        self.values = np.flatnonzero(whole.getnnz(0))
        self.matrix = whole[:, self.values]
        self.square = self.matrix.multiply(self.matrix).tocsr()
        self.counts = _sum(self.square, 0)
        self.sets = np.unique(np.sort(block, 1), axis=0, return_inverse=True)[1].ravel()
        self.varies = bool((self.counts * len(block) - _sum(self.matrix, 0) ** 2).max() > 1e-6 * len(block))

    def counts_in(self, rows: np.ndarray) -> np.ndarray:
        """``counts`` among the ``rows`` with these places."""
        return _sum(self.square[rows], 0)

    def moments(self, weights: np.ndarray) -> Moments:
        """Moments of Q with weights w_v, as chance.pair_moments."""
        return kernel_moments(self.matrix, weights, self.sets)

    def sums(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of what is left to explain ``[rows]``: Σ_b X_bv r_b and Σ_b X_bv² r_b² of every value."""
        return self.matrix.T @ values, self.square.T @ np.square(values)

    def others(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """What the other rows of its values say about every row: Σ_v X_bv w_v (S_v - X_bv r_b), ``[rows]``."""
        return self.matrix @ (weights * (self.matrix.T @ values)) - values * (self.square @ weights)

    def gain(self, values: np.ndarray, lam: float) -> float:
        """What predicting by shrunken effects would gain on rows left out, times the variance; see ValueTable.gains.

        Row b is predicted by the sum of X_bv β_v over its values, β_v = (S_v - X_bv r_b) / (n_v - X_bv² + λ) from the
        other rows. Values that come together share an effect: the sum is scaled by a line search over all rows, which
        for values that exclude each other is 1.
        """
        sums, x = self.matrix.T @ values, self.matrix
        effects = sums / (self.counts + lam)
        moved = x @ effects
        scale = _line(float(effects @ sums), float(moved @ moved + lam * effects @ effects))
        rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
        others = self.counts[x.indices] - x.data ** 2 + lam
        parts = x.data * (sums[x.indices] - x.data * values[rows]) / others
        predicted = scale * np.bincount(rows, parts, x.shape[0])
        return float(values @ predicted - predicted @ predicted / 2)

    def step(self, residual: np.ndarray, curvature: np.ndarray, effects: np.ndarray, precision: float) -> np.ndarray:
        """One Newton step ``[values]`` of all effects at once, as long as the loss falls along it.

        Args:
            residual: label minus probability, ``[rows]``.
            curvature: of the loss by the log-odds of every row.
            effects: the present effects ``[values]``.
            precision: of their prior.
        """
        slope = self.matrix.T @ residual - precision * effects
        step = np.clip(slope / (self.square.T @ curvature + precision), -2.0, 2.0)
        moved = self.matrix @ step
        return step * _line(float(slope @ step), float(curvature @ moved ** 2 + precision * step @ step))


def kernel_moments(matrix: csr_matrix, weights: np.ndarray, sets: np.ndarray) -> Moments:
    """Moments of Q = Σ w_v X_bv X_cv r_b r_c over pairs of different rows, as chance.pair_moments gives them.

    B = X W Xᵀ without its diagonal takes the place of the matrix of pairs that share a value.

    Args:
        matrix: X ``[rows, values]``.
        weights: w_v, ``[values]``.
        sets: int64 ``[rows]``, equal for rows of X that are equal.
    """
    scaled, rows = matrix.multiply(weights).tocsr(), matrix.shape[0]
    diagonal = _sum(matrix.multiply(scaled), 1)

    def times(vectors: np.ndarray) -> np.ndarray:
        return scaled @ (matrix.T @ vectors) - (diagonal * vectors.T).T

    once = times(np.ones(rows))
    first, second, third = (float(once @ other) / rows for other in (np.ones(rows), once, times(once)))
    gram = (matrix.T @ scaled).tocsr()
    square = float(gram.multiply(gram.T).sum() - diagonal @ diagonal)
    heads, counts = np.unique(sets, return_index=True, return_counts=True)[1:]
    if len(heads) <= MOST_SETS:
        trace, cubes = _third(matrix[heads], scaled[heads], diagonal[heads], counts)
    else:
        trace, cubes = _estimated_third(matrix, scaled, times)
    spread = max(square - 2 * second + first ** 2, 0.0)
    return -first, 2 * spread, 8 * (trace - 3 * third + 3 * first * second - first ** 3), 4 * cubes


def _third(matrix: csr_matrix, scaled: csr_matrix, diagonal: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """tr B³ and the sum of the cubes of B, from one row of every set and the number of its rows."""
    kernel = (scaled @ matrix.T).toarray()
    once = kernel * counts  # K C, of rows that are counted
    squared = once @ kernel
    trace = float(counts @ np.sum(squared * once, 1)) - 3 * float(counts @ (diagonal * np.diag(squared)))
    cubes = float(counts @ kernel ** 3 @ counts)
    own = float(counts @ diagonal ** 3)
    return trace + 2 * own, cubes - own


def _estimated_third(matrix: csr_matrix, scaled: csr_matrix, times) -> tuple[float, float]:
    """The same from random vectors and rows; it is the skewness alone that depends on them."""
    rng, rows = np.random.default_rng(0), matrix.shape[0]
    signs = rng.choice([-1.0, 1.0], (rows, PROBES))
    once = times(signs)
    trace = float(np.sum(once * times(once))) / PROBES
    some = rng.choice(rows, min(SAMPLED, rows), replace=False)
    pairs = (scaled[some] @ matrix.T).power(3)
    own = _sum(matrix[some].multiply(scaled[some]), 1) ** 3
    return trace, float(pairs.sum() - own.sum()) * rows / len(some)


def _line(slope: float, bend: float) -> float:
    """How far along a step the loss falls, at most the whole of it."""
    return min(1.0, slope / bend) if bend > 0 else 0.0


def _sum(matrix, axis: int) -> np.ndarray:
    return np.asarray(matrix.sum(axis)).ravel()

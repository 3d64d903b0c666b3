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
"""How surprising a sum over pairs of rows is when a field does not matter: from its moments to a standard normal z.

The statistics of this module are sums Q = Σ_v w_v (S_v² - Σ_{b in v} r_b²) of products of residuals over pairs of
different rows with the same value v. Where the field does not matter the residuals are independent of it, and mean,
variance and third cumulant of Q follow from the counts n_v alone. A binary field's Q is a shifted χ² with one degree of
freedom, that of a field of thousands of values is nearly normal, that of a rare label is the chance of two
positives meeting: a gamma distribution of the right skewness serves all three, and one threshold then means the same
for every field. (Read as normal, the 3 of a binary field would be exceeded by 2 of 100 fields of noise.)
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincc, gammaln, logsumexp, ndtri_exp

LOWEST = -5.0  # z is not resolved below this
ONE_DEGREE = 8 ** 0.5  # skewness of χ² with one degree of freedom
Moments = tuple  # mean, variance, third cumulant, and what a unit of squared skewness adds to it


def pair_moments(counts: np.ndarray, weights: np.ndarray, total) -> tuple[np.ndarray, ...]:
    """Moments of Q for independent residuals of unit variance that were centred over all rows.

    With B the matrix of weights of pairs of rows (zero diagonal) and P the centring, Q = rᵀ P B P r; its first
    three cumulants are tr PB, 2 tr (PB)² and 8 tr (PB)³, and the third cumulant of r adds 4 Σ w³ n (n - 1) skew².

    Args:
        counts: rows of every value n_v.
        weights: w_v, same shape.
        total: adds up an array over the values of each field.

    Returns:
        mean, variance, third cumulant of Gaussian residuals, and what one unit of squared skewness adds to it.
    """
    rows = total(counts)
    reach = weights * (counts - 1.0)
    pairs = weights ** 2 * counts * (counts - 1.0)
    first, second, third = (total(counts * reach ** power) / rows for power in (1, 2, 3))
    square = total(pairs) - 2 * second + first ** 2
    cube = total(pairs * weights * (counts - 2.0)) - 3 * third + 3 * first * second - first ** 3
    return -first, 2 * np.maximum(square, 0), 8 * cube, 4 * total(pairs * weights)


def log_tail(value: np.ndarray, mean: np.ndarray, variance: np.ndarray, cumulant: np.ndarray) -> np.ndarray:
    """Log of the probability of more than ``value``, 0 where there is no variance.

    The distribution is a gamma, shifted and scaled to the given mean, variance and third cumulant. Where it is more
    skewed than χ² with one degree of freedom, the tail is at least that of this χ²: such a gamma has nearly all its
    mass in one point, its lowest, and takes everything above for a surprise, but the sums of a field that is the same
    in nearly all rows, few of them positive, are spread a little around the commonest one.
    """
    value, mean, variance, cumulant = np.broadcast_arrays(value, mean, variance, cumulant)
    known = variance > 1e-9
    scale = np.sqrt(np.where(known, variance, 1.0))
    distance, skew = (value - mean) / scale, np.maximum(np.where(known, cumulant, 0.0) / scale ** 3, 1e-3)
    tail = _log_tail_of(distance, skew)
    if (skew > ONE_DEGREE).any():
        tail = np.maximum(tail, _log_tail_of(distance, np.minimum(skew, ONE_DEGREE)))
    return np.where(known, tail, 0.0)


def normal_score(log_tails: np.ndarray) -> np.ndarray:
    """The standard normal z that is exceeded with this log probability, at least LOWEST."""
    return np.maximum(-ndtri_exp(np.minimum(log_tails, -1e-16)), LOWEST)


def harmonic_tail(log_tails: np.ndarray) -> np.ndarray:
    """Combines the tails of several statistics of the same rows, along the first axis.

    The harmonic mean of p-values (Wilson 2019) needs no independence, and costs nothing where the statistics agree, as
    the smallest p times their number would.
    """
    return np.log(len(log_tails)) - logsumexp(-np.asarray(log_tails), axis=0)


def _log_tail_of(distance: np.ndarray, skew: np.ndarray) -> np.ndarray:
    """Of a gamma with this skewness, at a distance from its mean in standard deviations."""
    shape = 4 / skew ** 2
    return _log_gamma_tail(shape, np.maximum(shape + distance * np.sqrt(shape), 1e-12))


def _log_gamma_tail(shape: np.ndarray, place: np.ndarray) -> np.ndarray:
    """log P(X > place) of a standard gamma X, also where P itself is too small for a float."""
    tail = gammaincc(shape, place)
    far = -place + shape * np.log(place) - np.log(np.maximum(place - shape + 1, 1e-12)) - gammaln(shape)
    return np.where(tail > 1e-280, np.log(np.maximum(tail, 1e-300)), far)

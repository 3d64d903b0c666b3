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
"""The moments of the pair statistics against matrices, and how often noise exceeds a z."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, norm

from src.selection.calibrated.chance import LOWEST, harmonic_tail, log_tail, normal_score, pair_moments
from src.selection.calibrated.pairs import Crossing
from src.selection.calibrated.value_sums import Residual, ValueTable
from tests.unit.selection.planted import draw_ids


def cumulants(matrix: np.ndarray) -> list[float]:
    """First three cumulants of rᵀ A r for independent normal r."""
    return [np.trace(matrix), 2 * np.trace(matrix @ matrix), 8 * np.trace(matrix @ matrix @ matrix)]


@pytest.mark.parametrize("size", [2, 5, 60])
@pytest.mark.parametrize("lam", [None, 3.0])
def test_moments_of_one_field(size, lam):
    rng = np.random.default_rng(size)
    values = rng.integers(0, size, 120) * rng.integers(0, 2, 120)
    counts = np.bincount(values).astype(float)
    counts = counts[counts > 0]
    weights = np.ones(len(counts)) if lam is None else 1 / (counts + lam)
    row_weights = np.ones(120) if lam is None else 1 / (np.bincount(values)[values] + lam)
    same = (values[:, None] == values[None]) * row_weights
    np.fill_diagonal(same, 0)
    centre = np.eye(120) - 1 / 120
    np.testing.assert_allclose(pair_moments(counts, weights, np.sum)[:3], cumulants(centre @ same @ centre), rtol=1e-9)


@pytest.mark.parametrize("first,second,tied", [(2, 2, 0.0), (6, 3, 0.0), (25, 9, 0.3), (8, 8, 0.8), (9, 9, 0.97)])
def test_moments_of_a_pair_also_when_the_fields_depend(first, second, tied):
    rng = np.random.default_rng(first)
    a = rng.integers(0, first, 250)
    b = np.where(rng.random(250) < tied, a % second, rng.integers(0, second, 250))
    cells = a * second + b
    counts = np.bincount(cells, minlength=first * second).reshape(first, second).astype(float)
    own = np.concatenate([np.eye(first)[a], np.eye(second)[b]], 1)
    beyond = np.eye(250) - own @ np.linalg.pinv(own)
    exact = cumulants(beyond @ (cells[:, None] == cells[None]) @ beyond - beyond)
    mean, variance, cumulant, _ = Crossing(cells, counts)._moments
    np.testing.assert_allclose([mean, variance], exact[:2], rtol=1e-7, atol=1e-6)
    assert cumulant >= 0.99 * exact[2]  # never less skewed than it is, or chance would look like evidence


def test_score_is_the_z_of_the_same_tail():
    one = chi2(1)  # the statistic of a binary field
    value = one.isf(norm.sf([1.0, 3.0, 6.0, 20.0]))
    np.testing.assert_allclose(normal_score(log_tail(value, 1.0, 2.0, 8.0)), [1.0, 3.0, 6.0, 20.0], rtol=1e-6)
    np.testing.assert_allclose(normal_score(log_tail(3.0, 0.0, 1.0, 0.0)), 3.0, rtol=5e-3)
    far = normal_score(log_tail(np.array([1e6, 1e7]), 0.0, 1.0, 0.5))
    assert far[1] > far[0] > 1000  # no overflow far out
    assert normal_score(log_tail(5.0, 0.0, 0.0, 0.0)) == pytest.approx(LOWEST)  # no variance, no surprise


def test_harmonic_tail():
    one, two = np.log([0.01, 0.3]), np.log([0.01, 0.001])
    np.testing.assert_allclose(np.exp(harmonic_tail([one, two])), [0.01, 2 / (1 / 0.3 + 1 / 0.001)])


@pytest.mark.parametrize("rate", [0.4, 0.02, 0.004])
def test_noise_rarely_exceeds_the_level(rate):
    sizes = [2, 4, 12, 60, 400, 3000] * 3
    rng, found = np.random.default_rng(7), []
    for _ in range(60):
        table = ValueTable(draw_ids(rng, 4000, sizes), sizes)
        label = (rng.random(4000) < rate).astype(float)
        residual = Residual(label - label.mean())
        found.append(table.evidence(residual, *table.sums(residual)))
    above = (np.concatenate(found) > 2).mean()
    assert 0.01 < above < 0.035  # 0.023 by definition


@pytest.mark.parametrize("rate", [0.3, 0.06, 0.02, 0.005])
def test_noise_that_is_the_same_in_nearly_all_rows_rarely_exceeds_the_level(rate):
    rng, rows, found = np.random.default_rng(8), 4000, []
    ids = np.zeros((rows, 12), np.int32)
    for n, others in enumerate([2, 5, 10, 30, 100, 300] * 2):
        ids[rng.permutation(rows)[:others], n] = rng.integers(1, 2 + 3 * (n > 5), others)
    table = ValueTable(ids, [5] * 12)
    for _ in range(250):
        label = (np.arange(rows) < rate * rows)[rng.permutation(rows)].astype(float)
        residual = Residual(label - label.mean())
        found.append(table.evidence(residual, *table.sums(residual)))
    found = np.array(found)
    assert (found > 2).mean() < 0.035  # .023 by definition, if the sums of so few rows were not so few
    assert (found > 3).mean() < 0.008


def test_noise_pairs_rarely_exceed_the_level():
    rng, found = np.random.default_rng(3), []
    for _ in range(300):
        ids = draw_ids(rng, 3000, (12, 30))
        counts = np.bincount(ids[:, 0] * 30 + ids[:, 1], minlength=360).reshape(12, 30).astype(float)
        label = rng.random(3000) < 0.03
        found.append(Crossing(ids[:, 0] * 30 + ids[:, 1], counts).evidence(Residual(label - label.mean()), 1))
    assert 0.002 < (np.array(found) > 2).mean() < 0.05


def test_a_pair_without_cells_to_spare_says_nothing():
    first = np.arange(200) % 6
    crossing = Crossing(first * 6 + first, np.diag(np.bincount(first)).astype(float))
    assert crossing.evidence(Residual(np.random.default_rng(0).standard_normal(200)), 1) == 0


def test_gain_of_a_pair_of_noise_is_about_nothing_though_own_effects_were_fitted():
    rng, gains = np.random.default_rng(1), []
    for _ in range(60):
        cells = rng.integers(0, 60, 4000) * 2 + rng.integers(0, 2, 4000)
        counts = np.bincount(cells, minlength=120).reshape(60, 2).astype(float)
        values = rng.standard_normal(4000)
        values -= (np.bincount(cells // 2, values) / counts.sum(1))[cells // 2]
        gains.append(Crossing(cells, counts).best_shrinkage(Residual(values))[1])
    assert -1 < np.mean(gains) < 1.5

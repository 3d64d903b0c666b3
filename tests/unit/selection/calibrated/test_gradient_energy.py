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
"""Gradient energy against its definition, in any split into batches, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest

from src.selection.calibrated.gradient_energy import GradientEnergy

CARDINALITIES = (2, 7, 40, 300, 1)
TASKS, DIM = 2, 3


def draw(rows: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.integers(0, size, rows) for size in CARDINALITIES], 1)
    # A large common part, as an uncalibrated bias would give: centring must not lose the digits that are left.
    grads = (20.0 + rng.standard_normal((TASKS, rows, len(CARDINALITIES), DIM)) * rng.random(DIM)).astype(np.float32)
    return ids, grads


def naive(ids: np.ndarray, grads: np.ndarray) -> np.ndarray:
    """The study's statistic row by row in float64, with the moments of the matrix of pairs of rows."""
    tasks, rows, fields, _ = grads.shape
    centre = np.eye(rows) - 1 / rows
    scores = np.zeros((tasks, fields))
    for t in range(tasks):
        for n in range(fields):
            g = grads[t, :, n].astype(np.float64)
            g = g - g.mean(0)
            pairs = (ids[:, n][:, None] == ids[:, n]).astype(float)
            np.fill_diagonal(pairs, 0)
            if pairs.any() and pairs.sum() != rows * (rows - 1):
                covariance = g.T @ g / rows
                kept = centre @ pairs @ centre
                excess = np.sum(pairs * (g @ g.T)) - np.trace(kept) * np.trace(covariance)
                scores[t, n] = excess / (np.linalg.norm(covariance) * np.sqrt(2 * np.sum(kept * kept)))
    return scores


def stream(ids: np.ndarray, grads: np.ndarray, cuts) -> np.ndarray:
    energy = GradientEnergy(CARDINALITIES, TASKS, DIM)
    for rows in np.split(np.arange(len(ids)), cuts):
        energy.update(ids[rows], grads[:, rows])
    return energy.scores()


def test_equals_the_definition():
    ids, grads = draw(400)
    np.testing.assert_allclose(stream(ids, grads, []), naive(ids, grads), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("cuts", [[1], [37, 200], list(range(1, 400, 9))])
def test_any_batches_give_the_same(cuts):
    ids, grads = draw(400)
    np.testing.assert_allclose(stream(ids, grads, cuts), stream(ids, grads, []), rtol=1e-3, atol=1e-3)


def test_values_seen_once_and_constant_fields_say_nothing():
    ids, grads = draw(300)
    ids[:, 3] = np.arange(300)
    scores = stream(ids, grads, [100])
    assert (scores[:, 3] == 0).all() and (scores[:, 4] == 0).all()
    assert np.isfinite(scores).all() and (scores[:, :3] != 0).all()


def test_no_rows_no_score():
    assert (GradientEnergy(CARDINALITIES, TASKS, DIM).scores() == 0).all()


def test_noise_is_standard_whatever_the_cardinality():
    draws = np.stack([stream(*draw(1000, seed), []) for seed in range(60)]).reshape(120, -1)[:, :4]
    assert np.abs(draws.mean(0)).max() < 0.25 and np.abs(draws.std(0) - 1).max() < 0.3


def test_finds_the_field_that_matters():
    ids, grads = draw(2000)
    grads[0, :, 2] += 0.2 * (ids[:, 2] % 3)[:, None]
    scores = stream(ids, grads, [1000])
    assert scores[0, 2] > 10 and np.abs(np.delete(scores.ravel(), 2)).max() < 5


def test_memory_follows_the_values_seen():
    energy = GradientEnergy([10 ** 6], 1, 2)
    energy.update(np.array([[5], [999_999], [5]]), np.ones((1, 3, 1, 2), np.float32))
    assert energy._tables[0]._sums.nbytes < 1000

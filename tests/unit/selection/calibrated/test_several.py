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
"""Pooled fields in the calibrated score: against dense matrices, plain fields, chance and a planted law."""

import numpy as np
import pytest

from src.pooling import value_weights
from src.selection.calibrated import several
from src.selection.calibrated.additive import AdditiveFit
from src.selection.calibrated.chance import pair_moments
from src.selection.calibrated.gradient_energy import GradientEnergy
from src.selection.calibrated.score import CHANCE
from src.selection.calibrated.several import SeveralValues, kernel_moments, value_matrix
from src.selection.calibrated.value_sums import Residual, ValueTable
from tests.unit.selection.planted import scores_of

POOLS = ["mean", "sum"]


def draw_sets(rng, rows: int, size: int, width: int) -> np.ndarray:
    """Ids ``[rows, width]``: popular values more often, some twice, of every row none to ``width``."""
    block = 1 + (rng.random((rows, width)) ** 2 * (size - 1)).astype(np.int32)
    return (block * (np.arange(width) < rng.integers(0, width + 1, (rows, 1)))).astype(np.int32)


def dense(block: np.ndarray, pool: str, size: int) -> np.ndarray:
    """X by a loop."""
    found = np.zeros((len(block), size))
    for row, weights, own in zip(block, value_weights(block, pool), found):
        for value, weight in zip(row, weights):
            own[value] += weight
    return found


@pytest.mark.parametrize("pool", POOLS)
def test_value_matrix_holds_what_every_value_counts(pool):
    block = np.array([[3, 1, 0], [0, 0, 0], [2, 2, 1]], np.int32)
    mean, total = [[0, 1 / 2, 0, 1 / 2], [1, 0, 0, 0], [0, 1 / 3, 2 / 3, 0]], [[0, 1, 0, 1], [1, 0, 0, 0], [0, 1, 2, 0]]
    np.testing.assert_allclose(value_matrix(block, pool, 4).toarray(), mean if pool == "mean" else total)


@pytest.mark.parametrize("pool", POOLS)
def test_moments_are_those_of_the_whole_kernel(pool, monkeypatch):
    rng = np.random.default_rng(0)
    block, rows = draw_sets(rng, 60, 9, 3), 60
    held = SeveralValues(block, pool, 9)
    x, weights = held.matrix.toarray(), rng.random(held.matrix.shape[1]) + 0.1
    kernel = x @ np.diag(weights) @ x.T
    np.fill_diagonal(kernel, 0)
    centred = (np.eye(rows) - 1 / rows) @ kernel
    expected = (np.trace(centred), 2 * np.trace(centred @ centred), 8 * np.trace(centred @ centred @ centred),
                4 * (kernel ** 3).sum())
    np.testing.assert_allclose(held.moments(weights), expected, rtol=1e-9)
    monkeypatch.setattr(several, "MOST_SETS", 0)
    estimated = kernel_moments(held.matrix, weights, held.sets)
    np.testing.assert_allclose(estimated[:2], expected[:2], rtol=1e-9)
    np.testing.assert_allclose(estimated[2:], expected[2:], rtol=0.7)  # of 60 rows; it is a skewness


@pytest.mark.parametrize("pool", POOLS)
def test_a_field_of_one_value_a_row_has_the_numbers_of_a_plain_field(pool):
    rng = np.random.default_rng(1)
    ids = np.stack([rng.integers(0, 7, 500), rng.integers(0, 3, 500)], 1).astype(np.int32)
    wide = np.concatenate([np.pad(ids[:, :1], ((0, 0), (0, 2))), ids[:, 1:]], 1)
    labels = (rng.random((500, 1)) < 0.3 + 0.1 * (ids[:, :1] == 2)).astype(np.uint8)
    plain, pooled = ValueTable(ids, (7, 3)), ValueTable(wide, (7, 3), [pool, None], [3, 1])
    residual = Residual(labels[:, 0] - labels.mean())
    np.testing.assert_allclose(pooled._moments, plain._moments, rtol=1e-9)
    for sums in zip(pooled.sums(residual), plain.sums(residual)):
        np.testing.assert_allclose(*sums, atol=1e-12)
    found = []
    for table in (pooled, plain):
        sums = table.sums(residual)
        found.append([table.evidence(residual, *sums), table.gains(residual, *sums, [2, 50]), table.entropies(),
                      table.joint_entropy(0, 1)])
    for mine, wanted in zip(*found):
        np.testing.assert_allclose(mine, wanted, rtol=1e-9)
    gradients = rng.standard_normal((1, 500, 2, 4)).astype(np.float32)
    energies = GradientEnergy((7, 3), 1, 4), GradientEnergy((7, 3), 1, 4, [pool, None], [3, 1])
    for energy, held in zip(energies, (ids, wide)):
        energy.update(held[:300], gradients[:, :300])
        energy.update(held[300:], gradients[:, 300:])
    np.testing.assert_allclose(energies[1].scores(), energies[0].scores(), rtol=1e-4)


@pytest.mark.parametrize("pool", POOLS)
def test_gradient_energy_follows_its_formula(pool):
    rng = np.random.default_rng(2)
    block, gradients = draw_sets(rng, 80, 6, 3), rng.standard_normal((2, 80, 1, 3)).astype(np.float32) + 0.5
    energy = GradientEnergy((6,), 2, 3, [pool], [3])
    energy.update(block[:50], gradients[:, :50])
    energy.update(block[50:], gradients[:, 50:])
    kernel = dense(block, pool, 6) @ dense(block, pool, 6).T
    np.fill_diagonal(kernel, 0)
    centred = (np.eye(80) - 1 / 80) @ kernel
    for t in range(2):
        g = gradients[t, :, 0].astype(np.float64)
        g -= g.mean(0)
        covariance = g.T @ g / 80
        wanted = (np.sum(kernel * (g @ g.T)) - np.trace(centred) * np.trace(covariance)) / (
            np.linalg.norm(covariance) * np.sqrt(2 * np.trace(centred @ centred)))
        np.testing.assert_allclose(energy.scores()[t, 0], wanted, rtol=1e-4)


@pytest.mark.parametrize("pool", POOLS)
def test_an_added_field_lowers_the_loss_to_that_of_the_best_effects(pool):
    rng = np.random.default_rng(3)
    block = draw_sets(rng, 3000, 8, 5)
    held = SeveralValues(block, pool, 8)
    truth = rng.standard_normal(held.matrix.shape[1]) * 1.5
    labels = (rng.random(3000) < 1 / (1 + np.exp(-(held.matrix @ truth - 0.5)))).astype(np.float64)
    fit = AdditiveFit(labels, np.ones(3000, bool))

    def loss():
        return float(np.mean(np.log1p(np.exp(fit.outputs)) - labels * fit.outputs))

    before = loss()
    fit.add("tags", held, len(truth), 2.0)
    once = loss()
    for _ in range(60):
        fit.sweep()
    best = loss()
    assert before - once > 0.75 * (before - best) > 0


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("rate", [0.4, 0.02])
def test_sets_without_information_stay_below_chance(pool, rate):
    """z of 500 null fields: standard normal above, so that about one of 741 exceeds 3."""
    rng, found, sizes = np.random.default_rng(4), [], (3, 6, 20, 100, 400)
    table = ValueTable(np.concatenate([draw_sets(rng, 800, size, 4) for size in sizes], 1), sizes, [pool] * 5, [4] * 5)
    for _ in range(100):
        labels = (rng.random(800) < rate).astype(np.float64)
        residual = Residual(labels - labels.mean())
        found.append(table.evidence(residual, *table.sums(residual)))
    found = np.concatenate(found)
    assert np.mean(found > 3) <= 0.01 and 0.008 < np.mean(found > 2) < 0.05 and 0.10 < np.mean(found > 1) < 0.22


@pytest.mark.parametrize("pool", POOLS)
def test_a_tag_set_that_decides_is_found_and_noise_is_not(pool):
    rng = np.random.default_rng(8)
    tags, noise, copy = (draw_sets(rng, 6000, 12, 4) for _ in range(3))
    plain = rng.integers(0, 5, (6000, 2)).astype(np.int32)
    logits = np.where((tags == 3).any(1), 1.2, -0.6) + 0.8 * (plain[:, 0] == 1)
    labels = (rng.random((6000, 1)) < 1 / (1 + np.exp(-logits[:, None]))).astype(np.uint8)
    copy = tags[:, ::-1].copy()  # the same sets, otherwise written
    copy = np.take_along_axis(copy, np.argsort(copy == 0, axis=1, kind="stable"), 1)
    ids = np.concatenate([plain, tags, noise, copy], 1)
    found = scores_of(ids, labels, (5, 5, 12, 12, 12), pools=[None, None, pool, pool, pool],
                      widths=[1, 1, 4, 4, 4])
    scores = found.scores[0]
    assert scores[2] > CHANCE and scores[0] > CHANCE
    assert scores[1] < CHANCE and scores[3] < CHANCE  # noise
    assert scores[4] < CHANCE  # a copy adds nothing


def test_a_pooled_field_that_matters_with_another_is_found_as_a_pair():
    rng = np.random.default_rng(9)
    tags, noise = draw_sets(rng, 6000, 4, 2), draw_sets(rng, 6000, 4, 2)
    plain = rng.integers(0, 4, (6000, 1)).astype(np.int32)
    odd = (tags == 2).any(1) ^ (plain[:, 0] < 2)
    labels = (rng.random((6000, 1)) < np.where(odd, 0.65, 0.35)[:, None]).astype(np.uint8)
    found = scores_of(np.concatenate([plain, tags, noise], 1), labels, (4, 4, 4), pools=[None, "mean", "mean"],
                      widths=[1, 2, 2])
    assert found.parts["pair"][0, 0] > 10 and found.parts["pair"][0, 1] > 10
    assert (found.scores[0, :2] > CHANCE).all() and found.scores[0, 2] < CHANCE


def test_equal_sets_in_all_rows_are_constant():
    ids = np.tile(np.array([[2, 1]], np.int32), (50, 1))
    labels = np.random.default_rng(6).integers(0, 2, (50, 1)).astype(np.uint8)
    found = scores_of(ids, labels, (3,), pools=["mean"], widths=[2])
    assert found.scores[0, 0] == -CHANCE and found.parts["uz"][0, 0] == 0


def test_pair_moments_and_kernel_moments_agree_on_single_values():
    ids = np.random.default_rng(7).integers(0, 5, (90, 1)).astype(np.int32)
    held = SeveralValues(ids, "sum", 5)
    weights = 1 / (held.counts + 3)
    np.testing.assert_allclose(held.moments(weights), pair_moments(held.counts, weights, np.sum), rtol=1e-9)

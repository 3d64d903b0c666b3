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
"""What tasks tell each other about fields: against loops, chance, and planted fields on which tasks agree or do not."""

from dataclasses import replace

import numpy as np
import pytest

from src.pooling import value_weights
from src.selection.calibrated.additive import AdditiveFit, NumberFit
from src.selection.calibrated.chance import normal_score
from src.selection.calibrated.score import calibrated_scores
from src.selection.calibrated.sharing import CommonRows, agreement_chances
from src.selection.calibrated.value_sums import AGREEMENT, ValueTable
from tests.unit.selection.planted import as_part, draw_ids, draw_labels, scores_of, standard

SIZES = (400, 300, 8, 60, 25, 5, 90, 12)
ROWS = 12_000


def plant(agreement: float, seed: int = 0, rows: int = ROWS):
    """Fields 0 and 1 decide a frequent task, 0 and 2 a rare one; field 0 with effects of this correlation."""
    rng = np.random.default_rng(seed)
    ids = draw_ids(rng, rows, SIZES)
    effects = [rng.standard_normal(size)[ids[:, n]] for n, size in enumerate(SIZES)]
    other = agreement * effects[0] + np.sqrt(1 - agreement ** 2) * rng.standard_normal(SIZES[0])[ids[:, 0]]
    logits = np.stack([0.8 * standard(effects[0]) + 0.8 * standard(effects[1]) - 0.6,
                       0.45 * standard(other) + 1.2 * standard(effects[2]) - 5], 1)
    return ids, draw_labels(rng, logits)


def test_what_other_rows_say_leaves_every_row_out():
    rng = np.random.default_rng(1)
    ids = np.stack([rng.integers(0, 6, 50), *rng.integers(0, 5, (2, 50))], 1).astype(np.int32)
    table, values = ValueTable(ids, (6, 5), [None, "mean"], [1, 2]), rng.standard_normal(50)
    weights = rng.random(6) + 0.5
    expected = [weights[v] * sum(values[c] for c in range(50) if ids[c, 0] == v and c != b)
                for b, v in enumerate(ids[:, 0])]
    np.testing.assert_allclose(table.others(0, values, weights), expected, atol=1e-12)
    pooled = np.zeros((50, 5))
    for row, own, shares in zip(pooled, ids[:, 1:], value_weights(ids[:, 1:], "mean")):
        np.add.at(row, own, shares)
    weights = rng.random(5) + 0.5
    kernel = pooled @ np.diag(weights) @ pooled.T
    np.fill_diagonal(kernel, 0)
    np.testing.assert_allclose(table.others(1, values, weights), kernel @ values, atol=1e-12)


@pytest.mark.parametrize("fit", [AdditiveFit, NumberFit])
def test_an_effect_along_a_direction_is_standard_normal_by_chance_and_grows_with_the_effect(fit):
    rng = np.random.default_rng(2)
    found, known = [], []
    for _ in range(400):
        direction, used = rng.standard_normal(800), rng.random(800) < 0.9
        chance = 1 / (1 + np.exp(2.5 - 0.5 * direction))
        for values, z in ((np.full(800, 0.1), found), (chance, known)):
            labels = (rng.random(800) < values) if fit is AdditiveFit else values * 4 + rng.standard_normal(800)
            z.append(float(normal_score(fit(labels.astype(np.float64), used).along(direction))))
    assert abs(np.mean(found)) < 0.2 and 0.85 < np.std(found) < 1.15
    assert np.mean(np.array(found) > 2) < 0.05
    assert np.mean(known) > 2


def test_a_rare_task_gets_the_field_on_which_it_agrees_with_a_frequent_one():
    found = {(agreement, share): [scores_of(*plant(agreement, seed), SIZES, share=share).significant
                                  for seed in range(6)] for agreement in (1.0, -1.0) for share in (False, True)}
    times = {key: sum(taken[1, 0] for taken in value) for key, value in found.items()}
    assert times[1.0, True] == 6 and times[1.0, False] <= 4
    assert times[-1.0, True] == times[-1.0, False]  # effects of the other sign are no evidence
    for alone, shared in zip(found[1.0, False], found[1.0, True]):
        np.testing.assert_array_equal(shared[:, 1:], alone[:, 1:])  # nothing else is taken


def test_one_task_and_tasks_that_disagree_change_nothing():
    ids, labels = plant(-1.0)
    one = [scores_of(ids, labels[:, :1], SIZES, share=share).scores for share in (False, True)]
    np.testing.assert_array_equal(*one)
    two = [scores_of(ids, labels, SIZES, share=share).significant for share in (False, True)]
    np.testing.assert_array_equal(*two)


def test_a_label_that_two_tasks_share_by_row_is_no_agreement_on_fields():
    """The same noise in both labels: own rows left out, nothing is in common."""
    rng = np.random.default_rng(5)
    ids = draw_ids(rng, 6000, SIZES)
    labels = np.repeat(rng.random((6000, 1)) < 0.2, 2, 1).astype(np.uint8)
    assert not scores_of(ids, labels, SIZES, share=True).significant.any()
    relations = CommonRows([as_part(ids, labels)], SIZES).relations()
    assert (relations[:, 0, 1] < 0.3).all()


def apart(ids: np.ndarray, labels: np.ndarray, rows) -> list:
    """Each task as a part of its own, in the rows of ``rows``."""
    return [replace(as_part(ids[own], labels[own, t:t + 1], places=own), tasks=(t,)) for t, own in enumerate(rows)]


def test_what_another_tasks_rows_say_of_a_row_leaves_out_its_own_label():
    """Against a loop, for a plain field and one of several values, where some rows are in both parts."""
    rng = np.random.default_rng(7)
    ids = np.stack([rng.integers(0, 6, 60), *rng.integers(0, 5, (2, 60))], 1).astype(np.int32)
    rows = [rng.permutation(60)[:40], rng.permutation(60)[:30]]
    common = CommonRows(apart(ids, np.zeros((60, 2)), rows), (6, 5), [None, "mean"], [1, 2])
    left, lam = rng.standard_normal(40), 5.0
    pooled = np.zeros((60, 5))
    for row, own, shares in zip(pooled, ids[:, 1:], value_weights(ids[:, 1:], "mean")):
        np.add.at(row, own, shares)
    for n, x in enumerate((np.eye(6)[ids[:, 0]], pooled)):
        weights = 1 / (np.square(x[rows[0]]).sum(0) - 1 + lam)
        expected = [sum((x[b] * weights) @ x[c] * r for c, r in zip(rows[0], left) if b != c) for b in rows[1]]
        np.testing.assert_allclose(common.effect(n, left, lam, 0, 1), expected, atol=1e-5)


@pytest.mark.parametrize("overlap", [0, 4_000])
def test_tasks_with_rows_of_their_own_share_as_tasks_with_the_same_rows_do(overlap):
    """The rare task gets the field on which it agrees with a frequent one whose labels are in other rows."""
    times = {}
    for agreement in (1.0, -1.0):
        for share in (False, True):
            found = []
            for seed in range(6):
                ids, labels = plant(agreement, seed, 2 * ROWS)
                parts = apart(ids, labels, [np.arange(ROWS + overlap), np.arange(ROWS, 2 * ROWS)])
                found.append(calibrated_scores(parts, SIZES, share=share).significant)
            times[agreement, share] = sum(taken[1, 0] for taken in found)
            assert all(taken[0, :2].all() and not taken[:, 3:].any() for taken in found)
    assert times[1.0, True] == 6 and times[1.0, False] <= 4
    assert times[-1.0, True] == times[-1.0, False]


def test_parts_of_the_same_rows_are_scored_like_one_part_and_related_like_it():
    ids, labels = plant(1.0, 1)
    together = calibrated_scores([as_part(ids, labels)], SIZES, share=True)
    order = np.random.default_rng(8).permutation(ROWS)
    parts = calibrated_scores(apart(ids, labels, [order, np.arange(ROWS)]), SIZES, share=True)
    np.testing.assert_allclose(parts.scores, together.scores, rtol=1e-6)
    np.testing.assert_allclose(parts.relations, together.relations, atol=1e-9)


def test_the_same_noise_in_rows_that_parts_share_is_no_agreement():
    rng = np.random.default_rng(5)
    ids = draw_ids(rng, 6000, SIZES)
    labels = np.repeat(rng.random((6000, 1)) < 0.2, 2, 1).astype(np.uint8)
    found = calibrated_scores(apart(ids, labels, [np.arange(5000), np.arange(1000, 6000)]), SIZES, share=True)
    assert not found.significant.any() and (found.relations[:, 0, 1] < 0.3).all()


def test_relations_are_high_where_effects_agree_and_only_there():
    for seed in range(3):
        ids, labels = plant(1.0, seed)
        relations = CommonRows([as_part(ids, labels)], SIZES).relations()
        np.testing.assert_array_equal(relations[:, [0, 1], [0, 1]], 1)
        np.testing.assert_array_equal(relations[:, 0, 1], relations[:, 1, 0])
        assert relations[0, 0, 1] > 0.4 and (relations[1:, 0, 1] < 0.3).all()
        assert (relations >= 0).all() and (relations <= 1).all()
        assert CommonRows([as_part(*plant(-1.0, seed))], SIZES).relations()[0, 0, 1] == 0


def test_the_energy_in_common_equals_a_loop_over_pairs_of_rows():
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 4, (40, 2)).astype(np.int32)
    one, other = (values - values.mean() for values in rng.standard_normal((2, 40)))
    found = ValueTable(ids, (4, 4)).agreement(np.stack([one, other]), np.ones((2, 40), bool))
    energy, z = (numbers[:, 0, 1] for numbers in found)
    for n in range(2):
        counts = np.bincount(ids[:, n], minlength=4)
        expected = sum(one[b] * other[c] / (counts[ids[b, n]] + AGREEMENT)
                       for b in range(40) for c in range(40) if b != c and ids[b, n] == ids[c, n])
        assert energy[n] == pytest.approx(expected)
    assert np.sign(z).tolist() == np.sign(energy).tolist()


def test_the_chance_to_agree_grows_with_the_evidence_and_is_small_where_all_is_chance():
    rng = np.random.default_rng(4)
    noise = rng.standard_normal(60)
    mixed = agreement_chances(np.concatenate([noise, [3.0, 4.5, 7.0, 30.0]]))
    assert (mixed[:60] < 0.5).all() and mixed[60] < mixed[61] <= mixed[62] and mixed[62] > 0.95 and mixed[63] > 0.95
    assert agreement_chances(noise).max() < 0.6
    assert (agreement_chances(noise)[noise <= 0] == 0).all()

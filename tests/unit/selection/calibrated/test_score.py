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
"""What the calibrated score selects on planted data of several laws."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from src.selection.calibrated.score import CHANCE, copies_of, one_scale
from src.selection.calibrated.value_sums import Residual, ValueTable, loo_gain
from tests.unit.selection.planted import draw_ids, draw_labels, scores_of, standard

ROWS = 20_000
SIZES = [2, 3, 5, 8, 12, 20, 40, 80, 200, 500, 2000, 5000, 2, 6, 15, 9]


def plant(main: dict, seed: int = 0, pairs=None, rates=(0.35, 0.05), sizes=SIZES):
    """ids, labels; main: task -> {field: strength}, pairs: task -> [(field, field)]."""
    rng = np.random.default_rng(seed)
    ids = draw_ids(rng, ROWS, sizes)
    logits = np.tile(np.log(np.array(rates) / (1 - np.array(rates))), (ROWS, 1))
    for t, strengths in main.items():
        for n, strength in strengths.items():
            logits[:, t] += strength * standard(rng.standard_normal(sizes[n])[ids[:, n]])
    for t, fields in (pairs or {}).items():
        for a, b in fields:
            table = rng.standard_normal((sizes[a], sizes[b]))
            share = [np.bincount(ids[:, n], minlength=sizes[n]) / ROWS for n in (a, b)]
            table -= share[0] @ table
            table -= (table @ share[1])[:, None]
            logits[:, t] += 0.8 * standard(table[ids[:, a], ids[:, b]])
    return ids, draw_labels(rng, logits)


def found(result) -> list[set]:
    return [set(map(int, np.flatnonzero(row))) for row in result.significant]


def test_finds_main_effects_of_any_size_for_each_task():
    ids, labels = plant({0: dict.fromkeys([0, 3, 6, 9], 0.4), 1: dict.fromkeys([0, 4, 7], 0.6)})
    result = scores_of(ids, labels, SIZES)
    assert found(result) == [{0, 3, 6, 9}, {0, 4, 7}]
    assert ((result.scores > CHANCE) == result.significant).all()
    for row, relevant in zip(result.scores, found(result)):
        assert set(np.argsort(-row, kind="stable")[:len(relevant)]) == relevant


def test_finds_fields_that_matter_only_together():
    ids, labels = plant({0: {0: 0.4}, 1: {}}, pairs={0: [(5, 13)], 1: [(5, 13)]})
    result = scores_of(ids, labels, SIZES)
    assert found(result) == [{0, 5, 13}, {5, 13}]
    assert result.parts["pair"][0, [5, 13]].min() > 3 > result.parts["z"][0, [5, 13]].max()


def test_the_fields_of_a_pair_share_its_gain():
    """A pair takes two fields for the gain of one effect, so fields of about its gain alone come before both."""
    ids, labels = plant({0: {3: 0.7, 4: 0.7}}, pairs={0: [(5, 13)]}, rates=(0.35,))
    scores = scores_of(ids, labels, SIZES).scores[0]
    assert scores[5] == scores[13] > CHANCE and min(scores[3], scores[4]) > scores[5]
    ids, labels = plant({0: {13: 1.2}}, pairs={0: [(5, 13)]}, rates=(0.35,))
    scores = scores_of(ids, labels, SIZES).scores[0]
    assert scores[13] > scores[5] > CHANCE  # the strong field first, and with the other all of the pair's gain


def test_of_two_copies_one_is_kept():
    ids, labels = plant({0: {5: 0.5, 7: 0.5}, 1: {5: 0.7}})
    rng = np.random.default_rng(1)
    ids[:, 13] = rng.permutation(20)[ids[:, 5]]  # the same values by other names
    ids[:, 14] = np.where(rng.random(ROWS) < 0.05, rng.integers(0, 80, ROWS), ids[:, 7])
    sizes = list(SIZES)
    sizes[13], sizes[14] = 20, 80
    first, second = found(scores_of(ids, labels, sizes))
    assert len(first & {5, 13}) == 1 and 7 in first and 14 not in first and len(first) == 2
    assert len(second & {5, 13}) == 1 and len(second) == 1


def test_a_shadow_of_two_causes_is_not_kept():
    rng = np.random.default_rng(2)
    hidden = rng.standard_normal(ROWS)
    ids = draw_ids(rng, ROWS, SIZES)
    for n in (4, 5, 6):  # correlated; 6 does not act
        ids[:, n] = np.clip((0.8 * hidden + 0.6 * rng.standard_normal(ROWS)) * 2.5 + 6, 0, SIZES[n] - 1)
    logit = -0.5 + 0.35 * (ids[:, 4] - 6) - 0.6 + 0.35 * (ids[:, 5] - 6)
    result = scores_of(ids, draw_labels(rng, np.stack([logit, logit - 2], 1)), SIZES)
    assert found(result) == [{4, 5}, {4, 5}]
    assert result.parts["z"][0, 6] > 10  # on its own it looks like one


def test_nothing_matters():
    counts = [scores_of(*plant({}, seed), SIZES).significant.sum() for seed in range(4)]
    assert sum(counts) <= 1


def test_everything_matters():
    ids, labels = plant({0: {n: 0.25 if n < 10 else 0.4 for n in range(16)}})
    assert scores_of(ids, labels, SIZES).significant[0].sum() >= 14


def test_noise_of_many_values_comes_last_and_constants_after_it():
    """Fields of 2000 and 5000 values after those of 3, 5 and 2, in nearly every draw for the task of 5 % positives."""
    last = []
    for seed in range(12):
        ids, labels = plant({0: {3: 0.5}, 1: {3: 0.5}}, seed)
        ids[:, 0] = 1
        scores = scores_of(ids, labels, SIZES).scores
        assert (np.argsort(-scores, axis=1, kind="stable")[:, -1] == 0).all() and (scores[:, 0] == -CHANCE).all()
        last.append(scores[:, [10, 11]].max(1) < scores[:, [1, 2, 12]].min(1))
    assert np.sum(last, 0)[0] == 12 and np.sum(last, 0)[1] >= 10


def test_fields_of_a_rare_task_without_evidence_come_before_noise():
    """A hundred positives cannot show four weak effects, but what they say of fields is more than chance: a field is
    judged by what it would cost on the log-odds, not by what it cost if the label were as common as another."""
    acting, found = [4, 6, 7, 8], []
    for seed in range(10):
        ids, labels = plant({1: dict.fromkeys(acting, 0.4)}, seed, rates=(0.35, 0.005))
        result = scores_of(ids, labels[:, 1:], SIZES)
        left = ~result.significant[0]
        found.append(roc_auc_score(np.isin(np.arange(len(SIZES)), acting)[left], result.scores[0][left]))
    assert np.mean(found) > 0.8


def test_a_rare_task_gets_the_pair_that_a_frequent_one_has_found():
    """Also where it is no evidence yet: as one of one pair it says more than as one of 120."""
    top, significant = {}, {}
    for share in (False, True):
        results = [scores_of(*plant({}, seed, {0: [(4, 5)], 1: [(4, 5)]}, rates=(0.35, 0.0025)), SIZES, share=share)
                   for seed in range(10)]
        top[share] = np.mean([np.isin(np.argsort(-result.scores[1], kind="stable")[:2], [4, 5]) for result in results])
        significant[share] = np.mean([result.significant[1, [4, 5]] for result in results])
        assert np.mean([result.significant[1].sum() - result.significant[1, [4, 5]].sum() for result in results]) < 0.3
    assert top[True] > 0.7 > 0.5 > top[False] and significant[True] > 0.4 > 0.2 > significant[False]


def test_one_task_one_field_one_class():
    ids, labels = plant({0: {0: 0.5}})
    alone = scores_of(ids[:, :1], labels[:, :1], SIZES[:1])
    assert alone.scores.shape == (1, 1) and alone.significant.all()
    labels[:, 1] = 0
    result = scores_of(ids, labels, SIZES)
    assert np.isfinite(result.scores).all() and not result.significant[1].any() and result.significant[0, 0]


def test_given_energy_decides_what_is_evident_at_first():
    ids, labels = plant({0: {3: 0.5}, 1: {3: 0.5}})
    own = scores_of(ids, labels, SIZES)
    same = scores_of(ids, labels, SIZES, own.parts["uz"])
    assert (same.scores == own.scores).all()
    loud = own.parts["uz"].copy()
    loud[0, 12] = 50.0
    assert scores_of(ids, labels, SIZES, loud).parts["z"][0, 12] > 5 > own.parts["z"][0, 12]


def test_two_runs_agree_to_the_bit_and_field_order_does_not_matter():
    ids, labels = plant({0: dict.fromkeys([1, 5, 8], 0.4), 1: {2: 0.6}}, pairs={0: [(4, 13)]})
    first, again = (scores_of(ids, labels, SIZES).scores for _ in range(2))
    assert (first == again).all()
    order = np.random.default_rng(0).permutation(len(SIZES))
    turned = scores_of(ids[:, order], labels, [SIZES[n] for n in order]).scores
    np.testing.assert_allclose(turned, first[:, order], rtol=1e-6)


def test_residual_energy_is_gradient_energy_of_one_dimension():
    ids, labels = plant({0: {3: 0.2}})
    residual = labels[:500, 0] - labels[:500, 0].mean()
    table = ValueTable(ids[:500], SIZES)
    for n, z in enumerate(table.energy(Residual(residual))):
        same = ids[:500, n][:, None] == ids[:500, n]
        np.fill_diagonal(same, False)
        centre = np.eye(500) - 1 / 500
        kept = centre @ same @ centre
        excess = residual @ same @ residual - np.trace(kept) * residual.var()
        assert z == pytest.approx(excess / (residual.var() * np.sqrt(2 * np.sum(kept * kept))))


@pytest.mark.parametrize("lam", [2.0, 20.0])
def test_gain_leaves_every_row_out(lam):
    rng = np.random.default_rng(0)
    values, residual = rng.integers(0, 9, 200), rng.standard_normal(200)
    expected = np.zeros(9)
    for b, v in enumerate(values):
        others = (values == v) & (np.arange(200) != b)
        mean = residual[others].sum() / (others.sum() + lam)
        expected[v] += residual[b] * mean - mean ** 2 / 2
    sums, squares = (np.bincount(values, weight) for weight in (residual, residual ** 2))
    np.testing.assert_allclose(loo_gain(np.bincount(values).astype(float), sums ** 2 - squares, squares, lam), expected)


def test_kinds_of_fields_are_apart():
    gain = np.array([[5.0, -2.0, 0.5, -40.0, 0.0, 4.0, -60.0, -3.0, -9.0]])
    taken, weak, shadows, twins = (np.array([[n in kind for n in range(9)]])
                                   for kind in ({0, 4, 7, 8}, {5}, {1}, {6}))
    scores = one_scale(gain, taken, weak, shadows, twins, np.array([1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]))[0]
    assert scores[0] == 9 and scores[4] == 4 and scores[7] == 3.25 and scores[8] == 3.1
    assert CHANCE > scores[5] > 2 and scores[1] == pytest.approx(4 / 3) and scores[2] < 0
    assert list(np.argsort(-scores)) == [0, 4, 7, 8, 5, 1, 6, 2, 3]


def test_weak_effects_of_many_values_come_after_what_a_network_can_learn():
    """On flights, the flight's number is worth more than many a field to a model that shrinks it as is best, but a
    network learns it by heart."""
    sizes = [10, 1000]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        ids = np.stack([rng.integers(0, size, ROWS) for size in sizes], 1)
        effects = [strength * standard(rng.standard_normal(size)[ids[:, n]])
                   for n, (size, strength) in enumerate(zip(sizes, [0.1, 0.28]))]
        labels = draw_labels(rng, sum(effects)[:, None] - 0.6)
        table, own = ValueTable(ids, sizes), Residual(labels[:, 0] - labels[:, 0].mean())
        few, many = table.gains(own, *table.sums(own), [100.0])[0]
        result = scores_of(ids, labels, sizes)
        assert many > few and result.significant.all()
        assert result.scores[0, 0] > CHANCE + 1 > result.scores[0, 1] > CHANCE


def test_copies_are_told_from_coarser_views():
    """A relabelled copy of a taken field, and a finer one, bring nothing; a coarser view of it may (interactions)."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 6, 5000)
    ids = np.stack([base, 5 - base, base // 2, base * 3 + rng.integers(0, 3, 5000), rng.integers(0, 6, 5000)], 1)
    table = ValueTable(ids, [6, 6, 3, 18, 6])
    copies, twins = copies_of(table, np.arange(1, 5), np.array([0]))
    assert copies.tolist() == [False, True, False, True, False]
    assert twins.tolist() == [False, True, False, False, False]
    np.testing.assert_allclose(table.entropies()[[0, 4]], np.log(6), atol=0.01)
    assert table.joint_entropy(0, 2) == pytest.approx(table.entropies()[0])

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
"""Chi-squared, mutual information, lasso and random: against scikit-learn's own answers, and on planted fields."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_selection import chi2
from sklearn.metrics import mutual_info_score

from src.schema import UNKNOWN, Field, Schema, Task
from src.selection.baselines import counting
from src.selection.baselines.counting import ChiSquared, ChiSquaredZ, MutualInformation, Random, contingency
from src.selection.baselines.lasso import Lasso, field_spread, one_hot
from tests.helpers import make_config
from tests.unit.selection.planted import draw_ids, draw_labels, standard

SIZES = [2, 6, 30, 400, 3, 5]
ROWS = 6000
CONFIG = make_config(seed=1)


class Data:
    """A prepared set in memory that has a train split and nothing else to read."""

    def __init__(self, ids: np.ndarray, labels: np.ndarray, sizes=SIZES):
        self.ids, self.labels, self.rows = ids, labels, len(ids)
        self.partial, self.weights, self.widths = tuple((labels == UNKNOWN).any(0)), None, [1] * len(sizes)
        self.schema = Schema("toy", tuple(Field(f"f{n}", size) for n, size in enumerate(sizes)),
                             tuple(Task(f"t{t}") for t in range(labels.shape[1])), {}, {}, 1)

    def split(self, name: str) -> Data:
        assert name == "train"
        return self

    def read(self, start, stop, columns=None, tasks=None):
        return self.ids[start:stop], self.labels[start:stop][:, tasks]

    def take(self, rows, columns=None, tasks=None):
        return self.ids[rows], self.labels[rows][:, tasks]

    def read_labels(self, start, stop, tasks=None):
        return self.labels[start:stop][:, tasks]


@pytest.fixture(scope="module")
def data() -> Data:
    rng = np.random.default_rng(0)
    ids = draw_ids(rng, ROWS, SIZES)
    ids[:, 5] = 2  # constant
    logits = np.full((ROWS, 2), -1.0)
    logits[:, 0] += 0.7 * standard(rng.standard_normal(6)[ids[:, 1]])
    logits[:, 1] += 0.7 * standard(rng.standard_normal(30)[ids[:, 2]])
    return Data(ids, draw_labels(rng, logits))


def test_chi_squared_is_the_sum_over_one_hot_values(data):
    scores = ChiSquared(CONFIG).fit(data, ["t0", "t1"]).scores_
    hot = one_hot(data.ids, SIZES)
    for t in range(2):
        single = np.nan_to_num(chi2(hot, data.labels[:, t])[0])
        expected = np.add.reduceat(single, np.concatenate([[0], np.cumsum(SIZES)[:-1]]))
        np.testing.assert_allclose(scores[t], expected, rtol=1e-9, atol=1e-9)


def test_standardised_chi_squared_finds_what_the_plain_one_hides(data):
    plain, corrected = (kind(CONFIG).fit(data, ["t0", "t1"]) for kind in (ChiSquared, ChiSquaredZ))
    assert plain.scores_[0, 3] > 250 and abs(corrected.scores_[0, 3]) < 3  # 400 values of noise
    assert corrected.scores_.argmax(1).tolist() == [1, 2]
    assert (corrected.scores_ > corrected.chance_).sum() == 2


def test_mutual_information_is_that_of_scikit_learn_less_what_shuffling_gives(data):
    scores = MutualInformation(CONFIG).fit(data, ["t0"]).scores_[0]
    rng, label = np.random.default_rng(0), data.labels[:, 0]
    for n in (1, 3):
        chance = np.mean([mutual_info_score(data.ids[:, n], rng.permutation(label)) for _ in range(40)])
        assert scores[n] == pytest.approx(mutual_info_score(data.ids[:, n], label) - chance, abs=4e-4)
    assert scores[5] == 0 and scores.argmax() == 1


def test_counts_are_the_same_in_any_blocks(data, monkeypatch):
    whole, _ = contingency(data, SIZES, [1, 0])
    monkeypatch.setattr(counting, "BLOCK", 700)
    for a, b in zip(whole, contingency(data, SIZES, [1, 0])[0]):
        assert (a == b).all()
    assert whole[1][:, 0].sum() == ROWS and whole[1][:, 1].sum() == data.labels[:, 1].sum()


def test_lasso_finds_the_planted_field_of_every_task(data):
    lasso = Lasso(CONFIG).fit(data, ["t0", "t1"])
    assert lasso.scores_.argmax(1).tolist() == [1, 2] and (lasso.scores_[:, 5] < 1e-9).all()
    assert (lasso.scores_ == Lasso(CONFIG).fit(data, ["t0", "t1"]).scores_).all()


def test_spread_is_the_deviation_of_a_fields_part(data):
    weights = np.random.default_rng(3).standard_normal(sum(SIZES))
    spread = field_spread(one_hot(data.ids, SIZES), weights, SIZES)
    parts = weights[2 + data.ids[:, 1]]  # field 1 comes after the two values of field 0
    assert spread[1] == pytest.approx(parts.std()) and spread[5] == pytest.approx(0, abs=1e-6)


def test_random_is_a_new_order_for_every_seed_and_task(data):
    scores = Random(CONFIG).fit(data, ["t0", "t1"]).scores_
    assert (scores == Random(CONFIG).fit(data, ["t0", "t1"]).scores_).all()
    assert (scores != Random(make_config(seed=2)).fit(data, ["t0", "t1"]).scores_).all()
    assert (scores[0] != scores[1]).all()


@pytest.mark.parametrize("kind", [ChiSquared, ChiSquaredZ, MutualInformation, Lasso])
def test_a_label_of_one_class_scores_nothing(data, kind):
    labels = data.labels.copy()
    labels[:, 1] = 0
    scores = kind(CONFIG).fit(Data(data.ids, labels), ["t0", "t1"]).scores_
    assert (scores[1] == 0).all() and scores[0, 1] > 0


@pytest.mark.parametrize("kind", [ChiSquared, ChiSquaredZ, MutualInformation, Lasso])
def test_a_task_is_scored_on_the_rows_of_its_labels(data, kind):
    """Which rows have one depends on a field, which does not make that field matter."""
    known, hidden = data.ids[:, 0] + data.ids[:, 4] > 1, data.labels.copy()
    hidden[~known, 1] = UNKNOWN
    scores = kind(CONFIG).fit(Data(data.ids, hidden), ["t0", "t1"]).scores_
    np.testing.assert_array_equal(scores[0], kind(CONFIG).fit(data, ["t0"]).scores_[0])
    alone = kind(CONFIG).fit(Data(data.ids[known], data.labels[known]), ["t1"]).scores_
    np.testing.assert_array_equal(scores[1], alone[0])

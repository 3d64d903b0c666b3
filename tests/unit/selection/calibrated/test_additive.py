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
"""The model of effects taken so far."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from src.selection.calibrated.additive import AdditiveFit, NumberFit
from src.selection.calibrated.value_sums import ValueTable

ROWS = 20_000


@pytest.mark.parametrize("fit", [AdditiveFit, NumberFit])
def test_effects_leave_no_mean_behind(fit):
    """Values of few rows are shrunken, those of many are not: without a step of the bias the mean would move."""
    rng = np.random.default_rng(0)
    sizes = rng.geometric(0.002, 400)
    places = np.repeat(np.arange(400), sizes)
    labels = (rng.random(len(places)) < expit(2 - sizes[places] / 300)).astype(np.float64)
    model = fit(labels, np.ones(len(labels), bool))
    model.add("field", places, 400, 1000.0)
    for _ in range(3):
        assert abs(model.residual.values.sum()) < 0.1 * np.sqrt(len(labels) * model.residual.variance)
        model.sweep()


def test_a_field_that_is_the_same_in_nearly_all_rows_is_no_evidence_after_others():
    """It would be one as soon as what is left has a mean: nearly all rows have one sign then."""
    scores = []
    for seed in range(20):
        rng = np.random.default_rng([seed, 5])
        user, film = (rng.zipf(1.3, ROWS) % size for size in (900, 40))
        taste = 3 * rng.standard_normal((900, 40))
        labels = (rng.random(ROWS) < expit(taste[user, film] - 2)).astype(np.float64)
        rare = (rng.random(ROWS) < 0.01).astype(np.int64)
        model = AdditiveFit(labels, np.ones(ROWS, bool))
        model.add("user", user, 900, 20.0)
        model.add("pair", user * 40 + film, 36_000, 300.0)
        table = ValueTable(rare[:, None], [2])
        scores.append(table.evidence(model.residual, *table.sums(model.residual))[0])
    assert np.mean(scores) < 1 and np.max(scores) < 3.5


def test_an_effect_on_the_log_odds_takes_as_many_more_rows_as_the_label_is_rarer():
    """A log-odds from n rows has variance 1 / (n p (1 - p)): 100 rows at p = 1/2 say as much as 25 / (p (1 - p))."""
    used = np.ones(400, bool)
    for positives in (200, 40, 4):
        labels, rate = np.repeat([1.0, 0.0], [positives, 400 - positives]), positives / 400
        assert AdditiveFit(labels, used).rarity == pytest.approx(25 / (rate * (1 - rate)) / 100)
    assert AdditiveFit(np.zeros(400), used).rarity == 1 == NumberFit(labels, used).rarity

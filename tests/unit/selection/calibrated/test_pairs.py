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
"""Pairs of fields that matter only together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from src.selection.calibrated.additive import AdditiveFit
from src.selection.calibrated.pairs import PairTable
from src.selection.calibrated.value_sums import ValueTable

ROWS = 20_000


def test_a_pair_of_noise_gains_nothing_where_some_users_are_sure():
    """Users of few rows are sure of their label: their rows differ less than the others, with no help of the pair."""
    gains = []
    for seed in range(10):
        rng = np.random.default_rng([seed, 6])
        user = np.where(rng.random(ROWS) < 0.5, rng.integers(0, 20, ROWS), rng.integers(20, 800, ROWS))
        rare = (rng.random(ROWS) < 0.003).astype(np.int64)
        odds = np.where(np.arange(800) < 20, 0.0, 4 * np.sign(rng.standard_normal(800)))
        labels = (rng.random(ROWS) < expit(odds[user])).astype(np.float64)
        model = AdditiveFit(labels, np.ones(ROWS, bool))
        for _ in range(3):
            model.add("user", user, 800, 1.0)
        pairs = PairTable(ValueTable(np.stack([user, rare], 1), [800, 2]))
        gains.append(pairs.cross((0, 1)).best_shrinkage(model.residual)[1])
    assert np.mean(gains) < 1.0


def test_cells_of_one_row_gain_nothing():
    """Own effects explain the only row of a cell nearly or wholly; what is left of it says nothing of other rows."""
    rng = np.random.default_rng(0)
    left = np.arange(40) // 2
    right = (left + np.arange(40) % 2) % 20  # one cycle through all cells: own effects explain 39 of 40 rows
    crossing = PairTable(ValueTable(np.stack([left, right], 1), [20, 20])).cross((0, 1))
    assert crossing.counts.max() == 1
    residual = AdditiveFit((rng.random(40) < 0.5).astype(np.float64), np.ones(40, bool)).residual
    assert crossing.best_shrinkage(residual)[1] == pytest.approx(0, abs=1e-9)

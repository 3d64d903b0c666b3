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
"""What a field is worth that was not taken."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from src.selection.calibrated.forward import ALONG, ForwardPath, along_nats, prior_odds
from src.selection.calibrated.pairs import PairTable
from src.selection.calibrated.value_sums import ValueTable
from tests.unit.selection.planted import draw_ids, draw_labels, standard


@pytest.mark.parametrize("z", [-2.0, 0.0, 1.0, 4.0])
def test_evidence_along_another_tasks_effect_is_a_ratio_of_likelihoods(z):
    """Effects of no known size against none: the integral over a half-normal prior of their z."""
    effect = quad(lambda size: 2 * norm.pdf(size, scale=ALONG) * norm.pdf(z, size), 0, np.inf)[0]
    assert along_nats(z) == pytest.approx(np.log(effect / norm.pdf(z)), abs=1e-6)


def test_the_prior_is_the_share_of_fields_that_matter():
    none = np.zeros(8, bool)
    sure = np.array([50.0, 50.0, 50.0, -50.0, -50.0, -50.0, -50.0, -50.0])
    assert prior_odds(sure, none) == pytest.approx(np.log(4 / 6))  # (3 + 1) of (8 + 2)
    assert prior_odds(np.full(8, -50.0), sure > 0) == pytest.approx(np.log(4 / 6))
    assert prior_odds(np.zeros(8), none) == 0  # nothing known
    assert prior_odds(np.array([]), np.array([], bool)) == 0
    odds = [prior_odds(np.full(8, evidence), none) for evidence in (-3.0, -1.0, 0.0, 1.0)]
    assert odds == sorted(odds)


def test_a_field_that_another_task_found_is_likelier_to_matter():
    """Where this task has taken most of what others have, the rest of it comes before what nobody has taken."""
    rng, sizes = np.random.default_rng(0), [8, 8, 8, 8, 40, 40]
    ids = draw_ids(rng, 8000, sizes)
    logits = sum(standard(rng.standard_normal(8)[ids[:, n]]) for n in range(3)) - 1
    labels = draw_labels(rng, logits[:, None])[:, 0].astype(float)
    worth = {}
    for told in (False, True):
        path = ForwardPath(ValueTable(ids, sizes), labels, np.ones(len(ids), bool), None)
        path.take_fields()
        pairs = PairTable(path.table)
        if told:
            path.others = np.array([True, True, True, False, True, False])
        worth[told] = path.gain(pairs, np.zeros(len(pairs.pairs)))
        assert path.taken.tolist() == [True] * 3 + [False] * 3
    assert worth[True][4] > worth[False][4] + 0.5 and worth[True][5] < worth[False][5]
    np.testing.assert_array_equal(worth[True][:3], worth[False][:3])

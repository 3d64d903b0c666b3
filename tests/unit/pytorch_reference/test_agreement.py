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
"""The table of differences."""

import numpy as np
import pytest

from pytorch_reference.agreement import Agreement, auc_slack
from src.common.errors import UserError


def test_differences_are_relative_to_the_largest_magnitude():
    found = Agreement(0.01)
    found.add("logits", "like", np.array([1.0, -4.0]), np.array([1.02, -4.0]))
    assert found.worst("logits") == ("like", pytest.approx(0.02), pytest.approx(0.005))
    assert found.holds
    found.add("logits", "love", np.array([1.0, 4.0]), np.array([1.0, 4.2]))
    assert not found.holds
    lines = found.table().splitlines()
    assert len(lines) == 2 and "love" in lines[1] and lines[1].endswith("<- beyond tolerance")


@pytest.mark.parametrize("ours, reference, holds", [
    (np.nan, 1.0, False), (1.0, np.nan, False), (1e-30, 0.0, False), (0.0, 0.0, True), (np.inf, 1.0, False),
])
def test_odd_numbers_never_agree(ours, reference, holds):
    found = Agreement(0.5)
    found.add("loss", "like", np.array([2.0]), np.array([2.0]))
    found.add("loss", "love", np.array([ours]), np.array([reference]))
    assert found.holds is holds
    assert found.worst("loss")[0] == ("like" if holds else "love")


def test_shapes_must_match():
    with pytest.raises(UserError, match="shape"):
        Agreement(1).add("gradient", "w", np.zeros(3), np.zeros((3, 1)))


def test_slack_is_no_disagreement():
    found = Agreement(1e-5)
    found.add("AUC", "like", np.array(0.8), np.array(0.8001), slack=2e-4)
    assert found.holds and found.worst("AUC")[1] == pytest.approx(1e-4)
    found.add("AUC", "love", np.array(0.8), np.array(0.8001), slack=5e-5)
    assert not found.holds


def test_auc_slack_counts_the_pairs_that_rounding_can_swap():
    logits, labels = np.array([0.1, 0.1, 0.3, 0.5, 0.9]), np.array([1, 0, 0, 1, 0])
    assert auc_slack(logits, labels, 0.0) == pytest.approx(1 / 6)  # a tie
    assert auc_slack(logits, labels, 0.11) == pytest.approx(3 / 6)
    assert auc_slack(logits, np.ones(5), 0.1) == 0

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

from src.errors import UserError
from src.reporting.agreement import Agreement, gradient_scales


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


def test_gradients_are_relative_to_their_block():
    gradients = {"expert.0.mlp.0.weight": np.array([[-3.0]]), "expert.0.mlp.0.bias": np.zeros(1),
                 "expert.1.mlp.0.weight": np.ones((1, 1)), "gate.0.0.weight": np.full((1, 1), 2.0),
                 "gate.0.0.bias": np.ones(1)}
    assert gradient_scales(gradients) == {"expert.0.mlp.0.weight": 3, "expert.0.mlp.0.bias": 3,
                                          "expert.1.mlp.0.weight": 1, "gate.0.0.weight": 2, "gate.0.0.bias": 2}

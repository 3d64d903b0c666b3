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
"""CFS-MTL: formulas of mask, effects and interventions, planted fields, and which rows it reads."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn

from src.selection.cfs import CFS, CompetingMask, Effects, GuidedLoss, intervene
from tests.unit.selection.planted_data import assert_train_only, fit_planted, trained_config


def make_mask() -> CompetingMask:
    """tanh θ is 0, negative and 1/2."""
    mask = CompetingMask(1, 3)
    mask.theta.set_data(Tensor(np.array([[0, -3, np.arctanh(0.5)]], np.float32)))
    return mask


def test_mask_by_hand(eager):
    """Softmax of 0, 0 and 1/2: 1, 1 and 1.64872127 over 3.64872127."""
    np.testing.assert_allclose(make_mask()().asnumpy(), [[0.27406862, 0.27406862, 0.45186276]], rtol=1e-6)
    np.testing.assert_allclose(CompetingMask(2, 4)().asnumpy(), np.full((2, 4), 0.25), rtol=1e-6)


class MaskSum(nn.Cell):
    """Stands for the masked losses: one task, whose loss is the sum of its mask."""

    def construct(self, mask, ids, labels, keep):
        return mask.sum(1)


def test_loss_by_hand(eager):
    """The masks sum to 1, times 3 fields; then the cross-entropy -(log 0.27406862 + log 0.45186276) / 2."""
    shares = Tensor(np.array([[0, 0.5, 0.5]], np.float32))
    found = float(GuidedLoss(make_mask(), MaskSum())(None, None, None, shares).asnumpy())
    np.testing.assert_allclose(found, 3 + (1.2943768 + 0.7943768) / 2, rtol=1e-5)


def test_effects_are_remembered_and_shared():
    effects = Effects(2, 4)
    np.testing.assert_array_equal(effects.shares(), np.full((2, 4), 0.25, np.float32))
    effects.update(0, np.array([0.3, -0.1]))
    effects.update(1, np.array([0.1, -0.2]))
    np.testing.assert_allclose(effects.shares(), [[0.375, 0.125, 0.25, 0.25], [0.25] * 4], rtol=1e-6)
    effects.update(0, np.array([0.0, 0.9]))
    np.testing.assert_allclose(effects.values[:, 0], [0.21, 0.2], rtol=1e-12)
    effects.update(2, np.array([-1.0, 0.0]))
    effects.update(3, np.array([0.0, 0.6]))
    np.testing.assert_allclose(effects.shares(), [[0.21 / 0.31, 0.1 / 0.31, 0, 0], [0.25, 0, 0, 0.75]], rtol=1e-6)


def test_intervention_permutes_one_column():
    ids = np.arange(60, dtype=np.int32).reshape(20, 3)
    changed = intervene(Tensor(ids), 1, np.random.default_rng(0)).asnumpy()
    np.testing.assert_array_equal(changed[:, [0, 2]], ids[:, [0, 2]])
    assert (changed[:, 1] != ids[:, 1]).any() and sorted(changed[:, 1]) == ids[:, 1].tolist()


def test_planted_fields_have_the_largest_masks():
    scores = fit_planted(CFS, trained_config("search_epochs=3"), 4000).scores_
    assert scores.argmax(1).tolist() == [0, 1]
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)


def test_one_seed_gives_one_result_from_train_rows_alone():
    scores = assert_train_only(CFS, trained_config())
    assert (fit_planted(CFS, trained_config("seed=7"), 600).scores_ != scores).any()


@pytest.mark.slow
def test_one_task_and_three_tasks_of_aitm():
    assert fit_planted(CFS, trained_config("backbone=mmoe"), 300, 1).scores_.shape == (1, 6)
    assert np.isfinite(fit_planted(CFS, trained_config("backbone=aitm"), 300, 3).scores_).all()

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
"""Tests of src/training/guidance.py."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
from mindspore import Tensor, nn

from src.models import LearnedMaskModel, plan_inputs
from src.models.learned_masks import CompetingMask
from src.training import make_step
from src.training.guidance import Effects, GuidedLoss, intervene
from tests.helpers import make_batch, make_config, make_schema

SETTINGS = {"loss_reduction": "sum", "learning_rate": 0.01, "weight_decay": 1e-6}


class MaskSum(nn.Cell):
    """In place of the network: one row of one task, whose logit is the sum of the mask."""

    def __init__(self):
        super().__init__()
        self.plan = SimpleNamespace(numbers=())
        self.mask = CompetingMask(1, 3)
        self.mask.theta.set_data(Tensor(np.array([[0, -3, np.arctanh(0.5)]], np.float32)))

    def under(self, mask, _ids, _keep):
        return mask.sum(1).reshape(1, 1)


def test_loss_by_hand(eager):
    """The masks sum to 1, times 3 fields: log(1 + e^3) - 3. The distance: -(log 0.27406862 + log 0.45186276) / 2."""
    shares, labels = Tensor(np.array([[0, 0.5, 0.5]], np.float32)), Tensor(np.ones((1, 1), np.float32))
    found = float(GuidedLoss(MaskSum())(None, labels, None, shares).asnumpy())
    np.testing.assert_allclose(found, np.log1p(np.exp(-3.0)) + (1.2943768 + 0.7943768) / 2, rtol=1e-5)


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


def make_guided():
    schema = make_schema(2)
    plan = plan_inputs("shared_bottom", schema, schema.task_names)
    config = make_config(backbone="shared_bottom", **SETTINGS)
    model = LearnedMaskModel(plan, "shared_bottom", 2, config, "cfs")
    return model, make_step(model, config)


def values_of(cell: nn.Cell) -> dict[str, np.ndarray]:
    return {parameter.name: parameter.asnumpy().copy() for parameter in cell.get_parameters()}


def test_interventions_leave_no_trace_but_the_effects(eager):
    """A step with them equals the inner step alone, given the same shares; but for sums that threads divide anew."""
    ids, labels = map(Tensor, make_batch(32, make_schema(2)))
    model, step = make_guided()
    loss = float(step(ids, labels).asnumpy())
    other, alone = make_guided()
    found = float(alone.step(ids, labels, None, Tensor(step.effects.shares())).asnumpy())
    np.testing.assert_allclose(found, loss, rtol=1e-6)
    expected = values_of(other)
    for name, value in values_of(model).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-7, err_msg=name)
    assert (~np.isnan(step.effects.values)).sum() == 2  # one field of six, for both tasks
    assert (step.effects.values[~np.isnan(step.effects.values)] != 0).all()


def test_a_step_resumes_from_its_memory(eager):
    ids, labels = map(Tensor, make_batch(32, make_schema(2)))
    _, step = make_guided()
    step(ids, labels)
    _, other = make_guided()
    other.memory = json.loads(json.dumps(step.memory))
    assert other.queue == step.queue and len(step.queue) == 5
    np.testing.assert_array_equal(other.effects.values, step.effects.values)
    assert other.rng.permutation(50).tolist() == step.rng.permutation(50).tolist()

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
"""Tests of src/models/learned_masks.py."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from src.models import TRAITS, LearnedMaskModel, MaskedModel, MultiTaskModel, build_model, plan_inputs
from src.models.learned_masks import CompetingMask, SparseMask
from tests.helpers import make_batch, make_config, make_model, make_schema

THETA = np.array([[-1, 0.2, 1, 0.5, 2, 0.1], [0.3, 1, -0.5, 0.9, 0.2, 0.7], [1, 1, 0.4, 0, 0.6, 3]], np.float32)


def test_sparse_mask_by_hand(eager):
    mask = SparseMask(2, 2)
    np.testing.assert_allclose(mask().asnumpy(), np.full((2, 2), 0.76159416), rtol=1e-6)  # tanh(1)
    mask.theta.set_data(Tensor(np.array([[-1, 0], [1, 0.5]], np.float32)))
    np.testing.assert_allclose(mask().asnumpy(), [[0, 0], [0.76159416, 0.46211716]], rtol=1e-6)


def test_competing_mask_by_hand(eager):
    """tanh θ is 0, negative and 1/2. Softmax of 0, 0 and 1/2: 1, 1 and 1.64872127 over 3.64872127."""
    mask = CompetingMask(1, 3)
    mask.theta.set_data(Tensor(np.array([[0, -3, np.arctanh(0.5)]], np.float32)))
    np.testing.assert_allclose(mask().asnumpy(), [[0.27406862, 0.27406862, 0.45186276]], rtol=1e-6)
    np.testing.assert_allclose(CompetingMask(2, 4)().asnumpy(), np.full((2, 4), 0.25), rtol=1e-6)


def make_learned(backbone: str, kind: str = "mssm") -> LearnedMaskModel:
    schema = make_schema(3)
    plan = plan_inputs(backbone, schema, schema.task_names)
    model = LearnedMaskModel(plan, backbone, 3, make_config(), kind)
    model.mask.theta.set_data(Tensor(THETA))
    return model


@pytest.mark.parametrize("backbone, kind", [("mmoe", "cfs"), *((backbone, "mssm") for backbone in TRAITS)])
def test_every_task_has_the_network_of_its_own_mask(backbone, kind, eager):
    """Trained on and evaluated as if there were no other task: also the statistics of batch normalisation are its own.
    """
    model, schema = make_learned(backbone, kind), make_schema(3)
    seen, new = (Tensor(make_batch(32, schema, seed)[0]) for seed in (0, 1))
    factors = model.mask().asnumpy() * model.mask.scale
    found = []
    for train, ids in ((True, seen), (False, new)):
        model.set_train(train)
        found.append(model(ids).asnumpy())
    for t in range(3):
        full, plan = make_model(backbone, schema)  # the same seed: the same weights
        alone = MaskedModel(full, plan)
        masks = Tensor(np.repeat(factors[t:t + 1], len(plan.paths), 0))
        for logits, train, ids in zip(found, (True, False), (seen, new)):
            alone.set_train(train)
            np.testing.assert_allclose(logits[:, t], alone(ids, masks).asnumpy()[:, t], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("backbone", TRAITS)
def test_tasks_share_all_weights(backbone):
    model = make_learned(backbone)
    plan = plan_inputs(backbone, make_schema(3), make_schema(3).task_names)
    plain = MultiTaskModel(plan, backbone, 3, make_config(), fold=False)
    weights = {parameter.name for parameter in plain.trainable_params()}
    assert {parameter.name for parameter in model.trainable_params()} == weights | {"field_mask.theta"}
    assert model.parameter_count() == plain.parameter_count() + THETA.size
    assert model.embedding_parameter_count() == plain.embedding_parameter_count()
    names = [parameter.name for parameter in model.get_parameters()]
    moving = [parameter.name for parameter in plain.get_parameters() if not parameter.requires_grad]
    assert len(names) == len(set(names)) == len(weights) + 1 + 3 * len(moving)
    assert {f"task_{t}.{name}" for name in moving for t in (1, 2)} <= set(names)


def test_a_run_has_learned_masks_where_it_says_so():
    schema = make_schema(2)
    plan = plan_inputs("mmoe", schema, schema.task_names)
    assert isinstance(build_model(plan, 2, make_config()), MultiTaskModel)
    model = build_model(plan, 2, make_config(selector="cfs", end_to_end=True))
    assert isinstance(model, LearnedMaskModel) and isinstance(model.mask, CompetingMask)

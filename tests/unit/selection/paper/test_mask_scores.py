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
"""The mask gradient against finite differences and against the gradient by the embedded fields."""

import numpy as np
import pytest
from mindspore import Tensor, nn

from src.models import TRAITS, MultiTaskModel, natural_values, plan_inputs, set_natural
from src.schema import Field, Schema
from src.selection.paper.mask_scores import FieldGradients, MaskedTaskLoss, MaskGradient, field_gradients, mask_scores
from tests.helpers import make_batch, make_config, make_model, make_schema

WIDE = {"embedding_dim": 8, "bottom_dims": (12, 6), "seed": 5}


def make_smooth(model):
    """Larger embeddings, so that differences of float32 losses are well above rounding, and no kinks to step over."""
    model.embedding.table.set_data(Tensor(model.embedding.table.asnumpy() * 20))
    for _, cell in model.cells_and_names():
        if hasattr(cell, "relu"):
            cell.relu = nn.Tanh()


# PLE's many layers take many times as long as the others'.
BACKBONES = [pytest.param(name, marks=[pytest.mark.slow] if name == "ple" else []) for name in TRAITS]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("train", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_gradient_matches_central_differences(backbone, train, eager):
    schema = make_schema(2)
    model, plan = make_model(backbone, schema, **WIDE)
    make_smooth(model)
    ids, labels = (Tensor(part) for part in make_batch(64, schema))
    network = MaskedTaskLoss(model, plan, 2)
    network.set_train(train)
    ones = np.ones((2, len(schema.fields)), np.float32)
    gradient = MaskGradient(network)(Tensor(ones), ids, labels).asnumpy()
    step, rng = 0.01, np.random.default_rng(4)
    changes = [step * np.eye(2, 6, n, dtype=np.float32) for n in (0, 3)]  # entries (0, n) and (1, n + 1)
    changes += [(step * rng.standard_normal(ones.shape)).astype(np.float32) for _ in range(2)]
    for change in changes:
        tolerance = 4e-7 + 0.02 * step * float(np.linalg.norm(gradient))
        assert central(network, ones, change, ids, labels) == pytest.approx((gradient * change).sum(), abs=tolerance)


def central(network, ones, change, ids, labels):
    """Half the difference of the loss between ``ones + change`` and ``ones - change``."""
    up, down = (float(network(Tensor(ones + sign * change), ids, labels).asnumpy()) for sign in (1, -1))
    return (up - down) / 2


@pytest.mark.parametrize("backbone", BACKBONES)
def test_one_backward_of_the_sum_equals_one_backward_per_task(backbone, eager):
    schema = make_schema(3)
    model, plan = make_model(backbone, schema, **WIDE)
    ids, labels = (Tensor(part) for part in make_batch(32, schema))
    signed = mask_scores(model, plan, [(ids, labels)], 3, signed=True)
    network = FieldGradients(model, 3)
    network.set_train(True)
    gradients = field_gradients(network, plan, ids, labels)
    embedded = model.embedding(ids).asnumpy()
    fields = len(schema.fields)
    for t in range(3):
        own = embedded[:, t * fields:(t + 1) * fields] if embedded.shape[1] > fields else embedded
        np.testing.assert_allclose((own * gradients[t]).sum((0, 2)), signed[t], atol=2e-5 * np.abs(signed).max() + 1e-9)


def test_magnitudes_are_averaged_over_batches(eager):
    schema = make_schema(2)
    batches = [tuple(map(Tensor, make_batch(32, schema, seed))) for seed in (1, 2)]
    model, plan = make_model("mmoe", schema, **WIDE)
    each = [mask_scores(model, plan, [batch], 2, signed=True) for batch in batches]
    np.testing.assert_allclose(mask_scores(model, plan, batches, 2), (np.abs(each[0]) + np.abs(each[1])) / 2, rtol=1e-6)
    np.testing.assert_allclose(mask_scores(model, plan, batches, 2, True), (each[0] + each[1]) / 2, rtol=1e-6)


def test_scores_follow_the_fields_when_these_change_places(eager):
    """Permuting fields, with the weights that belong to them, permutes the scores."""
    schema, order = make_schema(2), [3, 0, 5, 1, 4, 2]
    moved = Schema("toy", tuple(Field(f"f{i}", schema.cardinalities[i]) for i in order), schema.tasks, schema.rows,
                   schema.shards, 1)
    model, plan = make_model("shared_bottom", schema, **WIDE)
    moved_plan = plan_inputs("shared_bottom", moved, moved.task_names)
    other = MultiTaskModel(moved_plan, "shared_bottom", 2, make_config(**WIDE))
    values = natural_values(model)
    for name, value in values.items():
        if name == "embedding.table":
            value = np.concatenate([value[plan.offsets[i]:plan.offsets[i] + plan.cardinalities[i]] for i in order])
        elif name == "backbone.bottom.hidden.0.dense.weight":
            value = value.reshape(len(value), len(order), -1)[:, order].reshape(value.shape)
        values[name] = value
    set_natural(other, values)
    ids, labels = make_batch(48, schema)
    first = mask_scores(model, plan, [(Tensor(ids), Tensor(labels))], 2)
    second = mask_scores(other, moved_plan, [(Tensor(ids[:, order]), Tensor(labels))], 2)
    np.testing.assert_allclose(second, first[:, order], rtol=1e-4, atol=1e-8)

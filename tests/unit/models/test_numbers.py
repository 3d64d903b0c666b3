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
"""The loss of a task whose label is a number: against PyTorch, in mixed models, for every backbone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.common.errors import UserError
from src.data.targets import loss_targets
from src.models import TRAITS, NetWithLoss, TaskLosses, plan_inputs
from src.schema import Scale
from src.selection import all_fields
from tests.helpers import make_batch, make_config, make_model, make_schema


def mixed_schema(numbers=(False, True)):
    """Binary tasks, and tasks of numbers."""
    schema = make_schema(len(numbers))
    return dataclasses.replace(schema, tasks=tuple(
        dataclasses.replace(task, scale=Scale(5.0, 2.0), positive_rate={}) if number else task
        for task, number in zip(schema.tasks, numbers)))


def mixed_batch(rows: int, schema, seed: int = 0):
    """Ids, and labels of which the numbers are standardised."""
    ids, labels = make_batch(rows, schema, seed)
    numbers = [task.scale is not None for task in schema.tasks]
    labels[:, numbers] = np.random.default_rng(seed).normal(size=(rows, sum(numbers)))
    return ids, labels


def test_loss_and_gradient_are_pytorchs(eager):
    """Half the squared error of a number, binary cross-entropy of a class; unknown labels have no part."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(16, 3)).astype(np.float32) * 3
    labels = np.stack([rng.integers(0, 2, 16), rng.normal(size=16) * 4, rng.integers(0, 2, 16)], 1).astype(np.float32)
    labels[[1, 5, 6], 1] = np.nan
    losses, targets = TaskLosses([False, True, False]), Tensor(loss_targets(labels, True))
    theirs = torch.tensor(logits, requires_grad=True)
    known = ~np.isnan(labels[:, 1])
    cross = torch.nn.functional.binary_cross_entropy_with_logits
    expected = [cross(theirs[:, 0], torch.tensor(labels[:, 0])),
                torch.nn.functional.mse_loss(theirs[known, 1], torch.tensor(labels[known, 1])) / 2,
                cross(theirs[:, 2], torch.tensor(labels[:, 2]))]
    sum(expected).backward()
    np.testing.assert_allclose(losses(Tensor(logits), targets).asnumpy(), [one.item() for one in expected], rtol=1e-5)
    slopes = ops.grad(lambda logits: losses(logits, targets).sum())(Tensor(logits)).asnumpy()
    np.testing.assert_allclose(slopes, theirs.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize("backbone", ["mmoe", "aitm"])
def test_gradients_of_a_mixed_model_are_pytorchs(backbone, eager):
    """By every parameter, from the same weights: what ``python -m pytorch_reference`` compares of a run."""
    torch = pytest.importorskip("torch")
    from pytorch_reference.compare import load_reference, make_reference, mindspore_gradients, parameters_of
    from pytorch_reference.gradients import loss_gradients
    from pytorch_reference.mtreclib import to_pytorch

    schema = mixed_schema()
    model, plan = make_model(backbone, schema)
    config = make_config(backbone=backbone)
    reference = make_reference(config, schema, all_fields(schema, schema.task_names, config))
    load_reference(reference, to_pytorch(parameters_of(model), backbone, plan))
    ids, labels = mixed_batch(64, schema)
    wanted, scales = loss_gradients(reference, torch.tensor(ids), torch.tensor(labels), "sum", plan.numbers)
    given = to_pytorch(mindspore_gradients(model, ids, labels, "sum"), backbone, plan)
    assert set(given) == set(wanted)
    for name, expected in wanted.items():
        np.testing.assert_allclose(given[name], expected, atol=2e-5 * scales[name], err_msg=name)


def test_a_far_output_of_a_number_spoils_no_other_task(eager):
    logits = np.array([[0.5, 3e4]], np.float32)
    losses = TaskLosses([False, True])(Tensor(logits), Tensor(np.array([[1.0, -3e4]], np.float32))).asnumpy()
    np.testing.assert_allclose(losses, [np.log1p(np.exp(-0.5)), 0.5 * 6e4 ** 2], rtol=1e-5)


@pytest.mark.parametrize("backbone", [name for name, traits in TRAITS.items() if not traits.probabilities])
def test_every_backbone_learns_numbers(backbone):
    schema = mixed_schema()
    model, plan = make_model(backbone, schema)
    assert plan.numbers == (False, True)
    ids, labels = mixed_batch(64, schema)
    labels[:, 1] = ids[:, 2] - 4  # a number that a field gives away
    step = nn.TrainOneStepCell(NetWithLoss(model), nn.Adam(model.trainable_params(), 0.02))
    step.set_train()
    losses = [float(step(Tensor(ids), Tensor(labels)).asnumpy()) for _ in range(25)]
    assert losses[-1] < 0.5 * losses[0]


def test_esmm_refuses_numbers():
    with pytest.raises(UserError, match="backbone esmm multiplies the tasks' probabilities, and t1 is of kind regress"):
        plan_inputs("esmm", mixed_schema(), ["t0", "t1"])
    assert plan_inputs("esmm", mixed_schema((False, False)), ["t0", "t1"]).numbers == ()


def test_the_plan_of_binary_tasks_among_others_is_as_before():
    schema = mixed_schema((False, True, False))
    assert plan_inputs("mmoe", schema, ["t2", "t0"]).numbers == ()
    assert plan_inputs("mmoe", schema, ["t1", "t0"]).numbers == (True, False)

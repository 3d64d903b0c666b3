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
"""What the authors' release computes for tasks after the first, on our own network (docs/COMPARISON.md).

Its score of task j reads row 0 of the gradient of loss j by the mask ``[tasks, fields]``, whose row i masks bottom i.
"""

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.models import MaskedModel, TaskLosses
from tests.helpers import make_batch, make_model, make_schema


class LossOfMasks(nn.Cell):
    """L_j as a function of one mask row for every path, shared path included."""

    def __init__(self, model, plan, task):
        super().__init__(auto_prefix=False)
        self.masked, self.losses, self.task = MaskedModel(model, plan), TaskLosses(), task

    def construct(self, masks, ids, labels):
        return self.losses(self.masked(ids, masks), labels)[self.task]


def gradient(backbone, task):
    """∂L_task/∂m, ``[paths, fields]``, batch statistics as in inference, as the release has them."""
    schema = make_schema(2)
    model, plan = make_model(backbone, schema)
    network = LossOfMasks(model, plan, task)
    network.set_train(False)
    ids, labels = make_batch(200, schema)
    ones = Tensor(np.ones((len(plan.paths), len(schema.fields)), np.float32))
    return ops.grad(network)(ones, Tensor(ids), Tensor(labels)).asnumpy()


@pytest.mark.parametrize("backbone", ["ple", "aitm"])
def test_row_0_is_not_the_second_tasks_own(backbone, eager):
    """The release's score of task 1 is that of task 0's inputs, as far as they reach the loss of task 1."""
    rows = np.abs(gradient(backbone, 1))
    assert (rows[0] > 0).all()
    assert np.argsort(-rows[1])[:3].tolist() != np.argsort(-rows[0])[:3].tolist()


def test_row_0_says_nothing_of_the_second_task_where_tasks_share_nothing(eager):
    rows = gradient("single_task", 1)
    assert (rows[0] == 0).all() and (rows[1] != 0).any()


def test_row_0_is_right_for_the_first_task(eager):
    assert (gradient("aitm", 0)[0] != 0).any() and (gradient("aitm", 0)[1] == 0).all()

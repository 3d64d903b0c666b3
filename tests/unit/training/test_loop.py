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
"""The loop of every training: order of steps, where it starts and stops, losses that are not finite."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from src.common.errors import UserError
from src.data.loader import TrainLoader
from src.training.loop import run_epoch, run_epochs
from tests.helpers import toy_data


class CountedStep:
    """Gives the losses 1, 2, 3, .. and remembers what it was called with."""

    def __init__(self, last: float = np.inf):
        self.batches, self.last = [], last

    def set_train(self):
        self.batches.append("train")

    def __call__(self, ids, labels, keep):
        self.batches.append(ids.asnumpy())
        count = len([batch for batch in self.batches if not isinstance(batch, str)])
        return Tensor(np.float32(count if count <= self.last else np.nan))


def loader() -> TrainLoader:
    return TrainLoader(toy_data(70).split("train"), [0, 1], [0], 10, seed=1)


def test_an_epoch_takes_its_steps_in_order_from_where_it_starts():
    step = CountedStep()
    losses = [loss for loss, _ in run_epoch(step, loader(), 2, "epoch", "none", start=4)]
    assert losses == [[1], [2], [3]] and step.batches[0] == "train"
    for taken, (ids, _, _) in zip(step.batches[1:], loader().epoch(2, 4)):
        np.testing.assert_array_equal(taken, ids.asnumpy())


@pytest.mark.parametrize(("start", "read"), [(0, [[1], [2, 3], [4, 5, 6], [7]]), (2, [[1], [2, 3, 4], [5]])])
def test_losses_are_read_once_in_a_while(start, read):
    """Of 7 steps: after the first of this process, after steps 3 and 6, after the last."""
    losses = [loss for loss, _ in run_epoch(CountedStep(), loader(), 1, "epoch", "none", start=start, read_every=3)]
    assert losses == read


def test_a_loss_read_late_is_named_by_its_own_batch():
    with pytest.raises(UserError, match="the loss is nan in epoch 1, batch 5; take less"):
        list(run_epoch(CountedStep(4), loader(), 1, "epoch", "take less", read_every=7))


def test_epochs_end_when_they_are_told_to():
    step, seen = CountedStep(), []
    run_epochs(step, loader(), 5, "epoch", "none", after_epoch=lambda epoch: seen.append(epoch) or epoch == 2)
    assert seen == [1, 2] and len(step.batches) == 2 * (7 + 1)


def test_a_loss_that_is_not_finite_is_named():
    with pytest.raises(UserError, match="^the loss is nan in epoch 2, batch 3; take less$"):
        run_epochs(CountedStep(9), loader(), 5, "epoch", "take less")

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
"""The training step of several ranks: gradients and loss are means over all of them, by one AllReduce a step."""

from __future__ import annotations

from mindspore import nn, ops

from ...common.compat import value_and_grad


class MeanOverRanks(nn.Cell):
    """``construct(tensors)`` gives their means over all ranks, a tuple of the same shapes.

    One buffer and one AllReduce for all of them: each costs a wait for the slowest rank.
    """

    def __init__(self, ranks: int):
        super().__init__()
        self.ranks, self.concat, self.reduce = ranks, ops.Concat(0), ops.AllReduce()

    def construct(self, tensors):
        flat = ()
        for tensor in tensors:
            flat += (tensor.reshape(-1),)
        total = self.reduce(self.concat(flat)) / self.ranks
        means, start = (), 0
        for tensor in tensors:
            means += (total[start:start + tensor.size].reshape(tensor.shape),)
            start = start + tensor.size
        return means


class StepOfRanks(nn.TrainOneStepCell):
    """Forward, backward and the optimizer; ``step(*inputs)`` gives the mean loss of all ranks."""

    def __init__(self, network: nn.Cell, optimizer: nn.Cell, ranks: int):
        super().__init__(network, optimizer)
        self.mean = MeanOverRanks(ranks)
        self.loss_and_gradients = value_and_grad(network, None, self.weights)

    def construct(self, *inputs):
        loss, gradients = self.loss_and_gradients(*inputs)
        means = self.mean(gradients + (loss.reshape(1),))
        return ops.depend(means[-1].reshape(()), self.optimizer(means[:-1]))

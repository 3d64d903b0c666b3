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
"""float16 on GPUs and Ascend: MindSpore's own mixed precision, with a loss scale that follows the gradients.

Products take and give float16; batch normalisation, softmax, the loss, weights and the optimizer stay float32.
Gradients of a mean over a batch are often smaller than float16 can hold. So the loss is multiplied by a scale, and the
gradients are divided by it; a step whose gradients are not finite is left out, and the scale halved.
"""

from __future__ import annotations

import mindspore as ms
from mindspore import Parameter, Tensor, amp, nn, ops

from ..common.compat import value_and_grad
from .machine.averaging import MeanOverRanks, StepOfRanks

FIRST = 2.0 ** 16  # scale; as in PyTorch's GradScaler
FINITE_STEPS = 1000  # in a row, after which the scale is doubled; MindSpore's default


def in_float16(network: nn.Cell) -> nn.Cell:
    """Lets a network compute its products in float16; its parameters, and what it gives, keep their type.

    MindSpore's level "auto" says of every operator whether it is computed in float16, in float32, or in the wider type
    of its inputs. The network itself is changed, and returned.
    """
    return amp.auto_mixed_precision(network, "auto", ms.float16)


class ScaledLoss(nn.Cell):
    """A network's loss times the present scale, with products in float16: ``construct(*inputs)``.

    Args:
        network: ``network(*inputs)`` gives the loss.
    """

    def __init__(self, network: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network, self.total = in_float16(network), network.total
        self.scale = Parameter(Tensor(FIRST, ms.float32), "loss_scale", requires_grad=False)
        self.steps = Parameter(Tensor(0, ms.float32), "loss_scale.finite_steps", requires_grad=False)
        self.multiply, self.select = ops.Mul(), ops.Select()

    def construct(self, *inputs):
        return self.network(*inputs) * self.scale

    def unscaled(self, loss, gradients):
        """The loss and a tuple of gradients without the scale, and whether all gradients are finite."""
        divided = ()
        for gradient in gradients:
            divided += (gradient / self.scale,)
        return loss / self.scale, divided, amp.all_finite(divided)

    def follow(self, finite):
        """Adapts the scale to whether a step's gradients were finite; returns it."""
        one = ops.ones_like(self.scale)
        steps = self.select(finite, self.steps + 1, one * 0)
        grow = steps >= FINITE_STEPS
        factor = self.select(finite, self.select(grow, one * 2, one), one / 2)
        scale = ops.depend(ops.maximum(self.scale * factor, one), ops.assign(
            self.steps, self.select(grow, one * 0, steps)))
        return ops.depend(scale, ops.assign(self.scale, scale))


class ScaledStep(nn.TrainOneStepCell):
    """Forward and backward in float16 of one rank or several, and the optimizer in float32; ``step(*inputs)`` gives
    the loss."""

    def __init__(self, network: nn.Cell, optimizer: nn.Cell, ranks: int = 1):
        super().__init__(ScaledLoss(network), optimizer)
        self.loss_and_gradients, self.several = value_and_grad(self.network, None, self.weights), ranks > 1
        if self.several:
            self.mean = MeanOverRanks(ranks)

    def construct(self, *inputs):
        loss, gradients = self.loss_and_gradients(*inputs)
        if self.several:  # what is not finite on one rank is not finite in the mean
            means = self.mean(gradients + (loss.reshape(1),))
            loss, gradients = means[-1].reshape(()), means[:-1]
        loss, gradients, finite = self.network.unscaled(loss, gradients)
        if finite:
            loss = ops.depend(loss, self.optimizer(gradients))
        return ops.depend(loss, self.network.follow(finite))


def train_step(network: nn.Cell, optimizer: nn.Cell, ranks: int, precision: str) -> nn.Cell:
    """The step of one process or of several; ``step(*inputs)`` gives the loss, of several ranks the mean of theirs."""
    if precision == "float16":
        return ScaledStep(network, optimizer, ranks)
    return StepOfRanks(network, optimizer, ranks) if ranks > 1 else nn.TrainOneStepCell(network, optimizer)

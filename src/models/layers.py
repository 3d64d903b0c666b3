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
"""Building blocks of the backbones: dense layer, batch normalisation, several MLPs at once, mixture of experts.

Hidden values are kept feature-major, ``[features, batch]``. Batch normalisation then reduces along contiguous memory,
and networks side by side are rows of one matrix: one product, one normalisation, one ReLU for all of them, where every
call of a small one costs more than its arithmetic (docs/PERFORMANCE.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ..common.compat import NORM_TAKES_PRODUCTS
from .building import BuildContext
from .products import SeparateProducts

MOVING = ("moving_mean", "moving_variance")  # what batch normalisation remembers


class Dense(nn.Cell):
    """Affine map ``W x + b`` of ``[inputs, batch]`` with W ``[outputs, inputs]``, initialised as PyTorch's Linear:
    U(±1/√inputs)."""

    def __init__(self, inputs: int, outputs: int, context: BuildContext):
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = Parameter(context.uniform((outputs, inputs), bound), name="weight")
        self.bias = Parameter(context.uniform((outputs,), bound), name="bias")
        self.product = ops.MatMul()

    def construct(self, x):
        return self.product(self.weight, x) + self.bias.reshape(-1, 1)


class BatchNorm(nn.Cell):
    """Batch normalisation of ``[features, batch]``, momentum and epsilon as PyTorch's defaults (0.1, 1e-5).

    With more than one rank, mean and variance while training are those of the batches of all ranks together, and so
    are their gradients (AllReduce differentiates to AllReduce): N processes compute what one does. MindSpore's own
    SyncBatchNorm exists on Ascend only. The parameters are the same either way.

    Args:
        scale: what results are multiplied by while dropout is on; part of the same pass.
    """

    def __init__(self, features: int, ranks: int = 1, scale: float = 1.0):
        super().__init__()
        self.gamma, self.beta, self.moving_mean, self.moving_variance = (
            Parameter(Tensor(np.full(features, value, np.float32)), name, requires_grad=name not in MOVING)
            for name, value in (("gamma", 1), ("beta", 0), ("moving_mean", 0), ("moving_variance", 1)))
        self.by_batch = ops.BatchNorm(is_training=True, epsilon=1e-5, momentum=0.1)
        self.by_past = ops.BatchNorm(is_training=False, epsilon=1e-5)
        self.ranks, self.scale, self.scales_factors = ranks, scale, NORM_TAKES_PRODUCTS
        if ranks > 1:
            self.reduce = ops.AllReduce()

    def construct(self, x, scaled=False):
        if not scaled:
            return self.normalised(x, self.gamma, self.beta)
        if self.scales_factors:
            return self.normalised(x, self.gamma * self.scale, self.beta * self.scale)
        return self.normalised(x, self.gamma, self.beta) * self.scale  # MindSpore 1.10

    def normalised(self, x, gamma, beta):
        """(x - mean) / deviation * gamma + beta, by the moments of the batch in training, else by the moving ones."""
        features, batch = x.shape
        if self.training and self.ranks > 1:
            return self.over_ranks(x, gamma, beta, batch * self.ranks)
        norm = self.by_batch if self.training else self.by_past
        made = norm(x.reshape(1, features, batch, 1), gamma, beta, self.moving_mean, self.moving_variance)
        return made[0].reshape(features, batch)

    def line(self):
        """By the moving moments x becomes scale * x + shift: both, ``[features]``."""
        scale = self.gamma / ops.sqrt(self.moving_variance + 1e-5)
        return scale, self.beta - self.moving_mean * scale

    def over_ranks(self, x, gamma, beta, count):
        """Normalises by the moments of the ``count`` columns that all ranks have together."""
        mean = self.reduce(x.sum(1)) / count
        centred = x - mean.reshape(-1, 1)
        variance = self.reduce((centred * centred).sum(1)) / count
        unbiased = ops.stop_gradient(variance) * (count / (count - 1))
        ops.assign(self.moving_mean, self.moving_mean * 0.9 + ops.stop_gradient(mean) * 0.1)
        ops.assign(self.moving_variance, self.moving_variance * 0.9 + unbiased * 0.1)
        return centred * (gamma / ops.sqrt(variance + 1e-5)).reshape(-1, 1) + beta.reshape(-1, 1)


class DropoutMask(nn.Cell):
    """A layer's rows of the dropout mask, bool ``[units, batch]``, True keeps a unit, from what the loader gives.

    ``construct(keep, batch)``: keep is the network's whole mask, bool ``[mask rows, batch]``; or, where a device would
    wait for the host to draw that, a random word for every row of the batch and of the mask, int32
    ``[batch + mask rows]``. The words of a unit and a row make one number, which is mixed (multiplied by odd constants
    and shifted, ours) and compared, so that every device makes the same mask of the same words. It is an input because
    MindSpore's own dropout kernels are not repeatable and cannot be resumed.

    Args:
        units: of the layer.
        start: the first of its rows in the mask.
        dropout: probability of dropping, a multiple of 1/256.
    """

    FACTORS = (0x7FEB352D, -0x7B935975)  # odd, their bits half ones; the second is 0x846CA68B
    SHIFT, REST = 15, 2 ** 17 - 1  # the bits that are left after the shift: MindSpore's keeps the sign

    def __init__(self, units: int, start: int, dropout: float):
        super().__init__()
        self.start, self.stop = start, start + units
        self.least = Tensor(min(round(dropout * 2 ** 32), 2 ** 32 - 1) - 2 ** 31, ms.int32)
        self.factors = tuple(Tensor(factor, ms.int32) for factor in self.FACTORS)
        self.shift, self.rest = Tensor(self.SHIFT, ms.int32), Tensor(self.REST, ms.int32)
        self.shifted, self.both, self.either = ops.RightShift(), ops.BitwiseAnd(), ops.BitwiseXor()

    def construct(self, keep, batch: int):
        if keep.dtype == ms.bool_:
            return keep[self.start:self.stop]
        words = self.either(keep[batch + self.start:batch + self.stop].reshape(-1, 1), keep[:batch].reshape(1, -1))
        words = words * self.factors[0]
        words = self.either(words, self.both(self.shifted(words, self.shift), self.rest))
        return words * self.factors[1] >= self.least


class HiddenUnits(nn.Cell):
    """Batch normalisation, ReLU, dropout of ``[units, batch]``.

    ``construct(x, keep)``: keep is what DropoutMask takes, or None for no dropout.
    """

    def __init__(self, units: int, context: BuildContext):
        super().__init__()
        self.norm = BatchNorm(units, context.ranks, 1 / (1 - context.dropout))
        self.relu = ops.ReLU()
        self.cast = ops.Cast()
        start = context.reserve_mask(units) if context.dropout > 0 else 0
        self.mask = DropoutMask(units, start, context.dropout)

    def construct(self, x, keep=None):
        if keep is None:
            return self.relu(self.norm(x))
        made = self.relu(self.norm(x, True))
        return made * self.cast(self.mask(keep, made.shape[1]), made.dtype)


class MLPs(nn.Cell):
    """Several MLPs of the same widths, side by side, and gates over the same input: one network of wide layers.

    ``construct(x, keep)`` gives ``[MLPs, last width, batch]``, with ``logit`` ``[MLPs, batch]``; with gates it gives a
    pair, the second one ``[all outputs of gates, batch]``, before any softmax. What x is depends on ``first``.

    Layers that batch normalisation follows have no bias: it would take it out again. PyTorch's have one; a bias b and
    a moving mean m there are a moving mean of m - b here.

    Args:
        names: of the MLPs, as their parameters are called in ``natural_values``.
        first: the products of the first layer: FieldProduct or Product if they share an input, else SeparateProducts.
        widths: of the hidden layers.
        logit: whether one linear output unit follows.
        gates: name and number of outputs of every gate.
    """

    def __init__(self, names: Sequence[str], first: nn.Cell, widths: Sequence[int], context: BuildContext,
                 logit: bool = False, gates: Sequence[tuple[str, int]] = ()):
        super().__init__()
        self.names, self.gates, self.widths, self.logit = tuple(names), tuple(gates), tuple(widths), logit
        count, outputs = len(names), [*widths, *([1] if logit else [])]
        self.count, self.top = count, outputs[-1]
        self.first = first
        self.products = nn.CellList([SeparateProducts(count, outputs[i], outputs[i + 1], context)
                                     for i in range(len(outputs) - 1)])
        self.hidden = nn.CellList([HiddenUnits(count * width, context) for width in widths])
        if logit:
            self.bias = Parameter(context.uniform((count,), 1 / math.sqrt([first.inputs, *widths][-1])), name="bias")
        if gates:
            total = sum(size for _, size in gates)
            self.gate_bias = Parameter(context.uniform((total,), 1 / math.sqrt(first.inputs)), name="gate_bias")
            self.cut = Cut(count * widths[0])
        self.relu = ops.ReLU()

    def construct(self, x, keep=None):
        made, gates = self.trained(x, keep) if self.training else self.evaluated(x)
        if self.logit:
            return made + self.bias.reshape(-1, 1)
        made = made.reshape(self.count, self.top, -1)
        return (made, gates) if self.gates else made

    def trained(self, x, keep):
        """What the last layer and the gates give, normalised by the batch."""
        made, gates = self.first(x), ()
        if self.gates:
            made, gates = self.cut(made)
            gates = gates + self.gate_bias.reshape(-1, 1)
        for i in range(len(self.hidden)):
            made = self.hidden[i](made, keep)
            if i < len(self.products):
                made = self.products[i](made.reshape(self.count, self.widths[i], -1))
        return made, gates

    def evaluated(self, x):
        """The same, normalised by the moving moments: weights are scaled, which are far fewer than hidden values."""
        scale, shift = self.hidden[0].norm.line()
        gates = ()
        if self.gates:
            made = self.first.line(x, scale, shift, 0, self.cut.rows)
            gates = self.first.line(x, None, self.gate_bias, self.cut.rows, None)
        else:
            made = self.first.line(x, scale, shift)
        made = self.relu(made)
        for i in range(len(self.products)):
            below = made.reshape(self.count, self.widths[i], -1)
            if i + 1 < len(self.hidden):
                scale, shift = self.hidden[i + 1].norm.line()
                made = self.relu(self.products[i].line(below, scale, shift))
            else:
                made = self.products[i](below)
        return made, gates


class Cut(nn.Cell):
    """``[rows, batch]`` to the first ``rows`` of them and the others; the gradient puts them together in one pass."""

    def __init__(self, rows: int):
        super().__init__()
        self.rows, self.concat = rows, ops.Concat(0)

    def construct(self, x):
        return x[:self.rows], x[self.rows:]

    def bprop(self, x, out, gradients):
        return (self.concat(gradients),)


class Mixture(nn.Cell):
    """Sum of experts ``[experts, width, batch]`` weighted by ``[experts, batch]``: gives ``[1, width, batch]``.

    Its gradient is written out, because MindSpore's sum along a middle dimension takes ten times as long as a product
    with ones.
    """

    def __init__(self, experts: int, width: int):
        super().__init__()
        self.sum, self.product = ops.ReduceSum(keep_dims=True), ops.BatchMatMul()
        self.ones = Tensor(np.ones((experts, 1, width), np.float32))

    def construct(self, experts, weights):
        return self.sum(experts * weights.expand_dims(1), 0)

    def bprop(self, experts, weights, out, gradient):
        return weights.expand_dims(1) * gradient, self.product(self.ones, experts * gradient).reshape(weights.shape)

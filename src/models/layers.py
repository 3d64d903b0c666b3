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
"""Building blocks of the backbones: dense layer, batch normalisation, MLP, gate.

Hidden values are kept feature-major, ``[features, batch]``. Batch normalisation then reduces along contiguous memory:
on the CPU an MLP with it costs 1.13 times one without it, where the usual ``[batch, features]`` layout costs 1.9
times (docs/PERFORMANCE.md). Only the inputs of a backbone are batch-major, as the embedding makes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ..streams import Stream, generator


class BuildContext:
    """What the Cells of one network share while they are built: initial values, and rows of the dropout mask.

    Args:
        seed: seed of the initial values. They do not depend on the device or on MindSpore's own generators.
        dropout: probability of dropping a hidden unit while training, taken to the nearest 1/256: the mask is drawn
            from single random bytes.
        ranks: processes that train the network together, each on its share of every batch.
    """

    def __init__(self, seed: int, dropout: float = 0.0, ranks: int = 1):
        self.rng = generator(seed, Stream.WEIGHTS)
        self.ranks = ranks
        self.dropout = min(round(dropout * 256), 255) / 256
        self.mask_rows = 0  # hidden units under dropout so far, of the whole network

    def uniform(self, shape: Sequence[int], bound: float) -> Tensor:
        """Float32 values from U(-bound, bound)."""
        values = self.rng.random(shape, dtype=np.float32)
        values *= 2 * bound
        values -= bound
        return Tensor.from_numpy(values)  # no second copy: tables can be large

    def reserve_mask(self, units: int) -> int:
        """Gives ``units`` rows of the dropout mask to a layer; returns the first."""
        start = self.mask_rows
        self.mask_rows += units
        return start


class Dense(nn.Cell):
    """Affine map ``W x + b`` with W ``[outputs, inputs]``, initialised as PyTorch's Linear: U(±1/√inputs).

    Args:
        batch_major: the input is ``[batch, inputs]`` instead of ``[inputs, batch]``, or made by ``FoldedInputs``.
            The output is always ``[outputs, batch]``; the product reads the input transposed, so nothing is copied.
        normalised: batch normalisation follows, which takes the bias out again. The loss's derivative by it is 0; what
            is computed is rounding error, which Adam would scale up to whole steps, and these differ from machine to
            machine and with the number of processes. So no gradient is computed.
    """

    def __init__(self, inputs: int, outputs: int, context: BuildContext, batch_major: bool = False,
                 normalised: bool = False):
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = Parameter(context.uniform((outputs, inputs), bound), name="weight")
        self.bias = Parameter(context.uniform((outputs,), bound), name="bias")
        self.product = ops.MatMul(transpose_b=batch_major)
        if batch_major:
            self.fold = FoldedProduct()
        self.normalised = normalised

    def construct(self, x):
        bias = ops.stop_gradient(self.bias) if self.normalised else self.bias
        product = self.fold(self.weight, x) if isinstance(x, tuple) else self.product(self.weight, x)
        return product + bias.reshape(-1, 1)


class FoldedProduct(nn.Cell):
    """W x for a pair x that ``FoldedInputs`` makes: ``construct(weight, x)`` gives ``[outputs, batch]``."""

    def __init__(self):
        super().__init__()
        self.gather = ops.Gather()
        self.embed = ops.BatchMatMul(transpose_b=True)
        self.pick = ops.MatMul(transpose_a=True, transpose_b=True)
        self.product = ops.MatMul(transpose_b=True)

    def construct(self, weight, x):
        outputs = weight.shape[0]
        folded, embedded = x
        if len(folded) == 0:
            return self.product(weight, embedded[0])
        hot, values, small, valid = folded
        blocks = weight.reshape(outputs, -1, values.shape[2])  # one block of columns per slot
        rows = self.embed(values, self.gather(blocks, small, 1).transpose(1, 0, 2)).reshape(-1, outputs)
        total = self.pick(self.gather(rows, valid, 0), hot)
        if len(embedded) > 0:
            dense, large = embedded
            total = total + self.product(self.gather(blocks, large, 1).reshape(outputs, -1), dense)
        return total


class BatchNorm(nn.Cell):
    """Batch normalisation of ``[features, batch]``, momentum and epsilon as PyTorch's defaults (0.1, 1e-5).

    With more than one rank, mean and variance while training are those of the batches of all ranks together, and so
    are their gradients (AllReduce differentiates to AllReduce): N processes compute what one does. MindSpore's own
    SyncBatchNorm exists on Ascend only. The parameters are the same either way.
    """

    def __init__(self, features: int, ranks: int = 1):
        super().__init__()
        self.norm = nn.BatchNorm2d(features, eps=1e-5, momentum=0.9)
        self.ranks = ranks
        if ranks > 1:
            self.reduce = ops.AllReduce()

    def construct(self, x):
        features, batch = x.shape
        if self.training and self.ranks > 1:
            return self.over_ranks(x, batch * self.ranks)
        return self.norm(x.reshape(1, features, batch, 1)).reshape(features, batch)

    def over_ranks(self, x, count):
        """Normalises by the moments of the ``count`` columns that all ranks have together."""
        norm = self.norm
        mean = self.reduce(x.sum(1)) / count
        centred = x - mean.reshape(-1, 1)
        variance = self.reduce((centred * centred).sum(1)) / count
        unbiased = ops.stop_gradient(variance) * (count / (count - 1))
        ops.assign(norm.moving_mean, norm.moving_mean * 0.9 + ops.stop_gradient(mean) * 0.1)
        ops.assign(norm.moving_variance, norm.moving_variance * 0.9 + unbiased * 0.1)
        return centred * (norm.gamma / ops.sqrt(variance + 1e-5)).reshape(-1, 1) + norm.beta.reshape(-1, 1)


class HiddenLayer(nn.Cell):
    """Dense, BatchNorm, ReLU, dropout.

    ``construct(x, keep)``: keep is the network's dropout mask ``[mask rows, batch]`` (bool, True keeps a unit), or None
    for no dropout. The mask is an input because MindSpore's own dropout kernels are not repeatable
    and cannot be resumed.
    """

    def __init__(self, inputs: int, outputs: int, context: BuildContext, batch_major: bool = False):
        super().__init__()
        self.dense = Dense(inputs, outputs, context, batch_major, normalised=True)
        self.norm = BatchNorm(outputs, context.ranks)
        self.relu = nn.ReLU()
        self.cast = ops.Cast()
        self.start = context.reserve_mask(outputs) if context.dropout > 0 else 0
        self.stop = self.start + outputs
        self.scale = 1 / (1 - context.dropout)

    def construct(self, x, keep=None):
        hidden = self.relu(self.norm(self.dense(x)))
        if keep is not None:
            hidden = hidden * (self.cast(keep[self.start:self.stop], hidden.dtype) * self.scale)
        return hidden


class MLP(nn.Cell):
    """Hidden layers, and one linear output unit when ``logit`` is set.

    ``construct(x, keep)`` maps ``[inputs, batch]`` (``[batch, inputs]`` with ``batch_major``) to
    ``[widths[-1], batch]``, or to ``[1, batch]`` with ``logit``.
    """

    def __init__(self, inputs: int, widths: Sequence[int], context: BuildContext, batch_major: bool = False,
                 logit: bool = False):
        super().__init__()
        sizes = [inputs, *widths]
        self.hidden = nn.CellList([
            HiddenLayer(sizes[i], sizes[i + 1], context, batch_major and i == 0) for i in range(len(widths))
        ])
        self.has_output = logit
        if logit:
            self.output = Dense(sizes[-1], 1, context)

    def construct(self, x, keep=None):
        for layer in self.hidden:
            x = layer(x, keep)
        if self.has_output:
            x = self.output(x)
        return x


class Gate(nn.Cell):
    """Softmax weights of ``experts`` experts: ``construct(x)`` gives ``[experts, batch]``, columns summing to 1."""

    def __init__(self, inputs: int, experts: int, context: BuildContext, batch_major: bool = False):
        super().__init__()
        self.dense = Dense(inputs, experts, context, batch_major)
        self.softmax = ops.Softmax(axis=0)

    def construct(self, x):
        return self.softmax(self.dense(x))


class Mixture(nn.Cell):
    """Sum of experts, a tuple of ``[width, batch]``, weighted by a gate, ``[experts, batch]``."""

    def construct(self, experts, weights):
        total = experts[0] * weights[0:1]
        for i in range(1, len(experts)):
            total = total + experts[i] * weights[i:i + 1]
        return total

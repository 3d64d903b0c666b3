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
"""First products of networks: weights that several networks hold side by side, in the form their product reads.

A product's weights are one matrix ``[outputs, inputs]`` to everyone else (``natural`` and ``stored``); how they lie in
memory is the product's own affair.
"""

from __future__ import annotations

import math

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from .building import BuildContext
from .plan import PathFields


class Product(nn.Cell):
    """W x for x ``[inputs, batch]`` or ``[1, inputs, batch]``: ``construct(x)`` gives ``[outputs, batch]``.

    W starts as PyTorch's Linear: U(±1/√inputs).
    """

    def __init__(self, inputs: int, outputs: int, context: BuildContext):
        super().__init__()
        self.inputs = inputs
        self.weight = Parameter(context.uniform((outputs, inputs), 1 / math.sqrt(inputs)), name="weight")
        self.product = ops.MatMul()

    def construct(self, x):
        return self.product(self.weight, x.reshape(self.inputs, -1))

    def line(self, x, scale, shift, start=0, stop=None):
        """scale * W x + shift of the outputs from start to stop; scale, ``[outputs]``, goes into W, and may be None."""
        return self.product(_scaled(_between(self.weight, start, stop), scale), x.reshape(self.inputs, -1)) \
            + shift.reshape(-1, 1)

    def natural(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Takes this product's values, weights or their gradients, out of ``values``: ``[outputs, inputs]``."""
        return values.pop(self.weight.name)

    def stored(self, natural: np.ndarray) -> dict[str, np.ndarray]:
        """The opposite of ``natural``: values by parameter name."""
        return {self.weight.name: natural}


class SeparateProducts(nn.Cell):
    """One W each for several inputs: ``construct(x)`` maps ``[count, inputs, batch]`` to ``[count * outputs, batch]``.

    A single one is a plain product: on the CPU that is faster than a batch of one.
    """

    def __init__(self, count: int, inputs: int, outputs: int, context: BuildContext):
        super().__init__()
        self.inputs = inputs
        shape = (count, outputs, inputs) if count > 1 else (outputs, inputs)
        self.weight = Parameter(context.uniform(shape, 1 / math.sqrt(inputs)), name="weight")
        self.single = count == 1
        self.product = ops.MatMul() if self.single else ops.BatchMatMul()
        self.rows = count * outputs

    def construct(self, x):
        if self.single:
            return self.product(self.weight, x.reshape(self.inputs, -1))
        return self.product(self.weight, x).reshape(self.rows, -1)

    def line(self, x, scale, shift):
        """scale * W x + shift, both ``[count * outputs]``; scale goes into W."""
        if self.single:
            return self.product(_scaled(self.weight, scale), x.reshape(self.inputs, -1)) + shift.reshape(-1, 1)
        weight = self.weight * scale.reshape(self.weight.shape[0], -1, 1)
        return self.product(weight, x).reshape(self.rows, -1) + shift.reshape(-1, 1)

    def natural(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """As of Product, one W below the other: ``[count * outputs, inputs]``."""
        return values.pop(self.weight.name).reshape(self.rows, -1)

    def stored(self, natural: np.ndarray) -> dict[str, np.ndarray]:
        """The opposite of ``natural``: values by parameter name."""
        return {self.weight.name: natural.reshape(self.weight.shape)}


class FieldProduct(nn.Cell):
    """W x for the fields of a path: ``construct(x)`` gives ``[outputs, batch]``.

    x is either what ``FoldedInputs`` makes of a path, or the embedded fields side by side, ``[batch, inputs]``. The
    weights of folded fields are stored by field, ``[fields, outputs, dim]``, and those of the others as ``[outputs,
    fields * dim]``: training then copies and transposes nothing but activations.
    """

    def __init__(self, fields: PathFields, outputs: int, context: BuildContext):
        super().__init__()
        self.inputs, self.outputs, self.dim = fields.width, outputs, fields.dim
        # drawn as one matrix, so that values do not depend on which fields are folded
        drawn = context.draw((outputs, fields.width), 1 / math.sqrt(fields.width))
        self.small_places, self.large_places = fields.small, fields.large
        self.has_small, self.has_large = bool(fields.small), bool(fields.large)
        self.product = ops.MatMul(transpose_b=True)
        if self.has_small:
            self.small = Parameter(Tensor(self._small_of(drawn)), name="small")
            self.embed, self.pick = ops.BatchMatMul(transpose_b=True), ops.MatMul(transpose_a=True, transpose_b=True)
            self.valid = ValidRows([fields.sizes[place] for place in fields.small], outputs)
            self.small_columns = Tensor(np.array(fields.small, np.int32))
            single = next((place for place in fields.small if place not in fields.pooled), None)
            self.has_single = single is not None
            self.once = Tensor(np.concatenate([np.full((fields.sizes[place], 1), place == single, np.float32)
                                               for place in fields.small]))
        if self.has_large:
            self.large = Parameter(Tensor(self._large_of(drawn)), name="large")
            self.large_columns = Tensor(np.array(fields.large, np.int32))
        self.gather = ops.Gather()

    def construct(self, x):
        return self.of_parts(x) if isinstance(x, tuple) else self.of_embedded(x)

    def of_parts(self, x):
        """W x of the pair ``(folded, embedded)`` that ``FoldedInputs`` makes."""
        folded, embedded = x
        if not self.has_small:
            return self.product(self.large, embedded[0])
        hot, vectors = folded
        made = self.pick(self.valid(self.embed(vectors, self.small).reshape(-1, self.outputs)), hot)
        if self.has_large:
            made = made + self.product(self.large, embedded[0])
        return made

    def line(self, x, scale, shift, start=0, stop=None):
        """scale * W x + shift of the outputs from start to stop; scale, ``[outputs]``, goes into W, and may be None."""
        if not isinstance(x, tuple):
            return _scaled(_between(self.of_embedded(x), start, stop), scale) + shift.reshape(-1, 1)
        folded, embedded = x
        large = _scaled(_between(self.large, start, stop), scale) if self.has_large else None
        if not self.has_small:
            return self.product(large, embedded[0]) + shift.reshape(-1, 1)
        hot, vectors = folded
        rows = self.valid(self.embed(vectors, self.small).reshape(-1, self.outputs))[:, start:stop]
        rows = rows if scale is None else rows * scale.reshape(1, -1)
        if self.has_single:
            rows = rows + self.once * shift.reshape(1, -1)  # every row of the batch picks one of these, once
        made = self.pick(rows, hot)
        if self.has_large:
            made = made + self.product(large, embedded[0])
        return made if self.has_single else made + shift.reshape(-1, 1)

    def of_embedded(self, x):
        """W x of ``[batch, inputs]``."""
        if not self.has_small:
            return self.product(self.large, x)
        vectors = x.reshape(-1, len(self.small_places) + len(self.large_places), self.dim)
        own = self.gather(vectors, self.small_columns, 1).reshape(x.shape[0], -1)
        made = self.product(self.small.transpose(1, 0, 2).reshape(self.outputs, -1), own)
        if self.has_large:
            made = made + self.product(self.large, self.gather(vectors, self.large_columns, 1).reshape(x.shape[0], -1))
        return made

    def natural(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Takes this product's values, weights or their gradients, out of ``values``: ``[outputs, inputs]``."""
        whole = np.empty((self.outputs, len(self.small_places) + len(self.large_places), self.dim), np.float32)
        if self.has_small:
            whole[:, list(self.small_places)] = values.pop(self.small.name).transpose(1, 0, 2)
        if self.has_large:
            whole[:, list(self.large_places)] = values.pop(self.large.name).reshape(self.outputs, -1, self.dim)
        return whole.reshape(self.outputs, -1)

    def stored(self, natural: np.ndarray) -> dict[str, np.ndarray]:
        """The opposite of ``natural``: values by parameter name."""
        found = {}
        if self.has_small:
            found[self.small.name] = self._small_of(natural)
        if self.has_large:
            found[self.large.name] = self._large_of(natural)
        return found

    def _small_of(self, natural: np.ndarray) -> np.ndarray:
        by_field = natural.reshape(self.outputs, -1, self.dim)
        return np.ascontiguousarray(by_field[:, list(self.small_places)].transpose(1, 0, 2))

    def _large_of(self, natural: np.ndarray) -> np.ndarray:
        by_field = natural.reshape(self.outputs, -1, self.dim)
        return by_field[:, list(self.large_places)].reshape(self.outputs, -1)


class ValidRows(nn.Cell):
    """The rows of ``[fields * most, width]`` that are no filling: of each field as many as it has ids, most at most.

    Its gradient looks rows up as well, where MindSpore's own would add them into zeros.
    """

    def __init__(self, sizes: list[int], width: int):
        super().__init__()
        most, total = max(sizes), sum(sizes)
        valid = np.concatenate([field * most + np.arange(size) for field, size in enumerate(sizes)])
        back = np.full(len(sizes) * most, total)
        back[valid] = np.arange(total)
        self.places, self.back = Tensor(valid.astype(np.int32)), Tensor(back.astype(np.int32))
        self.zeros = Tensor(np.zeros((1, width), np.float32))
        self.gather, self.concat, self.cast = ops.Gather(), ops.Concat(0), ops.Cast()

    def construct(self, rows):
        return self.gather(rows, self.places, 0)

    def bprop(self, rows, out, gradient):
        zeros = self.cast(self.zeros, gradient.dtype)
        return (self.gather(self.concat((gradient, zeros)), self.back, 0),)


def _between(rows, start, stop):
    """Rows from start to stop; all of them as they are, without a copy."""
    return rows if stop is None and start == 0 else rows[start:stop]


def _scaled(rows, scale):
    """Every row times its number in ``scale``; as they are if that is None."""
    return rows if scale is None else rows * scale.reshape(-1, 1)

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
"""Fields of several values a row: one vector of the vectors of all of them. What counts, src/pooling.py says."""

from __future__ import annotations

from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ..pooling import Pool


class ValueWeights(nn.Cell):
    """What every id of a pooled field counts: int32 ``[batch, width]`` to float32, as ``pooling.value_weights``."""

    def __init__(self, width: int, pool: Pool):
        super().__init__()
        self.first = Tensor(np.eye(1, width, dtype=np.int32))  # the first id counts whatever it is
        self.mean = pool == "mean"
        self.greater, self.cast, self.sum = ops.Greater(), ops.Cast(), ops.ReduceSum(keep_dims=True)

    def construct(self, ids):
        weights = self.cast(self.greater(ids + self.first, 0), ms.float32)
        return weights / self.sum(weights, 1) if self.mean else weights


class PooledSlots(nn.Cell):
    """Vectors of ids, slot after slot, to vectors of slots: ``construct(ids, vectors)`` maps ``[batch, ids]`` and
    ``[batch, ids, dim]`` to ``[batch, slots, dim]``.

    Args:
        widths: ids of every slot.
        pools: how each slot's values are pooled; None for those of one id.
    """

    def __init__(self, widths: Sequence[int], pools: Sequence[Pool | None]):
        super().__init__()
        self.starts, self.stops, self.places, cells = [], [], [], []
        for start, width, pool in zip(np.cumsum(widths) - widths, widths, pools):
            if pool is None and self.places and self.places[-1] < 0:
                self.stops[-1] += 1  # plain slots side by side are one part
                continue
            self.starts.append(int(start))
            self.stops.append(int(start) + width)
            self.places.append(-1 if pool is None else len(cells))
            cells += [] if pool is None else [ValueWeights(width, pool)]
        self.weights = nn.CellList(cells)
        self.sum, self.concat = ops.ReduceSum(keep_dims=True), ops.Concat(1)

    def construct(self, ids, vectors):
        parts = ()
        for i in range(len(self.starts)):
            part = vectors[:, self.starts[i]:self.stops[i]]
            if self.places[i] >= 0:
                weights = self.weights[self.places[i]](ids[:, self.starts[i]:self.stops[i]])
                part = self.sum(part * weights.expand_dims(2), 1)
            parts += (part,)
        return self.concat(parts) if len(parts) > 1 else parts[0]


class HotValues(nn.Cell):
    """One-hot columns of slots, of pooled ones columns of what each value counts: ids ``[batch, columns]`` to float32
    ``[batch, Σ sizes]``.

    Args:
        columns: of every slot, its columns of ids.
        sizes: of every slot, its number of ids.
        pools: of every slot, how its values are pooled, or None.
    """

    def __init__(self, columns: Sequence[Sequence[int]], sizes: Sequence[int], pools: Sequence[Pool | None]):
        super().__init__()
        self.columns = [Tensor(np.array(own, np.int32)) for own in columns]
        self.values = [Tensor(np.arange(size, dtype=np.int32).reshape(1, 1, -1)) for size in sizes]
        self.pooled = [pool is not None for pool in pools]
        self.weights = nn.CellList([ValueWeights(len(own), pool or "sum") for own, pool in zip(columns, pools)])
        self.gather, self.equal, self.cast = ops.Gather(), ops.Equal(), ops.Cast()
        self.sum, self.concat = ops.ReduceSum(), ops.Concat(1)

    def construct(self, ids):
        parts = ()
        for i in range(len(self.columns)):
            own = self.gather(ids, self.columns[i], 1)
            hot = self.cast(self.equal(own.expand_dims(2), self.values[i]), ms.float32)
            if self.pooled[i]:
                hot = hot * self.weights[i](own).expand_dims(2)
            parts += (self.sum(hot, 1),)
        return self.concat(parts) if len(parts) > 1 else parts[0]

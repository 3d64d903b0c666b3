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
"""From ids to the inputs of a backbone: one embedding table, and the two routers over it."""

from __future__ import annotations

import math

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.models.layers import Draft
from src.models.plan import InputPlan


class FieldEmbedding(nn.Cell):
    """Embeds the planned fields with one table whose rows are offset by field.

    ``construct(ids)`` maps ``[batch, columns]`` int32 to ``[batch, slots, dim]``. Xavier-uniform over the whole table,
    as MTReclib has it.
    """

    def __init__(self, plan: InputPlan, dim: int, draft: Draft):
        super().__init__()
        bound = math.sqrt(6 / (plan.table_rows + dim))
        self.table = Parameter(draft.uniform((plan.table_rows, dim), bound), name="table")
        self.offsets = Tensor(np.array(plan.offsets, np.int32).reshape(1, -1))
        self.repeats_columns = plan.slots != tuple(range(len(plan.columns)))
        self.slots = Tensor(np.array(plan.slots, np.int32))
        self.gather = ops.Gather()

    def construct(self, ids):
        if self.repeats_columns:
            ids = self.gather(ids, self.slots, 1)
        return self.gather(self.table, ids + self.offsets, 0)


class FieldRouter(nn.Cell):
    """Hands every path its own slots: ``[batch, slots, dim]`` to one ``[batch, kept * dim]`` per path."""

    def __init__(self, plan: InputPlan):
        super().__init__()
        self.ranges = [_as_range(path) for path in plan.paths]
        self.picks = [Tensor(np.array(path, np.int32)) for path in plan.paths]
        self.gather = ops.Gather()

    def construct(self, embedded):
        batch, slots, _ = embedded.shape
        inputs = ()
        for i in range(len(self.picks)):
            if self.ranges[i] is None:
                part = self.gather(embedded, self.picks[i], 1)
            elif self.ranges[i][1] - self.ranges[i][0] == slots:
                part = embedded
            else:
                part = embedded[:, self.ranges[i][0]:self.ranges[i][1]]
            inputs += (part.reshape(batch, -1),)
        return inputs


class MaskedRouter(nn.Cell):
    """Multiplies every path's slots by a mask instead of dropping them.

    ``construct(embedded, masks)``: masks ``[paths, fields]``; the plan must be that of all fields, so that every path
    has one slot per field, in order.
    """

    def __init__(self, plan: InputPlan):
        super().__init__()
        self.fields = len(plan.columns)
        self.starts = [path[0] for path in plan.paths]

    def construct(self, embedded, masks):
        batch = embedded.shape[0]
        inputs = ()
        for i in range(len(self.starts)):
            part = embedded[:, self.starts[i]:self.starts[i] + self.fields]
            inputs += ((part * masks[i].reshape(1, -1, 1)).reshape(batch, -1),)
        return inputs


def _as_range(path):
    """(start, stop) when a path's slots are consecutive, else None: a slice is cheaper than a gather."""
    return (path[0], path[-1] + 1) if path == tuple(range(path[0], path[-1] + 1)) else None

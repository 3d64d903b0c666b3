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
"""From ids to the inputs of a backbone: one embedding table, and three ways from it to the paths.

``FieldRouter`` hands out embedded vectors, ``MaskedRouter`` multiplies them by masks, and ``FoldedInputs`` does not
embed small fields at all: it is what training and evaluation use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ..pooling import blocks, counted
from .building import BuildContext
from .plan import InputPlan
from .pooled import HotValues, PooledSlots


class FieldEmbedding(nn.Cell):
    """Embeds the planned fields with one table whose rows are offset by field.

    ``construct(ids)`` maps ``[batch, columns]`` int32 to ``[batch, slots, dim]``; the slot of a pooled field holds the
    mean or sum of the vectors of its values. Xavier-uniform over the whole table, as in MTReclib.
    """

    def __init__(self, plan: InputPlan, dim: int, context: BuildContext):
        super().__init__()
        bound = math.sqrt(6 / (plan.table_rows + dim))
        self.table = Parameter(context.uniform((plan.table_rows, dim), bound), name="table")
        columns, offsets = slot_columns(plan, range(len(plan.slots)))
        self.offsets = Tensor(offsets.reshape(1, -1))
        self.repeats_columns = columns.tolist() != list(range(sum(plan.widths)))
        self.slots = Tensor(columns)
        self.gather = ops.Gather()
        self.pooled = plan.pooled
        if self.pooled:
            self.pool = PooledSlots([len(own) for own in plan.slot_ids], plan.slot_pools)

    def construct(self, ids):
        return self.of_slots(ids, self.gather(self.table, self.rows(ids), 0))

    def rows(self, ids):
        """Row of the table of every id of every slot, ``[batch, slots]``; a pooled slot has several ids."""
        return self.held(ids) + self.offsets

    def held(self, ids):
        """The ids of every slot, slot after slot."""
        return self.gather(ids, self.slots, 1) if self.repeats_columns else ids

    def of_slots(self, ids, vectors):
        """The vectors ``[batch, slots, dim]`` of what ``rows`` named."""
        return self.pool(self.held(ids), vectors) if self.pooled else vectors


class FieldRouter(nn.Cell):
    """Hands every path its own slots: ``[batch, slots, dim]`` to one ``[batch, kept * dim]`` per path."""

    def __init__(self, plan: InputPlan):
        super().__init__()
        self.ranges = [_as_range(path) for path in plan.paths]
        self.picks = [Tensor(np.array(path, np.int32)) for path in plan.paths]
        self.kept = [len(path) for path in plan.paths]
        self.gather = ops.Gather()

    def construct(self, embedded):
        _, slots, dim = embedded.shape  # the batch may be of any size: MindSpore 1.10 can leave one dimension open only
        inputs = ()
        for i in range(len(self.picks)):
            if self.ranges[i] is None:
                part = self.gather(embedded, self.picks[i], 1)
            elif self.ranges[i][1] - self.ranges[i][0] == slots:
                part = embedded
            else:
                part = embedded[:, self.ranges[i][0]:self.ranges[i][1]]
            inputs += (part.reshape(-1, self.kept[i] * dim),)
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


def folds(plan: InputPlan, dim: int) -> bool:
    """Whether some slot has fewer ids than embedding columns, so that ``FoldedInputs`` saves arithmetic."""
    return any(cardinality < dim for cardinality in plan.cardinalities)


def slot_columns(plan: InputPlan, slots: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The columns of ids of some slots, slot after slot, and in which row of the table the ids of each begin: int32."""
    own, offsets = plan.slot_ids, plan.offsets
    return (np.array([column for slot in slots for column in own[slot]], np.int32),
            np.array([offsets[slot] for slot in slots for _ in own[slot]], np.int32))


def rows_read(plan: InputPlan, dim: int, ids: np.ndarray) -> np.ndarray:
    """Rows of the table that a model of this plan looks up for a batch: ``MultiTaskModel.rows`` in NumPy, flat int32.

    Rows may be named more than once. Those of folded slots are all looked up, whatever the batch holds. Ids that fill
    up a pooled field count nothing: in their place the row's first value is named, so that no row is only filling.
    """
    offsets, sizes = (np.array(values, np.int32) for values in (plan.offsets, plan.cardinalities))
    large = sizes >= dim
    folded = [np.arange(first, first + size, dtype=np.int32) for first, size in zip(offsets[~large], sizes[~large])]
    if plan.pooled:
        ids = np.concatenate([np.where(counted(block), block, block[:, :1]) for block in blocks(ids, plan.widths)], 1)
    columns, first = slot_columns(plan, np.flatnonzero(large))
    return np.concatenate([*folded, (ids[:, columns] + first).reshape(-1)])


class FoldedInputs(nn.Cell):
    """What the first layers of a backbone read, with the small fields as one-hot columns.

    A field with values V ``[ids, dim]`` enters a layer as (one-hot · V) · W = one-hot · (V · W). The right side takes
    as many columns as the field has ids, the left one ``dim``; so a slot with fewer ids than ``dim`` is *folded*.
    Results differ from ``FieldRouter``'s by rounding only. A pooled field's columns say what each value counts.

    ``rows(ids)`` names the rows of the table to look up, and ``construct(ids, vectors)``, given them, makes one pair
    ``(folded, embedded)`` per path for ``FieldProduct`` to multiply. ``folded`` is ``(hot, values)``:

    * hot ``[batch, H]``: float one-hot columns of all folded fields of the path, H the number of their ids;
    * values ``[folded fields, most ids, dim]``: their vectors, short fields filled up.

    ``embedded`` is ``(dense,)``, the other fields' vectors side by side, ``[batch, fields * dim]``. Either is ``()`` if
    the path has no such field. (They are plain tuples: graphs of MindSpore 1.10 know no NamedTuple.)
    """

    def __init__(self, plan: InputPlan, dim: int):
        super().__init__()
        sizes = np.array(plan.cardinalities)
        self.small = np.flatnonzero(sizes < dim)
        self.large = np.flatnonzero(sizes >= dim)
        starts = np.cumsum(sizes[self.small]) - sizes[self.small]
        self.firsts = dict(zip(self.small.tolist(), starts.tolist()))  # first hot column of every folded slot
        own, offsets = plan.slot_ids, np.array(plan.offsets)
        owner = np.repeat(self.small, sizes[self.small])
        value = np.concatenate([np.arange(sizes[slot]) for slot in self.small])
        self.hot_columns, self.hot_values = _constant([own[slot][0] for slot in owner]), _constant(value.reshape(1, -1))
        self.hot_rows = _constant(offsets[owner] + value)
        columns, first = slot_columns(plan, self.large)
        self.large_columns, self.large_offsets = _constant(columns), _constant(first.reshape(1, -1))
        pools = plan.slot_pools
        self.pools_small = any(pools[slot] for slot in self.small)
        if self.pools_small:
            self.hot = HotValues([own[slot] for slot in self.small], sizes[self.small].tolist(),
                                 [pools[slot] for slot in self.small])
        self.pools_large = any(pools[slot] for slot in self.large)
        if self.pools_large:
            self.pool = PooledSlots([len(own[slot]) for slot in self.large], [pools[slot] for slot in self.large])
        parts = list(dict.fromkeys(plan.paths))  # tasks that keep the same fields share one input
        self.part_of = [parts.index(path) for path in plan.paths]
        self.parts = nn.CellList([FoldedPath(path, sizes, self.firsts, self.large.tolist()) for path in parts])
        self.hots = len(value)
        self.dim = dim
        self.gather, self.concat, self.equal, self.cast = ops.Gather(), ops.Concat(0), ops.Equal(), ops.Cast()

    def rows(self, ids):
        """Rows of the table: all those of the folded slots once, then the other slots' of every row of ids."""
        if not len(self.large):
            return self.hot_rows
        large = self.gather(ids, self.large_columns, 1) + self.large_offsets
        return self.concat((self.hot_rows, large.reshape(-1)))

    def construct(self, ids, vectors):
        if self.pools_small:
            hot = self.hot(ids)
        else:
            hot = self.cast(self.equal(self.gather(ids, self.hot_columns, 1), self.hot_values), ms.float32)
        dense = vectors[self.hots:].reshape(ids.shape[0], -1, self.dim) if len(self.large) else None
        if self.pools_large:
            dense = self.pool(self.gather(ids, self.large_columns, 1), dense)
        made = ()
        for part in self.parts:
            made += (part(hot, vectors[:self.hots], dense),)
        inputs = ()
        for part in self.part_of:
            inputs += (made[part],)
        return inputs


class FoldedPath(nn.Cell):
    """One path's share of the folded and the embedded slots: see ``FoldedInputs``."""

    def __init__(self, path, sizes, firsts, large):
        super().__init__()
        own = [slot for slot in path if slot in firsts]
        most = max((int(sizes[slot]) for slot in own), default=0)
        columns = [firsts[slot] + value for slot in own for value in range(sizes[slot])]
        filled = [[firsts[slot] + min(value, int(sizes[slot]) - 1) for value in range(most)] for slot in own]
        self.filled, self.columns = _constant(filled), _constant(columns)
        self.has_small, self.takes_all_hot = bool(own), len(columns) == sum(int(sizes[slot]) for slot in firsts)
        picks = [large.index(slot) for slot in path if slot not in firsts]
        self.picks, self.has_large = _constant(picks), bool(picks)
        self.takes_all_large = picks == list(range(len(large)))
        self.gather = ops.Gather()

    def construct(self, hot, values, dense):
        folded, embedded = (), ()
        if self.has_small:
            own = hot if self.takes_all_hot else self.gather(hot, self.columns, 1)
            folded = (own, self.gather(values, self.filled, 0))
        if self.has_large:
            own = dense if self.takes_all_large else self.gather(dense, self.picks, 1)
            embedded = (own.reshape(own.shape[0], -1),)
        return folded, embedded


def _constant(values) -> Tensor | None:
    """An int32 Tensor; None for no values, of which MindSpore 1.10 makes no Tensor."""
    values = np.array(values, np.int32)
    return Tensor(values) if values.size else None


def _as_range(path):
    """(start, stop) when a path's slots are consecutive, else None: a slice is cheaper than a gather."""
    return (path[0], path[-1] + 1) if path == tuple(range(path[0], path[-1] + 1)) else None

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
"""The guard against fields that give a label away: a copy of it under another name, or what was recorded after it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from ...common.errors import UserError
from ...labels import known_labels
from ...pooling import blocks, counted

_GUARD_ROWS = 1_000_000  # train rows looked at; a copy of a label is a copy on any of them
_REPEATS = 5  # rows that repeat a value and its label: fewer may do so by chance
_LEFT = 0.02  # share of a number's variance that a copy may leave, as one cut into twenty buckets does

LOG = logging.getLogger(__name__)


class LeakGuard:
    """Finds fields that are a copy of a label under another name.

    A field is refused when, among its values that occur at least twice, each occurs with one label value only, these
    values cover at least half of the rows, and either label is confirmed by at least five repeats: chance does not
    do that, a column written down after the outcome does. Of a label that is a number, a field is refused that leaves
    less than 2 % of its variance within such values. Of a pooled field every value of a row counts.

    Args:
        fields, tasks: their names.
        cardinalities: ids of every field.
        numbers: of every task, whether its label is a number; None where none is.
        widths: columns of ids of every field; None for one each.
    """

    def __init__(self, fields: Sequence[str], tasks: Sequence[str], cardinalities: Sequence[int],
                 numbers: Sequence[bool] | None = None, widths: Sequence[int] | None = None):
        self._widths = [1] * len(cardinalities) if widths is None else list(widths)
        self._fields, self._tasks = list(fields), list(tasks)
        kinds = [_Numbers if number else _Classes for number in numbers or [False] * len(self._tasks)]
        self._tables = [[kind(size) for kind in kinds] for size in cardinalities]
        self._rows = 0

    def add(self, ids: np.ndarray, labels: np.ndarray) -> None:
        """Counts train rows: ids int32 [b, columns], labels [b, T]; a task counts its labelled rows."""
        left = _GUARD_ROWS - self._rows
        ids, labels = ids[:left], labels[:left]
        self._rows += len(ids)
        known = [slice(None) if known.all() else known for known in known_labels(labels).T]
        for block, tables in zip(blocks(ids, self._widths) if len(ids) else (), self._tables):
            for task, rows in enumerate(known):
                cells, own = block[rows], labels[rows, task]
                if cells.shape[1] == 1:
                    tables[task].add(cells[:, 0], own)
                else:
                    held = counted(cells)
                    tables[task].add(cells[held], np.repeat(own, held.sum(1)))

    def check(self, keep: Sequence[str] = ()) -> None:
        """Refuses fields that are a copy of a label; of those in ``keep`` it only warns.

        Raises:
            UserError: one is.
        """
        for name, tables in zip(self._fields, self._tables):
            for table, task in zip(tables, self._tasks):
                if not table.gives_away():
                    continue
                if name not in keep:
                    raise UserError(f"field {name!r} tells the label of task {task!r} {table.how} on the train rows: "
                                    "it is a copy of the label or was recorded after it; drop it from the fields, or, "
                                    f"if it is known before the label, give keep_leaks: [{name}]")
                LOG.warning("field %r tells the label of task %r %s on the train rows; keep_leaks keeps it", name, task,
                            table.how)


class _Classes:
    """How often every value of a field meets the labels 0 and 1."""

    how = "exactly"

    def __init__(self, size: int):
        self._counts = np.zeros(2 * size, np.int64)

    def add(self, ids: np.ndarray, labels: np.ndarray) -> None:
        self._counts += np.bincount(ids * np.int64(2) + labels.astype(np.int64), minlength=len(self._counts))

    def gives_away(self) -> bool:
        table = self._counts.reshape(-1, 2)
        often = table[table.sum(axis=1) >= 2]
        pure = bool(len(often)) and int(np.minimum(often[:, 0], often[:, 1]).max()) == 0
        repeats = np.maximum(often - 1, 0).sum(axis=0)
        return pure and int(repeats.min()) >= _REPEATS and int(often.sum()) * 2 >= int(table.sum())


class _Numbers:
    """Rows, sum and sum of squares of the label at every value of a field."""

    how = f"to {_LEFT:.0%} of its variance"

    def __init__(self, size: int):
        self._sums = np.zeros((3, size))

    def add(self, ids: np.ndarray, labels: np.ndarray) -> None:
        labels = labels.astype(np.float64)
        for total, weights in zip(self._sums, (None, labels, labels ** 2)):
            total += np.bincount(ids, weights, len(total))

    def gives_away(self) -> bool:
        every = self._sums.sum(1)
        rows, sums, squares = self._sums[:, self._sums[0] >= 2]
        repeats = rows.sum() - len(rows)
        if len(rows) < 2 or repeats < _REPEATS or rows.sum() * 2 < every[0]:
            return False
        within = (squares - sums ** 2 / rows).sum() / repeats
        whole = (every[2] - every[1] ** 2 / every[0]) / every[0]
        return bool(whole > 0 and within < _LEFT * whole)

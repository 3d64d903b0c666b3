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
"""Labels: rules applied to raw columns, and the guard against fields that give a label away."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import polars as pl

from ...errors import UserError
from ...pooling import blocks, counted
from ...schema import SPLITS, UNKNOWN, Task
from ..description.options import FieldSpec, TaskSpec
from ..reading.cells import MISSING

_GUARD_ROWS = 1_000_000  # train rows looked at; a copy of a label is a copy on any of them

LOG = logging.getLogger(__name__)


def make_labels(part: pl.DataFrame, tasks: Sequence[TaskSpec], first_row: int,
                missing: Sequence[str] = MISSING) -> np.ndarray:
    """Returns uint8 labels [rows, T]: 0, 1, or UNKNOWN where a task's ``where`` or ``missing: masked`` says so.

    Args:
        part: raw facts.
        tasks: whose rules are applied.
        first_row: number of rows before this part, for messages.
        missing: spellings of "missing".

    Raises:
        UserError: a label is missing, not a number where one is compared, or (without a comparison) not 0 or 1.
    """
    labels = np.empty((len(part), len(tasks)), np.uint8)
    for place, task in enumerate(tasks):
        known = _known(part, task, first_row, missing) if task.partial else None
        labels[:, place] = task.rule.apply(part, missing, f"label column COLUMN of task {task.name!r}", first_row,
                                           known)
        if known is not None:
            labels[~known, place] = UNKNOWN
    return labels


def _known(part: pl.DataFrame, task: TaskSpec, first_row: int, missing: Sequence[str]) -> np.ndarray:
    """The rows that have a label of a task, bool [rows]; a row whose cells of ``where`` are missing has none."""
    known = np.ones(len(part), bool)
    if task.condition is not None:
        known = ~task.condition.absent(part, missing)
        known &= task.condition.apply(part, missing, f"where column COLUMN of task {task.name!r}", first_row, known)
    return known & ~task.rule.absent(part, missing) if task.missing == "masked" else known


def refuse_label_columns(fields: Sequence[FieldSpec], tasks: Sequence[TaskSpec]) -> None:
    """Refuses a field that is made from a column a label is made from.

    Raises:
        UserError: such a field exists.
    """
    owner: dict[str, str] = {column: task.name for task in tasks for column in task.columns}
    for spec in fields:
        if spec.column in owner:
            raise UserError(f"field {spec.name!r} is made from column {spec.column!r}, which is the label of task "
                            f"{owner[spec.column]!r}; drop it from the fields")


class LeakGuard:
    """Finds fields that are a copy of a label under another name.

    A field is refused when, among its values that occur at least twice, each occurs with one label value only, these
    values cover at least half of the rows, and either label is confirmed by at least five repeats: chance does not
    do that, a column written down after the outcome does. Of a pooled field every value of a row counts.
    """

    def __init__(self, fields: Sequence[str], tasks: Sequence[str], cardinalities: Sequence[int],
                 widths: Sequence[int] | None = None):
        self._widths = [1] * len(cardinalities) if widths is None else list(widths)
        self._fields, self._tasks = list(fields), list(tasks)
        self._counts = [np.zeros(size * 2 * len(self._tasks), np.int64) for size in cardinalities]
        self._rows = 0

    def add(self, ids: np.ndarray, labels: np.ndarray) -> None:
        """Counts train rows: ids int32 [b, columns], labels uint8 [b, T]; a task counts its labelled rows."""
        left = _GUARD_ROWS - self._rows
        ids, labels = ids[:left], labels[:left]
        self._rows += len(ids)
        known = [slice(None) if (label != UNKNOWN).all() else label != UNKNOWN for label in labels.T]
        for block, counts in zip(blocks(ids, self._widths) if len(ids) else (), self._counts):
            counts = counts.reshape(len(self._tasks), -1)
            for task, rows in enumerate(known):
                cells = block[rows] * np.int64(2) + labels[rows, task][:, None]
                held = counted(block[rows]) if block.shape[1] > 1 else slice(None)
                counts[task] += np.bincount(cells[held].ravel(), minlength=counts.shape[1])

    def check(self, keep: Sequence[str] = ()) -> None:
        """Refuses fields that are a copy of a label; of those in ``keep`` it only warns.

        Raises:
            UserError: one is.
        """
        for name, counts in zip(self._fields, self._counts):
            for place, task in enumerate(self._tasks):
                if not _gives_away(counts.reshape(len(self._tasks), -1, 2)[place]):
                    continue
                if name not in keep:
                    raise UserError(f"field {name!r} tells the label of task {task!r} exactly on the train rows: it "
                                    "is a copy of the label or was recorded after it; drop it from the fields, or, if "
                                    f"it is known before the label, give keep_leaks: [{name}]")
                LOG.warning("field %r tells the label of task %r exactly on the train rows; keep_leaks keeps it",
                               name, task)


def _gives_away(table: np.ndarray) -> bool:
    """``table`` [values, 2]: rows per value and label."""
    often = table[table.sum(axis=1) >= 2]
    pure = bool(len(often)) and int(np.minimum(often[:, 0], often[:, 1]).max()) == 0
    repeats = np.maximum(often - 1, 0).sum(axis=0)
    return pure and int(repeats.min()) >= 5 and int(often.sum()) * 2 >= int(table.sum())


def describe_tasks(tasks: Sequence[TaskSpec], positives: np.ndarray, known: np.ndarray) -> tuple[Task, ...]:
    """Returns what a schema says of the tasks; ``positives`` and ``known`` are rows, int64 [3, T]."""
    described = []
    for place, task in enumerate(tasks):
        counts = dict(zip(SPLITS, known[:, place].tolist()))
        rates = {split: positives[row, place] / counts[split] if counts[split] else None
                 for row, split in enumerate(SPLITS)}
        described.append(Task(task.name, {split: None if rate is None else float(rate)
                                          for split, rate in rates.items()}, counts if task.partial else {}))
    return tuple(described)

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
"""Labels: rules applied to raw columns, and what a schema says of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ...common.errors import UserError
from ...labels import forget, label_type
from ...schema import SPLITS, Scale, Task
from ..description.options import FieldSpec, TaskSpec
from ..reading.cells import MISSING
from .scales import read_numbers


def make_labels(part: pl.DataFrame, tasks: Sequence[TaskSpec], first_row: int, missing: Sequence[str] = MISSING,
                scales: Sequence[Scale | None] | None = None) -> np.ndarray:
    """Returns labels [rows, T] (src/labels.py); not known where a task's ``where`` or ``missing: masked`` says so.

    Args:
        part: raw facts.
        tasks: whose rules are applied.
        first_row: number of rows before this part, for messages.
        missing: spellings of "missing".
        scales: of every task, as ``fit_scales`` finds them; None where all tasks are binary.

    Raises:
        UserError: a label is missing, not a number where one is compared or predicted, or (without a comparison) not
            0 or 1.
    """
    scales = [None] * len(tasks) if scales is None else scales
    labels = np.empty((len(part), len(tasks)), label_type(scales))
    for place, (task, scale) in enumerate(zip(tasks, scales)):
        known = known_rows(part, task, first_row, missing) if task.partial else None
        if scale is not None:
            labels[:, place] = scale.standardised(read_numbers(part, task, first_row, known, missing))
            continue
        labels[:, place] = task.rule.apply(part, missing, f"label column COLUMN of task {task.name!r}", first_row,
                                           known)
        if known is not None:
            forget(labels[:, place], ~known)
    return labels


def known_rows(part: pl.DataFrame, task: TaskSpec, first_row: int, missing: Sequence[str]) -> np.ndarray:
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


def describe_tasks(tasks: Sequence[TaskSpec], positives: np.ndarray, known: np.ndarray,
                   scales: Sequence[Scale | None]) -> tuple[Task, ...]:
    """Returns what a schema says of the tasks; ``positives`` and ``known`` are rows, int64 [3, T]."""
    described = []
    for place, (task, scale) in enumerate(zip(tasks, scales)):
        counts = dict(zip(SPLITS, known[:, place].tolist()))
        rates = {} if scale is not None else {
            split: float(positives[row, place] / counts[split]) if counts[split] else None
            for row, split in enumerate(SPLITS)}
        described.append(Task(task.name, rates, counts if task.partial else {}, scale))
    return tuple(described)

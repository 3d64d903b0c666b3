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
"""The labels y of a user's table in memory: two classes as 0 and 1, or numbers, as src/labels.py says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ..common.errors import UserError, nearest
from ..labels import forget
from ..schema import Scale
from .user_tables import aligned, places_of, refuse_repeated, shown

MISSING = ("refused", "masked")


class Labels(NamedTuple):
    """The labels of a table.

    Attributes:
        values: ``[rows, tasks]`` as src/labels.py says.
        tasks: their names.
        classes: the two classes of every task in rising order, of which the second one is 1; None for numbers.
        scales: of every task, None for a binary one.
    """

    values: np.ndarray
    tasks: list[str]
    classes: list[np.ndarray | None]
    scales: list[Scale | None]


def read_labels(y: Any, table: Any, missing: str = "refused", numbers: Any = None) -> Labels:
    """Labels of a user's y.

    The second one in rising order of two classes is 1: True, 1 of -1 and 1, 2 of 1 and 2, "yes" of "no" and "yes".

    Args:
        y: a DataFrame, Series, array ``[rows]`` or ``[rows, tasks]``, or a mapping of names to one-dimensional labels.
        table: X, to which labels with an index are matched where X has one too.
        missing: "masked" makes labels that are missing unknown; "refused" allows none.
        numbers: tasks whose labels are numbers: names, positions or a mask, or "all"; None for none.

    Raises:
        UserError: it is absent, of other rows than X, has gaps, or a task has not two classes, or not two different
            numbers.
    """
    if missing not in MISSING:
        raise UserError(f"missing_labels is {missing!r}; expected {' or '.join(MISSING)}"
                        f"{nearest(str(missing), MISSING)}")
    named = _label_columns(y)
    tasks = [f"y{place}" if name is None else str(name) for place, (name, _) in enumerate(named)]
    refuse_repeated(tasks, "y has several tasks")
    everything = isinstance(numbers, str) and numbers == "all"
    chosen = set(range(len(tasks))) if everything else places_of(numbers, tasks, "numeric_labels", "y")
    labels = np.empty((len(table), len(tasks)), np.float32 if chosen else np.uint8)
    classes: list[np.ndarray | None] = [None] * len(tasks)
    scales: list[Scale | None] = [None] * len(tasks)
    for place, (task, (_, values)) in enumerate(zip(tasks, named)):
        cells = np.asarray(aligned(values, table, f"y of task {task}"))
        absent = _absent(cells, task, missing == "masked")
        if place in chosen:
            scales[place], labels[~absent, place] = _numbers(cells[~absent], task)
        else:
            classes[place], labels[~absent, place] = _binary(cells[~absent], task)
        forget(labels[:, place], absent)
    return Labels(labels, tasks, classes, scales)


def _label_columns(y: Any) -> list[tuple[Any, Any]]:
    """(name or None, labels) of every task."""
    if y is None:
        raise UserError("requires y to be passed, but the target y is None")
    if isinstance(y, Mapping):
        found = list(y.items())
    elif isinstance(y, pl.DataFrame):
        found = [(name, y[name]) for name in y.columns]
    elif hasattr(y, "iloc") and hasattr(y, "columns"):
        found = [(name, y.iloc[:, place]) for place, name in enumerate(y.columns)]
    elif hasattr(y, "name"):
        found = [(y.name if y.name != "" else None, y)]
    else:
        array = np.asarray(y)
        if array.ndim not in (1, 2):
            raise UserError(f"y has {array.ndim} dimensions; expected [rows] for one task, or [rows, tasks]")
        found = [(None, column) for column in array.reshape(len(array), -1).T]
    if not found:
        raise UserError("y has no task; expected at least one column of labels")
    return found


def _absent(cells: np.ndarray, task: str, masked: bool) -> np.ndarray:
    """Where labels are missing, bool ``[rows]``; only where they may be ``masked``."""
    import pandas as pd  # slow to import

    absent = np.asarray(pd.isna(cells))
    if absent.any() and not masked:
        raise UserError(f"task {task} has no label in {absent.sum()} rows, the first of them at position "
                        f"{absent.argmax()}; expected a label in every row; leave these rows out of X and y, "
                        "or give missing_labels='masked' if they are not known for this task alone")
    return absent


def _binary(cells: np.ndarray, task: str) -> tuple[np.ndarray, np.ndarray]:
    """The two classes in rising order, and for every row which of them it has."""
    try:
        classes, codes = np.unique(cells, return_inverse=True)
    except TypeError:
        raise UserError(f"task {task} has labels of several types, such as {cells[0]!r}; expected one type") from None
    if len(classes) != 2:
        numbers = np.issubdtype(classes.dtype, np.number) and len(classes) > 2
        hint = f", or numeric_labels=[{task!r}] if they are numbers" if numbers else ""
        raise UserError(f"Unknown label type: task {task} has {len(classes)} class{'es' * (len(classes) > 1)}, "
                        f"{shown(classes)}; expected two{hint}")
    return classes, codes


def _numbers(cells: np.ndarray, task: str) -> tuple[Scale, np.ndarray]:
    """Mean and deviation of numbers, and the numbers in units of these, float64."""
    try:
        found = cells.astype(np.float64)
    except (TypeError, ValueError):
        raise UserError(f"task {task} is among numeric_labels and has labels that are no numbers, such as "
                        f"{cells[0]!r}; expected a number in every row") from None
    if not np.isfinite(found).all():
        raise UserError(f"task {task} has the label {found[~np.isfinite(found)][0]}; expected finite numbers")
    if len(found) < 2 or found.min() == found.max():
        raise UserError(f"task {task} is among numeric_labels and has no two different labels; expected some")
    scale = Scale(float(found.mean()), float(found.std()))
    return scale, scale.standardised(found)

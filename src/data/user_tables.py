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
"""A user's table in memory: the columns of X with the types they have, and the labels of y as 0 and 1."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ..errors import UserError, nearest
from ..schema import UNKNOWN
from .description.options import DataOptions, FieldSpec
from .preparing.encode import FieldCounter, FieldEncoder
from .reading.frames import column_of

SHOWN = 8  # names in a message
MISSING = ("refused", "masked")
POOLS = ("mean", "sum")


def as_table(X: Any) -> Any:
    """X itself where it is a DataFrame of pandas or Polars, else an array ``[rows, columns]``.

    Raises:
        UserError: it is sparse, complex, or has not two dimensions.
    """
    if isinstance(X, pl.DataFrame) or (hasattr(X, "iloc") and hasattr(X, "columns")):
        return X
    if hasattr(X, "toarray"):
        raise UserError("X is a sparse matrix, but dense data is required; use X.toarray()")
    array = np.asarray(X)
    if array.ndim != 2:
        raise UserError(f"Expected 2D array, got {array.ndim}D array instead. Reshape your data with "
                        "array.reshape(-1, 1) if it has a single column")
    if np.iscomplexobj(array):
        raise UserError("Complex data not supported")
    return array


def column_names(table: Any, least: int = 1) -> tuple[list[str], bool]:
    """Names of a table's columns, and whether they are its own: columns without text names are x0, x1, ..

    Raises:
        UserError: there are no columns, less than ``least`` rows, or equal names, or only some names are text.
    """
    rows, columns = table.shape
    if not columns:
        raise UserError(f"0 feature(s) (shape=({rows}, 0)) while a minimum of 1 is required.")
    if rows < least:
        raise UserError(f"Found array with n_samples={rows} sample(s) while a minimum of {least} is required.")
    names = list(getattr(table, "columns", ()))
    other = [name for name in names if not isinstance(name, str)]
    if len(other) == len(names):
        return [f"x{place}" for place in range(columns)], False
    if other:
        raise UserError(f"X has columns named by text and others, such as {other[0]!r}; expected text for all; use "
                        "X.columns = X.columns.astype(str)")
    _refuse_repeated(names, "X has several columns")
    return names, True


def places_of(which: Any, names: Sequence[str], parameter: str) -> set[int]:
    """Positions of the columns that a parameter gives by name, by position or as a mask; none for "auto" or None.

    Raises:
        UserError: it gives a column that is not there, or is something else.
    """
    if which is None or (isinstance(which, str) and which == "auto"):
        return set()
    if isinstance(which, str) or not isinstance(which, Iterable):
        raise UserError(f"{parameter} is {which!r}; expected 'auto', or a list of names, of positions, or of True and "
                        "False for every column")
    items = list(which)
    if items and all(isinstance(item, (bool, np.bool_)) for item in items):
        if len(items) != len(names):
            raise UserError(f"{parameter} says True or False {len(items)} times; X has {len(names)} columns")
        return set(map(int, np.flatnonzero(items)))
    return {_place(item, names, parameter) for item in items}


def _place(item: Any, names: Sequence[str], parameter: str) -> int:
    if isinstance(item, str) and item in names:
        return names.index(item)
    whole = isinstance(item, (int, np.integer)) and not isinstance(item, bool)
    if whole and 0 <= item < len(names):
        return int(item)
    raise UserError(f"{parameter} has {item!r}; X has the columns {_shown(names)}, at 0 to {len(names) - 1}"
                    f"{nearest(str(item), names)}")


def read_columns(table: Any, names: Sequence[str], categorical: set[int],
                 numeric: set[int]) -> Iterable[tuple[pl.Series, str]]:
    """Every column with its kind: number or categorical.

    The type a column has in ``table`` decides: floats are numbers, all else is categorical: text, whole numbers (also
    with missing values), categories (also of floats), true and false, times, and Python objects of any kind.

    Args:
        table: of ``as_table``.
        names: of its columns.
        categorical, numeric: positions of columns for which the type does not decide.

    Raises:
        UserError: a type is not supported, or cannot be read as a number where it should.
    """
    for place, name in enumerate(names):
        values = (table[:, place] if isinstance(table, np.ndarray) else
                  table.to_series(place) if isinstance(table, pl.DataFrame) else table.iloc[:, place])
        column = column_of(values, name)
        floats = column.dtype.is_float() and str(values.dtype) != "category"
        if place in numeric and column.dtype.is_temporal():
            raise UserError(f"numeric_features has {name!r}, a column of times ({values.dtype}); expected numbers; "
                            "turn them into numbers first")
        yield column, "number" if place in numeric or (floats and place not in categorical) else "categorical"


def encode_columns(columns: Iterable[tuple[pl.Series, str]], lists: Collection[int], pool: str,
                   options: DataOptions) -> tuple[np.ndarray, list[FieldEncoder]]:
    """Ids of columns, int32 ``[rows, Σ widths]``, and the encoders that were fitted on them.

    Args:
        columns: of ``read_columns``.
        lists: positions of columns whose cells hold several values.
        pool: how these are pooled.
        options: how values are counted.

    Raises:
        UserError: the pool is unknown, or a cell cannot be read.
    """
    if pool not in POOLS:
        raise UserError(f"pool is {pool!r}; expected {' or '.join(POOLS)}{nearest(str(pool), POOLS)}")
    parts, encoders = [], []
    for place, (column, kind) in enumerate(columns):
        spec = FieldSpec(column.name, column.name, kind)
        if place in lists:
            spec = replace(spec, kind="multi", separator=",", pool=pool)
        counter = FieldCounter(spec, options)
        counter.add(column)
        encoders.append(counter.finish())
        parts.append(encoders[-1].columns(column))
    return np.concatenate(parts, 1), encoders


def read_labels(y: Any, table: Any, missing: str = "refused") -> tuple[np.ndarray, list[str], list[np.ndarray]]:
    """Labels as 0, 1 and UNKNOWN ``[rows, tasks]``, the tasks' names, and the two classes of every task.

    Classes are in rising order, and the second one is 1: True, 1 of -1 and 1, 2 of 1 and 2, "yes" of "no" and "yes".

    Args:
        y: a DataFrame, Series, array ``[rows]`` or ``[rows, tasks]``, or a mapping of names to one-dimensional labels.
        table: X, to which labels with an index are matched where X has one too.
        missing: "masked" makes labels that are missing UNKNOWN; "refused" allows none.

    Raises:
        UserError: it is absent, of other rows than X, has gaps, or a task has not two classes.
    """
    if missing not in MISSING:
        raise UserError(f"missing_labels is {missing!r}; expected {' or '.join(MISSING)}"
                        f"{nearest(str(missing), MISSING)}")
    named = _label_columns(y)
    tasks = [f"y{place}" if name is None else str(name) for place, (name, _) in enumerate(named)]
    _refuse_repeated(tasks, "y has several tasks")
    labels, classes = np.empty((len(table), len(tasks)), np.uint8), []
    for place, (task, (_, values)) in enumerate(zip(tasks, named)):
        found, labels[:, place] = _binary(_aligned(values, table, f"y of task {task}"), task, missing == "masked")
        classes.append(found)
    return labels, tasks, classes


def take_columns(table: Any, places: np.ndarray) -> Any:
    """The columns of a table at some positions, as a table of the same kind."""
    if isinstance(table, pl.DataFrame):
        return table[:, places.tolist()]
    return table[:, places] if isinstance(table, np.ndarray) else table.iloc[:, places]


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


def read_weights(weights: Any, table: Any) -> np.ndarray | None:
    """Weights of the rows, float32 ``[rows]``, matched to the rows of the table as labels are; None stays None.

    Raises:
        UserError: they are not one finite number of at least 0 for every row, or are all 0.
    """
    if weights is None:
        return None
    try:
        weights = weights if hasattr(weights, "iloc") else np.asarray(weights)
        found = np.asarray(_aligned(weights, table, "sample_weight"), np.float64)
    except (TypeError, ValueError):
        raise UserError("sample_weight holds something else than numbers; expected a number for every row") from None
    bad = ~((found >= 0) & (found <= np.finfo(np.float32).max))  # NaN is neither
    if bad.any() or not found.any():
        what = f"{found[bad.argmax()]} at position {bad.argmax()}" if bad.any() else "zero in all rows"
        raise UserError(f"sample_weight is {what}; expected finite numbers of at least 0, some above 0")
    return found.astype(np.float32)


def _aligned(values: Any, table: Any, what: str) -> Any:
    """Values of rows in the order of the table's rows; ``what`` they are, for messages."""
    if np.ndim(values) != 1 or len(values) != len(table):
        raise UserError(f"{what} has the shape {list(np.shape(values))}; expected as many rows as X, {len(table)}")
    if not (hasattr(values, "iloc") and hasattr(table, "iloc")) or values.index.equals(table.index):
        return values
    unique = values.index.is_unique and table.index.is_unique
    if not unique or not values.index.isin(table.index).all():
        raise UserError(f"{what} has another index than X; expected the index of X, in any order; use .to_numpy() to "
                        "match them by position")
    return values.loc[table.index]


def _binary(values: Any, task: str, masked: bool) -> tuple[np.ndarray, np.ndarray]:
    """The two classes in rising order, and for every row which of them it has, UNKNOWN where it has none."""
    import pandas as pd  # slow to import

    cells = np.asarray(values)
    absent = pd.isna(cells)
    if absent.any() and not masked:
        raise UserError(f"task {task} has no label in {absent.sum()} rows, the first of them at position "
                        f"{absent.argmax()}; expected a label in every row; leave these rows out of X and y, "
                        "or give missing_labels='masked' if they are not known for this task alone")
    held, codes = cells[~absent], np.full(len(cells), UNKNOWN)
    try:
        classes, codes[~absent] = np.unique(held, return_inverse=True)
    except TypeError:
        raise UserError(f"task {task} has labels of several types, such as {held[0]!r}; expected one type") from None
    if len(classes) != 2:
        raise UserError(f"Unknown label type: task {task} has {len(classes)} class{'es' * (len(classes) > 1)}, "
                        f"{_shown(classes)}; expected two")
    return classes, codes


def _refuse_repeated(names: Sequence[str], what: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UserError(f"{what} called {', '.join(repeated[:SHOWN])}; expected different names")


def _shown(names: Sequence) -> str:
    return ", ".join(map(str, names[:SHOWN])) + (", .." if len(names) > SHOWN else "")

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
"""A user's table in memory: the columns of X with the types they have, and weights of its rows."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ..common.errors import UserError, nearest
from ..pooling import POOLS
from .description.options import DataOptions, FieldSpec
from .encoding.encode import FieldCounter, FieldEncoder
from .reading.frames import column_of

SHOWN = 8  # names in a message


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
    refuse_repeated(names, "X has several columns")
    return names, True


def places_of(which: Any, names: Sequence[str], parameter: str, owner: str = "X") -> set[int]:
    """Positions of the columns that a parameter gives by name, by position or as a mask; none for "auto" or None.

    ``owner`` is what has the columns, for messages.

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
            raise UserError(f"{parameter} says True or False {len(items)} times; {owner} has {len(names)} columns")
        return set(map(int, np.flatnonzero(items)))
    return {_place(item, names, parameter, owner) for item in items}


def _place(item: Any, names: Sequence[str], parameter: str, owner: str) -> int:
    if isinstance(item, str) and item in names:
        return names.index(item)
    whole = isinstance(item, (int, np.integer)) and not isinstance(item, bool)
    if whole and 0 <= item < len(names):
        return int(item)
    raise UserError(f"{parameter} has {item!r}; {owner} has the columns {shown(names)}, at 0 to {len(names) - 1}"
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


def number_of_columns(value: Any, what: str, columns: int) -> int:
    """How many of the columns a number or a share means.

    Raises:
        UserError: it is neither.
    """
    if isinstance(value, (float, np.floating)) and 0 < value <= 1:
        return max(1, int(columns * value + 1e-9))
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise UserError(f"{what} is {value!r}; expected a number of columns, a share above 0.0 of at most 1.0, 'auto', "
                        "or a dict of numbers and shares by task")
    if value > columns:
        warnings.warn(f"{what}={value} is greater than n_features={columns}; every task keeps all", stacklevel=5)
    return int(min(value, columns))


def take_columns(table: Any, places: np.ndarray) -> Any:
    """The columns of a table at some positions, as a table of the same kind."""
    if isinstance(table, pl.DataFrame):
        return table[:, places.tolist()]
    return table[:, places] if isinstance(table, np.ndarray) else table.iloc[:, places]


def read_weights(weights: Any, table: Any) -> np.ndarray | None:
    """Weights of the rows, float32 ``[rows]``, matched to the rows of the table as labels are; None stays None.

    Raises:
        UserError: they are not one finite number of at least 0 for every row, or are all 0.
    """
    if weights is None:
        return None
    try:
        weights = weights if hasattr(weights, "iloc") else np.asarray(weights)
        found = np.asarray(aligned(weights, table, "sample_weight"), np.float64)
    except (TypeError, ValueError):
        raise UserError("sample_weight holds something else than numbers; expected a number for every row") from None
    bad = ~((found >= 0) & (found <= np.finfo(np.float32).max))  # NaN is neither
    if bad.any() or not found.any():
        what = f"{found[bad.argmax()]} at position {bad.argmax()}" if bad.any() else "zero in all rows"
        raise UserError(f"sample_weight is {what}; expected finite numbers of at least 0, some above 0")
    return found.astype(np.float32)


def aligned(values: Any, table: Any, what: str) -> Any:
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


def refuse_repeated(names: Sequence[str], what: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UserError(f"{what} called {', '.join(repeated[:SHOWN])}; expected different names")


def shown(names: Sequence) -> str:
    return ", ".join(map(str, names[:SHOWN])) + (", .." if len(names) > SHOWN else "")

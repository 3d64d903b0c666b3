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
"""Columns of pandas and Polars frames and of arrays, each with the type it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ...common.errors import UserError
from .cells import cell_text


def column_of(values: Any, name: str) -> pl.Series:
    """Returns a column as a Polars series of the same type; Python objects become text.

    Args:
        values: a Polars or pandas series, or an array ``[rows]``.
        name: of the column, for messages too.

    Raises:
        UserError: the type is not supported.
    """
    if isinstance(values, pl.Series):
        return values.alias(name)
    kind = str(values.dtype)
    if kind == "category":
        codes = pl.Series(np.asarray(values.cat.codes, np.int64))
        return column_of(values.cat.categories, name).gather(codes.set(codes < 0, None))
    if kind.startswith("Sparse"):
        values = values.sparse.to_dense()
    if kind == "object" or getattr(values.dtype, "kind", "") in "SU":
        return _of_objects(values, name)
    if kind.startswith(("period", "interval", "complex", "void")):
        raise UserError(f"column {name!r} has the type {kind}, which is not supported; expected text, numbers, true or "
                        "false, dates, times or durations; turn it into one of these")
    if getattr(values.dtype, "kind", "") == "f" and values.dtype.itemsize > 8:
        values = values.astype(np.float64)  # Polars has no long double
    return pl.Series(name, values, nan_to_null=True)


def _of_objects(values: Any, name: str) -> pl.Series:
    cells = []
    for row, value in enumerate(values, 1):
        try:
            cells.append(cell_text(value))
        except (TypeError, UnicodeDecodeError) as error:
            raise UserError(f"column {name!r} holds in row {row} {error}") from None
    return pl.Series(name, cells, dtype=pl.String)

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
"""Columns of a user's table: the type they have decides what they are, before any value is converted."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from src.common.errors import UserError
from src.data.user_tables import column_names, read_columns

WHOLE = pd.Series([3, 1, 2, 3])
GAPS = WHOLE.astype("Int64").where(WHOLE > 1)


@pytest.mark.parametrize("column, kind", [
    (WHOLE, "categorical"), (WHOLE.astype("Int64"), "categorical"), (GAPS, "categorical"),
    (WHOLE.astype("int8"), "categorical"), (WHOLE.astype("uint64"), "categorical"),
    (WHOLE.astype("category"), "categorical"), (GAPS.astype("category"), "categorical"),
    (WHOLE.astype(float).astype("category"), "categorical"), (GAPS.astype("int64[pyarrow]"), "categorical"),
    (WHOLE.astype("int64[pyarrow]"), "categorical"), (WHOLE.astype(object).where(WHOLE > 1, None), "categorical"),
    (WHOLE > 1, "categorical"), (GAPS.gt(2), "categorical"), (WHOLE.astype(str), "categorical"),
    (WHOLE.astype("string"), "categorical"), (WHOLE.map(Decimal), "categorical"),
    (pd.to_datetime(WHOLE, unit="D"), "categorical"), (WHOLE.astype(object).astype("category"), "categorical"),
    (WHOLE / 2, "number"), (GAPS.astype("Float64") / 2, "number"), ((WHOLE / 2).astype("float32"), "number"),
    ((WHOLE / 2).astype("double[pyarrow]"), "number"), (pd.Series([1.0, None, 2, np.inf]), "number"),
    (pd.Series([1.5, 0, 0, 2]).astype(pd.SparseDtype(float, 0.0)), "number"),
])
def test_the_type_decides_in_pandas_and_polars_alike(column, kind):
    frames = [column.to_frame("c")]
    if not isinstance(column.dtype, pd.SparseDtype):
        frames.append(pl.DataFrame({"c": column.tolist()}, strict=False) if column.dtype == object
                      else pl.from_pandas(frames[0]))
    gaps = column.isna().tolist()
    for frame in frames:
        (found, of_kind), = read_columns(frame, ["c"], set(), set())
        assert found.name == "c" and (found.is_null() | (found.cast(pl.String) == "NaN")).to_list() == gaps
        assert of_kind == kind or isinstance(frame, pl.DataFrame) and column.dtype == "category"


def test_whole_numbers_stay_whole():
    (column, _), = read_columns(GAPS.astype("category").to_frame(), ["c"], set(), set())
    assert column.to_list() == [3, None, 2, 3]


def test_a_long_double_is_the_double_nearest_to_it():
    (column, kind), = read_columns(pd.DataFrame({"c": np.array([0.5, np.nan, 2], np.longdouble)}), ["c"], set(), set())
    assert kind == "number" and column.to_list() == [0.5, None, 2.0]


def test_names_partly_of_text():
    assert column_names(pd.DataFrame([[1, 2]])) == (["x0", "x1"], False)
    with pytest.raises(UserError, match="such as 7; expected text for all"):
        column_names(pd.DataFrame([[1, 2]], columns=["a", 7]))
    with pytest.raises(UserError, match="several columns called a"):
        column_names(pd.DataFrame([[1, 2]], columns=["a", "a"]))

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
"""One text for one value: spellings of numbers, truth, times and lists; columns of every type."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import UserError
from src.data.reading.cells import FEW, MISSING, canonical, cell_text, first_items, numbers, row_of, texts
from src.data.reading.frames import column_of

MANY = FEW + 1  # rows that are read as a column, not cell by cell


@pytest.mark.parametrize(("text", "cells"), [
    ("1", ["1", "1.0", "1.", "+1", "1e0", "10E-1", " 1 ", "1.000"]), ("-1", ["-1", "-1.0", "-1."]),
    ("0", ["0", "-0", "0.0", "-0.0", ".0", "0e7"]), ("0.7", ["0.7", "0.70", ".7", "+.7", "7e-1"]),
    ("100000", ["1e5", "1E+5", "100000.0"]), ("0.00001", ["1e-5", "1e-05", "0.00001"]), ("1", ["true", "True", "TRUE"]),
    ("0", ["false", "False"]), ("2024-03-01", ["2024-03-01", "2024-03-01 00:00:00", "2024-03-01T00:00:00.000000"]),
    ("2024-03-01 09:00:00.5", ["2024-03-01T09:00:00.500", "2024-03-01 10:00:00.5+01:00", "2024-03-01T09:00:00.5Z"]),
    ("PT90.5S", ["0 days 00:01:30.500000", "PT90.5S", "P0DT0H1M30.5S"]), ("01:02:03.5", ["01:02:03.500000000"]),
])
def test_spellings_of_one_value_are_one_text(text, cells):
    assert {canonical(cell) for cell in cells} == {text}
    assert set(texts(pl.Series(cells))) == set(texts(pl.Series(cells * MANY))) == {text}


@pytest.mark.parametrize("cell", ["01", "007", "1_000", "0x10", "1,5", "$1", "yes", "2024-13-01 10:00", "1e9999",
                                  "1.2.3", "1180591620717411303425", "-", ".", "+", "E5", "5 apples", "truth", "P5"])
def test_all_else_is_left_alone(cell):
    assert canonical(cell) == cell and texts(pl.Series([cell] * MANY))[0] == cell


@given(st.one_of(st.text(), st.floats().map(repr), st.integers().map(str), st.datetimes().map(str),
                 st.booleans().map(str), st.from_regex(r"\A[-+0-9.eE:TZP d]{1,9}\Z")))
def test_columns_and_single_cells_agree_and_what_is_canonical_stays(cell):
    for rows in (1, MANY):
        assert texts(pl.Series([cell] * rows, dtype=pl.String))[0] == (canonical(cell) or None)
    assert canonical(canonical(cell)) == canonical(cell)


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats(width=32, allow_nan=False,
                                                                               allow_infinity=False)))
def test_a_number_keeps_its_value(number):
    assert float(canonical(repr(number))) == number


@pytest.mark.parametrize(("column", "expected"), [
    (pl.Series([0.7,
    1e-7, 16777216.0, float("nan"), None], dtype=pl.Float32), ["0.7", "0.0000001", "16777216", None, None]),
    (pl.Series([0.7, 60000.0], dtype=pl.Float16), ["0.7", "60000"]),
    (pl.Series([1e16, -0.0]), ["10000000000000000", "0"]),
    (pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(9, 2)), ["1.5", None]), (pl.Series([True, None]), ["1", None]),
    (pl.Series(["b", "True", None], dtype=pl.Categorical), ["b", "1", None]), (pl.Series([b"ab", None]), ["ab", None]),
    (pl.Series([2**63 + 1], dtype=pl.UInt64), ["9223372036854775809"]), (pl.Series([None, None]), [None, None]),
    (pl.Series([dt.date(2024, 3, 1)]), ["2024-03-01"]),
    (pl.Series([dt.timedelta(days=-1, seconds=3.5)]), ["-PT86396.5S"]),
    (pl.Series([dt.datetime(2024, 3, 1, 7)]).dt.replace_time_zone("Europe/Oslo"), ["2024-03-01 06:00:00"]),
    (pl.Series([dt.time(1, 2, 3, 4000)]), ["01:02:03.004"]), (pl.Series(["", " "]), [None, None]),
])
def test_typed_columns(column, expected):
    assert texts(column).to_list() == expected


@pytest.mark.parametrize("column", [pl.Series("c", [{"a": 1}]), pl.Series("c", [[1]]), pl.Series("c", [object()]),
                                    pl.Series("c", [b"\xff"])])
def test_other_types_are_refused_by_name_and_type(column):
    for read in (texts, numbers):
        with pytest.raises(UserError, match="column 'c' has the type"):
            read(column)


def test_numbers_are_read_from_every_spelling():
    found = numbers(pl.Series(["1e2", "+1", ".5", "True", "false", "0 days 00:01:30", "01", "x", "1_0", "", None]))
    assert found.to_list() == [100.0, 1.0, 0.5, 1.0, 0.0, 90.0, 1.0, None, None, None, None]
    assert numbers(pl.Series([0.7, 0.1], dtype=pl.Float32)).to_list() == [0.7, 0.1]


@pytest.mark.parametrize(("cell", "first"), [
    ('["a", 2]', "a"), ("[3]", "3"), ("[3.0, 1]", "3"), ("['t1', 't2']", "t1"), ("['t1' 't2']", "t1"), ("[0 1 2]", "0"),
    ("[0.5 1. ]", "0.5"), ("[1, 2\n 3]", "1"), ("[]", None), ("[None, 'c']", "c"), ("[null, true]", "1"),
    ("['NA', 'x']", "x"),
    ("[np.int64(1), np.str_('x')]", "1"), ("[New York, Rome]", "New York"), ('["[x]", "a]"]', "[x]"),
    ("['it, is']", "it, is"),
    ("a|b", "a"), (" |b", "b"), ("NA|1.0", "1"), ("", None), ("[live] at|x", "[live] at"),
    ("[a] and [b]", "[a] and [b]"),
])
def test_the_first_item_of_a_list_in_every_spelling(cell, first):
    assert first_items(pl.Series([cell, None, "z"]), "|", MISSING).to_list() == [first, None, "z"]


@pytest.mark.parametrize("cell", ["[1, 2", "1, 2]", "[a, 'b]", "[[1], [2]]", '[{"a": 1}]', '["\\ud800"]'])
def test_a_broken_list_is_refused(cell):
    with pytest.raises(UserError, match="column 'c' holds .* which looks like a broken list") as caught:
        first_items(pl.Series("c", ["x", cell]), "|", MISSING)
    assert row_of(caught.value.cell, pl.Series("c", ["x", cell])) == 1


@pytest.mark.parametrize("column", [
    pl.Series([["a,b", "c"], [], None, [None, "d"]]), pl.Series([[0.7, 1.0], None, [2.0]], dtype=pl.List(pl.Float32)),
    pl.Series([[1,
    2], [3, 4]], dtype=pl.Array(pl.Int8, 2)), pl.Series([[dt.timedelta(seconds=1)]]), pl.Series([[True]]),
])
def test_a_list_column_is_its_items(column):
    rows = [None if row is None else [item for item in row if item is not None] for row in column.to_list()]
    items = texts(pl.Series([row[0] for row in rows if row], dtype=column.dtype.inner)).to_list()
    assert first_items(column, ",", MISSING).drop_nulls().to_list() == items


@pytest.mark.parametrize(("values", "expected"), [
    (pd.Series([1, None], dtype="Int64"), pl.Int64), (pd.Series(pd.Categorical([1, 2, None])), pl.Int64),
    (pd.Series([1, None], dtype="int64[pyarrow]"), pl.Int64), (pd.Series([1, None], dtype=object), pl.String),
    (pd.Series([True, None], dtype="boolean"), pl.Boolean), (pd.Series([0.7], dtype="float32"), pl.Float32),
    (pd.Series([Decimal("1.5")]), pl.String), (pd.Series([[1, 2], None]), pl.String), (np.array(["a"]), pl.String),
    (np.array([1, 2]), pl.Int64), (pd.Series(pd.to_timedelta(["1h"])), pl.Duration), (pl.Series([1]), pl.Int64),
    (pd.Series(pd.arrays.SparseArray([0, 1])), pl.Int64),
])
def test_columns_of_frames_keep_their_type(values, expected):
    assert column_of(values, "c").dtype == expected


@pytest.mark.parametrize("values", [pd.period_range("2020", periods=2).to_series(), pd.Series([{"a": 1}]),
                                    np.array([1j]), pd.Series(pd.interval_range(0, 2))])
def test_columns_of_frames_that_are_not_supported(values):
    with pytest.raises(UserError, match="column 'c' (has the type|holds in row 1)"):
        column_of(values, "c")


def test_python_values_are_what_a_csv_file_would_hold():
    values = [None,
    "x", 1, 1.5, float("nan"), np.float32(0.7), True, pd.NaT, pd.NA, b"x", [1, None], np.array([0.7], "f4")]
    expected = [None, "x", "1", "1.5", None, "0.7", "True", None, None, "x", '["1", null]', '["0.7"]']
    assert [cell_text(value) for value in values] == expected
    with pytest.raises(TypeError, match="of type dict"):
        cell_text({"a": 1})

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
"""Tables as people have them: spellings, types, times, lists and labels that once gave another value without a word."""

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.common.files import read_json
from src.data import prepare

ROWS = 60
SPLIT = "split: {by: column, column: fold}\n"


@pytest.fixture(name="make")
def _make(tmp_path):
    """Prepares columns as CSV or Parquet; returns the vocabularies and buckets, the ids and the labels."""
    def make(columns, description, kind="csv"):
        columns = {"click": np.random.default_rng(0).integers(0, 2, ROWS),
                   "fold": ["train"] * (ROWS - 10) + ["valid"] * 5 + ["test"] * 5, **columns}
        table = pl.DataFrame({name: list(values) * (ROWS // len(values)) if isinstance(values, list) else values
                              for name, values in columns.items()})
        path = tmp_path / f"data.{kind}"
        table.write_csv(path) if kind == "csv" else table.write_parquet(path)
        description += "" if "tasks:" in description else "tasks: [click]\n"
        (tmp_path / "table.yaml").write_text(description + ("" if "split:" in description else SPLIT))
        data = prepare("table", path, tmp_path / "set", overrides={"table": tmp_path / "table.yaml"}, overwrite=True)
        parts = [data.split(name).read(0, ROWS) for name in ("train", "valid", "test")]
        encoders = [read_json(data.path / field.vocabulary) for field in data.schema.fields]
        return [encoder.get("values", encoder.get("edges")) for encoder in encoders], *map(np.concatenate, zip(*parts))
    return make


def test_values_are_compared_as_cells_are_not_as_yaml_reads_them(make):
    columns = {"country": ["NO",
    "SE", "DK"], "code": ["01", "02", "10"], "agree": ["yes", "no", "?"], "level": ["1.0", "2.0", "3"],
               "day": ["2020-01-01", "2020-01-02", "2020-01-03"]}
    fields = ("fields: [{name: country, values: [NO, SE]}, {name: code, values: [01, 02]}, {name: agree, values: "
              "[yes, no]}, {name: level, values: [1, 2.0]}, {name: day, values: [2020-01-01, 2020-01-02]}]\n")
    expected = [["NO", "SE"], ["01", "02"], ["no", "yes"], ["1", "2"], ["2020-01-01", "2020-01-02"]]
    values, ids, _ = make(columns, fields)
    assert [sorted(found) for found in values] == expected
    assert ((ids == 0).mean(axis=0) == pytest.approx(1 / 3)) and (ids[2::3] == 0).all()


@pytest.mark.parametrize("missing", ["-1", "-1.0"])
@pytest.mark.parametrize("column", [["-1", "5", "7"], ["-1.0", "5.0", "7.0"], pl.Series([-1.0, 5.0, 7.0] * 20),
                                    pl.Series([-1, 5, 7] * 20)])
def test_a_missing_number_is_missing_in_every_spelling_and_type(make, missing, column):
    fields = (f"fields: [{{name: n, kind: number, missing: [{missing}]}}, "
              f"{{name: c, column: n, missing: [{missing}]}}]\n")
    for kind in ("csv", "parquet"):
        values, ids, _ = make({"n": column}, fields, kind)
        assert values == [[7.0], ["5", "7"]] and (ids[::3] == 0).all() and (ids[1::3] == 1).all()


def test_a_list_of_values_of_which_none_occurs_is_named(make, caplog):
    make({"country": ["NO", "SE", "DK"]}, "fields: [{name: country, values: [Norway]}]\n")
    assert "field country: none of its values (Norway) occurs in the train rows" in caplog.text


def test_missing_is_spelt_in_many_ways_unless_the_table_says_otherwise(make):
    spellings = ["NA", "N/A", "<NA>", "NaN", "nan", "NaT", "null", "NULL", "None", "\\N", "", "Oslo"]
    values, ids, _ = make({"city": spellings}, "fields: [city]\n")
    assert values == [["Oslo"]] and (ids != 0).sum() == ROWS // 12
    values, *_ = make({"city": spellings}, 'fields: [city]\nmissing: ["nan"]\n')
    assert {"NA", "None", "Oslo"} < set(values[0]) and "nan" not in values[0]
    values, *_ = make({"city": spellings}, "fields: [{name: city, values: [NA, Oslo]}]\n")
    assert sorted(values[0]) == ["NA", "Oslo"]


@pytest.mark.parametrize(("cells", "more", "found"), [
    ([14102100, 14102223], ", format: '%y%m%d%H'", [["2014"], ["21", "22"], ["0", "23"]]),
    ([20141021, 20141022], ", format: '%Y%m%d'", [["2014"], ["21", "22"], ["0"]]),
    ([1413849600000000000, 1413932400000000000], "", [["2014"], ["21"], ["0", "23"]]),
    (["2014-10-21T00:00:00+08:00", "2014-10-21T23:00:00+08:00"], "", [["2014"], ["20", "21"], ["15", "16"]]),
    (["2014-10-21T00:00:00+08:00",
    "2014-10-21T23:00:00+08:00"], ", timezone: Asia/Shanghai", [["2014"], ["21"], ["0", "23"]]),
])
def test_times_as_logs_write_them(make, cells, more, found):
    for kind in ("csv", "parquet"):
        fields = f"fields: [{{name: at, kind: timestamp, parts: [year, day, hour]{more}}}]\n"
        values, *_ = make({"at": cells}, fields, kind)
        assert [sorted(items) for items in values] == found


@pytest.mark.parametrize("cells", [[14102100, 14102201], [20141021, 20141022], [2014102100, 2014102101]])
def test_numbers_that_are_no_times_are_refused_with_their_row_in_field_and_split(make, cells):
    cells = [cells[0] + hour for hour in range(20)] if cells[0] > 10**9 else cells
    for kind in ("csv", "parquet"):
        with pytest.raises(UserError, match="column 'at' holds .*; it is in data row [0-9]+; give format:"):
            make({"at": cells}, "fields: [{name: at, kind: timestamp}]\n", kind)
        with pytest.raises(UserError, match="column 'at' holds .*; it is in data row [0-9]+; give format:"):
            make({"at": cells, "a": ["x", "y"]}, "fields: [a]\nsplit: {by: time, column: at}\n", kind)


def test_lists_in_text_cells(make):
    columns = {"js": ["[3]", "[2, 3]", "[3.0, 2]"], "py": ["['t1']", "['t1', 't2']", "['t2']"],
               "np": ["[0 1 2]", "[1]", "[]"]}
    values, *_ = make(columns, "fields: [{name: js, kind: multi}, {name: py, kind: multi}, {name: np, kind: multi}]\n")
    assert values == [["3", "2"], ["t1", "t2"], ["0", "1"]]
    with pytest.raises(UserError,
    match=r"column 'js' holds '\[2, 3', which looks like a broken list; .* in data row 2"):
        make({"js": ["[3]", "[2, 3", "[3]"]}, "fields: [{name: js, kind: multi}]\n")


def test_labels_of_every_spelling(make):
    columns = {"a": ["x",
    "y", "z"], "tf": ["True", "False", "False"], "fl": [1.0, 0.0, 0.0], "inc": ["<=50K", ">50K", ">50K"],
               "pm": [-1, 1, 1], "q": pl.Series([0.7, 0.6, 0.7] * 20, dtype=pl.Float32)}
    tasks = 'tasks: [tf, fl, {name: rich, label: "inc == >50K"}, {name: both, label: "pm >= 1 and q >= 0.7"}]\n'
    for kind in ("csv", "parquet"):
        labels = make(columns, "fields: [{name: pm2, column: click}]\n" + tasks, kind)[2]
        assert labels[:3].tolist() == [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]


def test_single_precision_is_its_shortest_decimal(make):
    draw = np.random.default_rng(0)
    decimals = draw.integers(0, 30, ROWS) / 10
    fields = ("fields: [{name: p, kind: number, buckets: 7}, {name: c, column: p}]\n"
              "tasks: [{name: good, label: \"q >= 0.7\"}]\n")
    found = [make({"p": pl.Series(decimals[::-1], dtype=kind), "q": pl.Series(decimals, dtype=kind)}, fields, file)
             for file, kind in (("csv", pl.Float64), ("parquet", pl.Float64), ("parquet", pl.Float32))]
    for values, ids, labels in found:
        assert values == found[0][0] and (ids == found[0][1]).all() and (labels[:, 0] == (decimals >= 0.7)).all()


@pytest.mark.parametrize("cell", [{"a": 1}, [1, 2], b"\xff"])
@pytest.mark.parametrize("description", [
    "fields: [x]\n", "fields: [{name: x, kind: number}]\n", "fields: [{name: x, kind: timestamp}]\n",
    "fields: [a]\ntasks: [x]\n", "fields: [a]\ntasks: [{name: t, label: x == 1}]\n",
    "fields: [a]\nsplit: {by: column, column: x}\n", "fields: [a]\nsplit: {by: time, column: x}\n"])
def test_a_type_that_is_not_supported_is_one_line_with_column_and_type(make, cell, description):
    with pytest.raises(UserError, match="column 'x' has the type (Struct|List|Binary)"):
        make({"x": pl.Series([cell] * ROWS), "a": ["x", "y"]}, description, "parquet")

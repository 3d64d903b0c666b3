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
"""A user's own table: every kind of column, every split rule, the leak guard, clear refusals."""

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.common.files import read_json
from src.data import PreparedData, prepare
from src.data.encoding.encode import FieldEncoder
from src.data.staging.stage import Stage
from src.schema import SPLITS, UNKNOWN

ROWS = 400
DESCRIPTION = """
fields:
  - {name: city, kind: categorical}
  - {name: age, kind: number, buckets: 4}
  - {name: at, kind: timestamp, parts: [hour, weekday]}
  - {name: tags, kind: multi, separator: "|"}
tasks:
  - {name: click, label: is_click}
  - {name: like, label: "rating >= 4"}
split: {by: random, seed: 1, parts: [0.8, 0.1, 0.1]}
"""


def _table(rows=ROWS, seed=0):
    draw = np.random.default_rng(seed)
    return pl.DataFrame({
        "city": draw.choice(["Oslo", "Rome", "Łódź", "a,b"], rows), "age": draw.integers(18, 80, rows),
        "at": [f"2024-03-{day:02d} {hour:02d}:15:00" for day, hour in zip(draw.integers(1, 29, rows),
                                                                         draw.integers(0, 24, rows))],
        "tags": draw.choice(["x|y", "y", "", "z|x|y"], rows), "is_click": draw.integers(0, 2, rows),
        "rating": draw.integers(1, 6, rows), "fold": draw.choice(["train", "valid", "test"], rows)})


@pytest.fixture(name="make")
def _make(tmp_path):
    def make(table=None, description=DESCRIPTION, name="data.csv", **more):
        table = _table() if table is None else table
        path = tmp_path / name
        if isinstance(table, (bytes, str)):
            path.write_bytes(table.encode() if isinstance(table, str) else table)
        elif path.suffix == ".parquet":
            table.write_parquet(path)
        else:
            table.write_csv(path)
        (tmp_path / "table.yaml").write_text(description)
        return prepare("table", path, tmp_path / "set", overrides={"table": tmp_path / "table.yaml", **more},
                       overwrite=True)
    return make


def _rows(data, split="train"):
    return data.split(split).read(0, data.schema.rows[split])


def test_every_kind_of_column_is_encoded_as_documented(make):
    data = make()
    assert data.schema.field_names == ["city", "age", "at_hour", "at_weekday", "tags"]
    assert dict(data.schema.rows) == {"train": 320, "valid": 40, "test": 40}
    encoders = {field.name: FieldEncoder.from_json(read_json(data.path / field.vocabulary), field.vocabulary)
                for field in data.schema.fields}
    table = _table()
    ids = np.concatenate([_rows(data, split)[0] for split in ("train", "valid", "test")])
    for place, name in enumerate(["city", "age", "at", "at", "tags"]):
        field = data.schema.fields[place]
        again = encoders[field.name].encode(table[name].cast(pl.String))
        np.testing.assert_array_equal(np.bincount(again, minlength=99), np.bincount(ids[:, place], minlength=99))
        assert encoders[field.name].cardinality == field.cardinality
    assert encoders["tags"].encode(pl.Series(["x|z", " z ", "", "q|x", None])).tolist()[2:] == [0, 0, 0]
    assert encoders["tags"].values[encoders["tags"].encode(pl.Series(["z|x"]))[0] - 1] == "z"
    hours = encoders["at_hour"]
    assert hours.values[hours.encode(pl.Series(["2030-01-01T07:59:59"]))[0] - 1] == "7"
    assert hours.values[hours.encode(pl.Series([1_700_000_000_000]))[0] - 1] == "22"
    ages = encoders["age"].encode(pl.Series(["-5", "999", "", "nan", "18.0"]))
    assert ages.tolist() == [1, 4, 0, 0, 1]


def test_labels_follow_their_rules(make):
    data = make()
    table = _table()
    labels = np.concatenate([_rows(data, split)[1] for split in ("train", "valid", "test")])
    assert labels[:, 0].sum() == table["is_click"].sum()
    assert labels[:, 1].sum() == (table["rating"] >= 4).sum()
    rate = data.schema.tasks[1].positive_rate["train"]
    assert rate == pytest.approx(_rows(data)[1][:, 1].mean())


def test_parquet_and_folders_of_it_give_the_same_rows(make, tmp_path):
    from_csv = _rows(make())[0]
    from_parquet = _rows(make(name="data.parquet"))[0]
    np.testing.assert_array_equal(from_csv, from_parquet)
    folder = tmp_path / "parts"
    folder.mkdir()
    _table()[:150].write_parquet(folder / "part-0.parquet")
    _table()[150:].write_parquet(folder / "part-1.parquet")
    data = prepare("table", folder, tmp_path / "other", overrides={"table": tmp_path / "table.yaml"})
    np.testing.assert_array_equal(from_csv, _rows(data)[0])


def test_typed_parquet_columns(make):
    table = _table().with_columns(
        pl.col("at").str.to_datetime(), pl.col("tags").str.split("|"), pl.col("is_click").cast(pl.Boolean),
        pl.col("age").cast(pl.Float32), pl.col("city").cast(pl.Categorical))
    np.testing.assert_array_equal(_rows(make(table, name="data.parquet"))[0], _rows(make())[0])


def test_split_by_column_and_by_time(make):
    by_column = make(description=DESCRIPTION.replace("{by: random, seed: 1, parts: [0.8, 0.1, 0.1]}",
                                                     "{by: column, column: fold}"))
    assert by_column.schema.rows["valid"] == (_table()["fold"] == "valid").sum()
    later = DESCRIPTION.replace("by: random", "by: time, column: at").replace("name: at,", "name: at, column: at,")
    data = make(description=later)
    assert data.schema.rows["train"] == pytest.approx(320, abs=5)
    days = _table()["at"].sort()
    weekdays = [field for field in data.schema.fields if field.name == "at_weekday"]
    assert weekdays and data.schema.rows["test"] >= (days > days[360]).sum()


def test_a_copy_of_a_label_is_refused_by_name(make):
    copy = _table().with_columns(pl.when(pl.col("is_click") == 1).then(pl.lit("yes")).otherwise(pl.lit("no"))
                                 .alias("city"))
    with pytest.raises(UserError, match="field 'city' tells the label of task 'click' exactly"):
        make(copy)
    number = _table().with_columns((pl.col("rating") * 10).alias("age"))
    with pytest.raises(UserError, match="field 'age' tells the label of task 'like' exactly"):
        make(number)


def test_a_field_that_tells_a_label_is_kept_where_the_description_says_so(make, caplog):
    copy = _table().with_columns(pl.when(pl.col("is_click") == 1).then(pl.lit("yes")).otherwise(pl.lit("no"))
                                 .alias("city"))
    with pytest.raises(UserError, match="or, if it is known before the label, give keep_leaks: .city"):
        make(copy, DESCRIPTION + "keep_leaks: [age]\n")
    data = make(copy, DESCRIPTION + "keep_leaks: [city]\n")
    assert "city" in data.schema.field_names and data.schema.settings["keep_leaks"] == ["city"]
    assert "field 'city' tells the label of task 'click' exactly" in caplog.text
    with pytest.raises(UserError, match="keep_leaks of .* names 'citty', which is no field.*did you mean city"):
        make(copy, DESCRIPTION + "keep_leaks: [citty]\n")
    with pytest.raises(UserError, match="is made from column 'rating', which is the label"):
        make(description=DESCRIPTION.replace("name: city,", "name: stars, column: rating,") + "keep_leaks: [stars]\n")


def test_a_field_made_from_a_label_column_is_refused_by_name(make):
    with pytest.raises(UserError, match="field 'stars' is made from column 'rating', which is the label"):
        make(description=DESCRIPTION.replace("{name: city,", "{name: stars, column: rating,"))


@pytest.mark.parametrize(("change", "message"), [
    ({"is_click": pl.lit(2)}, "label column 'is_click' of task 'click' holds '2' in data row 1; expected 0 or 1"),
    ({"is_click": pl.lit("NaN")}, "holds 'NaN' in data row 1; expected 0 or 1"),
    ({"is_click": pl.lit("")}, "holds '' in data row 1"),
    ({"rating": pl.lit("good")}, "'rating' of task 'like' holds 'good' in data row 1; expected a number"),
    ({"age": pl.lit("old")}, "column 'age' holds 'old'; expected a number"),
    ({"at": pl.lit("yesterday")}, "column 'at' holds 'yesterday'; expected a time"),
])
def test_wrong_values_name_their_column(make, tmp_path, change, message):
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        make(_table().with_columns(**change))
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(("content", "message"), [
    ("", "is empty"), ("city,city,age\n", "names column 'city' 2 times"), ("city,,age\n", "no column 'at'"),
    (b"city,\xff\xfe\n", "line 1 is not UTF-8"),
    ("city,age,at,tags,is_click,rating\n", "no rows left"),
    ("city,age,at,tags,is_click,rating\nOslo,1,2024-01-01,x,1\n", "line 2 has 5 cells"),
    ("city,age,at,tags,is_click,rating\nOslo,1,2024-01-01,x,1,4,9\n", "line 2 has 7 cells"),
    (b"city,age,at,tags,is_click,rating\nOsl\xf8,1,2024-01-01,x,1,4\n", "line 2 is not UTF-8"),
    ('city,age,at,tags,is_click,rating\nOslo,1,2024-01-01,"x,1,4\n', "line 2 has a double quote without"),
    ("city,age,at,tags,is_click\nOslo,1,2024-01-01,x,1\n", "no column 'rating'"),
    ("city,age,at,tags,is_click,rating\nOslo,1,2024-01-01,x,1,4\n", "would be empty"),
])
def test_malformed_files_are_refused_with_file_and_place(make, tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        make(content)
    assert not (tmp_path / "set").exists()


def test_a_panic_of_polars_is_one_line(make, monkeypatch):
    def panic(*_, **__):
        raise pl.exceptions.PanicException("called `Result::unwrap()`")

    monkeypatch.setattr(pl, "scan_parquet", panic)
    with pytest.raises(UserError, match=r"rows.parquet is damaged or no Parquet file \(called"):
        make(b"", name="rows.parquet")


def test_a_truncated_parquet_is_refused(make, tmp_path):
    _table().write_parquet(tmp_path / "whole.parquet")
    with pytest.raises(UserError, match="cut.parquet is damaged or no Parquet file"):
        make((tmp_path / "whole.parquet").read_bytes()[:-500], name="cut.parquet")


@pytest.mark.parametrize(("old", "new", "message"), [
    ("fields:", "felds:", "unknown key 'felds'.*did you mean fields"),
    ("kind: number", "kind: numbr", "'numbr'; expected one of .*did you mean number"),
    ("parts: [hour, weekday]", "parts: [hours]", "did you mean hour"),
    ("buckets: 4", "buckets: 1", "buckets of field 'age'.*at least 2"),
    ("rating >= 4", "rating >= four", "task 'like' of .* has the label 'rating >= four'"),
    ("rating >= 4", "stars >= 4", "no column 'stars'"),
    ('"rating >= 4"', '"rating >= 4", where: is_click', "has the where 'is_click'; expected a comparison"),
    ('"rating >= 4"', '"rating >= 4", where: "click == 1"', "no column 'click'.*did you mean is_click"),
    ('"rating >= 4"', '"rating >= 4", wheres: "is_click == 1"', "unknown key 'wheres'.*did you mean where"),
    ('"rating >= 4"', '"rating >= 4", missing: mask', "missing: 'mask'; expected refused, or masked"),
    ("fields:", "weight: ratin\nfields:", "no column 'ratin'.*did you mean rating"),
    ("name: tags", "name: city", "fields of .* has 'city' twice"),
    ("name: like", "name: click", "tasks of .* has 'click' twice"),
    ("parts: [0.8, 0.1, 0.1]", "parts: [0.8, 0.1, 0.2]", "add up to 1"),
    ("parts: [0.8, 0.1, 0.1]", "parts: [0.8, 0.2]", "three shares"),
    ("by: random", "by: randm", "did you mean random"),
    ("by: random", "by: time", "names no column"),
    ("by: random", "by: given", "has no test rows of its own"),
    ("seed: 1", "seed: -1", "seed of split of .* is -1; expected at least 0"),
    ("{name: city, kind: categorical}", "{kind: categorical}", "item 1 of fields of .* has no key 'name'"),
    ("{name: city, kind: categorical}", "{name: city, size: 3}", "unknown key 'size'"),
    ("tasks:", "tasks: []\nmore_tasks:", "tasks of .* is empty"),
    ("name: city,", "name: 2020-12-01,", "no column '2020-12-01'"),
    ("name: city,", "name: 2020-13-45,", "no column '2020-13-45'"),
    ("name: city, kind: categorical", "name: city, values: [null]", "is None; expected a text.*write it in quotes"),
    ("  - {name: city, kind: categorical}", "  - on", "no column 'on'"),
    ("  - {name: city, kind: categorical}", "  - 1", "item 1 of fields of .*write it in quotes"),
])
def test_wrong_descriptions_say_what_is_allowed(make, old, new, message):
    assert old in DESCRIPTION
    with pytest.raises(UserError, match=message):
        make(description=DESCRIPTION.replace(old, new))


def test_missing_inputs_are_named(tmp_path):
    (tmp_path / "t.yaml").write_text(DESCRIPTION)
    for raw, overrides, message in ((None, {"table": tmp_path / "t.yaml"}, "raw_dir is not given"),
                                    (tmp_path, {"table": tmp_path / "t.yaml"}, "is no table"),
                                    (tmp_path, {}, "table is not given"),
                                    (tmp_path, {"table": tmp_path / "x.yaml"}, "x.yaml does not exist")):
        with pytest.raises(UserError, match=message):
            prepare("table", raw, tmp_path / "set", overrides=overrides)


def test_rare_values_fold_and_vocabularies_can_be_capped(make):
    table = _table().with_columns(pl.Series("city", ["often"] * 300 + ["twice"] * 2 + [f"c{i}" for i in range(98)]))
    sizes = [make(table, DESCRIPTION + f"min_count: {least}\n").schema.cardinalities[0] for least in (1, 2, 3)]
    assert sizes[0] > sizes[1] >= sizes[2] == 2
    capped = make(table, DESCRIPTION.replace("kind: categorical", "kind: categorical, max_values: 5"))
    assert capped.schema.cardinalities[0] == 6


def test_zero_bytes_are_damage(make):
    lines = _table().write_csv().encode().split(b"\n")
    lines[7] = bytes(len(lines[7]))
    with pytest.raises(UserError, match="data.csv line 8 holds zero bytes"):
        make(b"\n".join(lines))


def test_a_full_disk_while_staging_is_one_line(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(UserError, match="part-00000.parquet cannot be written: .*No space left"):
        Stage(tmp_path).write(_table())


def test_labels_of_some_rows(make, caplog):
    """like is known after a click, and where it was rated at all."""
    table = _table().with_columns(rating=pl.when(pl.arange(0, ROWS) % 5 > 0).then(pl.col("rating")))
    description = DESCRIPTION.replace('"rating >= 4"', '"rating >= 4", where: "is_click == 1", missing: masked')
    data = make(table, description)
    labels = {split: _rows(data, split)[1][:, 1] for split in SPLITS}
    whole = np.concatenate(list(labels.values()))
    known = (table["is_click"] == 1) & table["rating"].is_not_null()
    assert (whole != UNKNOWN).sum() == known.sum()
    assert (whole == 1).sum() == (known & (table["rating"] >= 4)).sum()
    task = data.schema.tasks[1]
    for split, column in labels.items():
        assert task.known[split] == (column != UNKNOWN).sum()
        assert task.positive_rate[split] == pytest.approx(column[column != UNKNOWN].mean())
    assert data.schema.partial == (False, True)
    assert {"step": "rows of train with a label of task like", "rows": task.known["train"]} in data.schema.steps


def test_a_copy_of_a_label_is_refused_among_the_rows_that_have_one(make):
    table = _table()
    told = pl.when(pl.col("is_click") == 1).then(pl.col("rating") >= 4).otherwise(pl.col("age") % 2 == 0)
    table = table.with_columns(city=pl.when(told).then(pl.lit("good")).otherwise(pl.lit("bad")))
    make(table)
    with pytest.raises(UserError, match="field 'city' tells the label of task 'like' exactly"):
        make(table, DESCRIPTION.replace('"rating >= 4"', '"rating >= 4", where: "is_click == 1"'))


def test_a_column_of_weights(make):
    """Those of train are kept, in the order of its rows, as float32; the set without them is as it was."""
    table = _table().with_columns(importance=pl.arange(0, ROWS) / 7, row=pl.arange(0, ROWS))
    description = DESCRIPTION.replace("fields:", "weight: importance\nfields:\n  - {name: row}")
    data = make(table, description)
    train = data.split("train")
    encoder = FieldEncoder.from_json(read_json(data.path / data.schema.fields[0].vocabulary), "row")
    rows = np.array(encoder.values, np.int64)[train.read(0, train.rows)[0][:, 0] - 1]
    assert train.weights.dtype == np.float32
    np.testing.assert_array_equal(train.weights, (rows / 7).astype(np.float32))
    assert data.split("valid").weights is None and data.schema.weight.column == "importance"
    np.save(data.path / "weights-train.npy", train.weights[::-1])
    with pytest.raises(UserError, match="weights-train.npy is damaged"):
        PreparedData.open(data.path)
    plain = make(table)
    assert plain.split("train").weights is None and "weight" not in read_json(plain.path / "schema.json")


@pytest.mark.parametrize(("cells", "message"), [
    ([1.0, -2.0], "weight column 'w' holds -2.0 in data row 2; expected a finite number of at least 0 in every row"),
    ([1.0, float("inf")], "holds inf in data row 2"), ([1.0, None], "holds None in data row 2"),
    ([1e39, 1.0], "in data row 1"), (["1", "two"], "holds 'two' in data row 2"), ([0.0, 0.0], "is 0 in all train rows"),
])
def test_weights_that_are_none_are_named(make, cells, message):
    table = _table().with_columns(w=pl.Series(cells * (ROWS // 2)))
    with pytest.raises(UserError, match=message):
        make(table, f"weight: w\n{DESCRIPTION}", name="data.parquet")

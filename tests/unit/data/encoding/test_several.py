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
"""Pooled fields: what the ids of their columns are, in files and for one row, and what is refused."""

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.common.files import read_json, write_json
from src.data import PreparedData, prepare
from src.data.description.options import DataOptions, FieldSpec, parse_options
from src.data.encoding.encode import FieldCounter, FieldEncoder
from src.data.encoding.leaks import LeakGuard
from src.data.memory import MemorySplit
from src.data.subsets import Shuffled
from src.report.values import field_values

TABLE = "tags,city,click\n" + "".join(f"{tags},{city},{click}\n" for tags, city, click in [
    ("a|b", "x", 1), ("b|b|c", "y", 0), ("", "x", 1), ("a|NA|b|c", "y", 0), ("a", "x", 1)] * 20)
DESCRIPTION = """
fields:
  - {name: tags, kind: multi, separator: "|", pool: mean}
  - city
tasks: [click]
split: {by: random, parts: [1.0, 0.0, 0.0]}
keep_leaks: [tags, city]
"""


def prepared(folder, description: str = DESCRIPTION, **overrides) -> PreparedData:
    (folder / "data.csv").write_text(TABLE)
    (folder / "table.yaml").write_text(description)
    return prepare("table", folder / "data.csv", folder / "set", overrides={"table": folder / "table.yaml",
                                                                            **overrides})


def fitted(cells, **keys) -> FieldEncoder:
    counter = FieldCounter(FieldSpec("tags", "tags", "multi", separator="|", pool="sum", **keys), DataOptions((), ()))
    counter.add(pl.Series(cells, dtype=pl.String))
    return counter.finish()


def test_ids_are_those_of_all_known_values_in_their_order():
    encoder = fitted(["a|b|a", "a| b ", "a|NA", "", None, "c"])  # a 4 times, b 2, c once
    assert (encoder.values, encoder.width) == (("a", "b", "c"), 3)
    cells = pl.Series(["c|a", "?|b|?|a|a|c", "", None, "?", "NA|c", '["b", "a"]'])
    expected = [[3, 1, 0], [2, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0], [3, 0, 0], [2, 1, 0]]
    np.testing.assert_array_equal(encoder.columns(cells), expected)  # cell by cell
    many = pl.concat([cells] * 20)
    np.testing.assert_array_equal(encoder.columns(many), expected * 20)  # as a table
    np.testing.assert_array_equal(encoder.columns(pl.Series([["c", "a"], None, ["b"]] * 50)),
                                  [[3, 1, 0], [0, 0, 0], [2, 0, 0]] * 50)
    again = FieldEncoder.from_json(encoder.to_json(), "f")
    np.testing.assert_array_equal(again.columns(cells), expected)
    assert again.spec.pool == "sum" and again.width == 3


def test_as_many_columns_as_the_longest_cell_of_train_at_most_max_length(caplog):
    assert fitted(["a|b|c", "d"]).width == 3 and not caplog.records
    assert fitted(["", None]).width == 1
    assert fitted(["|".join("abcdefghijklmnopqrstuvwxyz")]).width == 20
    assert "6 of the 26 values of the train rows come after the 20" in caplog.text
    caplog.clear()
    assert fitted(["a|b|c", "d|e|f", "a"], max_length=2).width == 2
    assert len(caplog.records) == 1 and "2 of the 7 values" in caplog.text


def test_a_prepared_set_reads_the_columns_of_fields(tmp_path):
    data = prepared(tmp_path)
    tags, city = data.schema.fields
    assert (tags.pool, tags.width, city.pool, city.width) == ("mean", 3, None, 1)
    whole, _ = data.split("train").read(0, 5)
    np.testing.assert_array_equal(whole, [[1, 2, 0, 1], [2, 2, 3, 2], [0, 0, 0, 1], [1, 2, 3, 2], [1, 0, 0, 1]]
                                  if whole[0, 0] == 1 else [[2, 1, 0, 1], [1, 1, 3, 2], [0, 0, 0, 1], [2, 1, 3, 2],
                                                            [2, 0, 0, 1]])
    split = data.split("train")
    np.testing.assert_array_equal(split.take([3, 0], [1, 0])[0], whole[[3, 0]][:, [3, 0, 1, 2]])
    np.testing.assert_array_equal(split.read(1, 3, [0])[0], whole[1:3, :3])
    kept = MemorySplit(whole, np.zeros((5, 1), np.uint8), widths=[3, 1])
    order = np.array([4, 3, 2, 1, 0])
    for columns in (None, [1, 0], [0]):
        found = Shuffled(kept, 0, order).take(np.arange(5), columns)[0]
        mixed = np.concatenate([whole[order][:, :3], whole[:, 3:]], 1)
        np.testing.assert_array_equal(found, mixed if columns is None else mixed[:, [3, 0, 1, 2][-len(found[0]):]]
                                      if len(columns) > 1 else mixed[:, :3])


def test_the_report_counts_the_rows_that_have_a_value(tmp_path):
    found = field_values(prepared(tmp_path))["tags"]
    assert found.missing == pytest.approx(0.2)
    assert dict(found.top) == pytest.approx({"a": 0.6, "b": 0.6, "c": 0.4})


def test_damaged_ids_of_a_pooled_field_are_refused_by_its_name(tmp_path):
    path = prepared(tmp_path).path
    shard = next(path.glob("train-*-ids.npy"))
    ids = np.load(shard)
    ids[7, 2] = 9
    np.save(shard, ids)
    with pytest.raises(UserError, match="holds id 9 of field 'tags'; expected 0 to 3"):
        PreparedData.open(path, verify=False)


def test_a_width_without_a_pool_is_damage(tmp_path):
    path = prepared(tmp_path).path / "schema.json"
    schema = read_json(path)
    del schema["fields"][0]["pool"]
    write_json(path, schema, sealed=True)
    with pytest.raises(UserError, match="field 'tags' has 3 columns of ids and no pool"):
        PreparedData.open(path.parent)


def test_one_pool_for_all_lists(tmp_path):
    data = prepared(tmp_path, DESCRIPTION.replace(", pool: mean", ""), pool="sum")
    assert [field.pool for field in data.schema.fields] == ["sum", None]
    assert "pool" not in parse_options({"fields": ["a"], "tasks": ["b"]}, {}, "f").to_json()


@pytest.mark.parametrize("field, words", [
    ({"name": "a", "pool": "mean"}, "is no list of values; add kind: multi"),
    ({"name": "a", "kind": "multi", "max_length": 3}, "has a max_length and no pool"),
    ({"name": "a", "kind": "multi", "pool": "max"}, "expected one of mean, sum"),
    ({"name": "a", "kind": "multi", "pool": "sum", "max_length": 0}, "expected at least 1")])
def test_what_is_no_pooled_field_is_refused(field, words):
    with pytest.raises(UserError, match=words):
        parse_options({"fields": [field], "tasks": ["b"]}, {}, "f")


def test_a_pool_without_lists_is_refused():
    with pytest.raises(UserError, match="no field of kind multi to pool"):
        parse_options({"fields": ["a"], "tasks": ["b"], "pool": "sum"}, {}, "f")


def test_a_list_that_gives_the_label_away_is_refused():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (200, 1)).astype(np.uint8)
    lists = np.stack([1 + labels[:, 0] * 2 + rng.integers(0, 2, 200), np.zeros(200, int)], 1)
    guard = LeakGuard(["tags"], ["click"], [5], widths=[2])
    guard.add(lists.astype(np.int32), labels)
    with pytest.raises(UserError, match="'tags' tells the label of task 'click' exactly"):
        guard.check()
    mixed = LeakGuard(["tags"], ["click"], [5], widths=[2])
    mixed.add(rng.integers(1, 5, (200, 2)).astype(np.int32), labels)
    mixed.check()

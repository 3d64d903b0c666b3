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
"""Nothing but the train rows shapes the encoder; what train never saw is id 0."""

from datetime import datetime

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.data import prepare
from src.data.description.options import DataOptions, FieldSpec, TaskSpec
from src.data.encoding.encode import FieldCounter, FieldEncoder, quantile_edges

DESCRIPTION = """
fields:
  - {name: place}
  - {name: size, kind: number, buckets: 5}
  - {name: at, kind: timestamp, parts: [hour]}
  - {name: tags, kind: multi, separator: "|"}
tasks: [{name: click}]
split: {by: column, column: fold}
min_count: 2
"""


def _prepare(folder, table):
    folder.mkdir()
    table.write_csv(folder / "data.csv")
    (folder / "table.yaml").write_text(DESCRIPTION)
    return prepare("table", folder / "data.csv", folder / "set", overrides={"table": folder / "table.yaml"})


def _table():
    draw = np.random.default_rng(0)
    rows = 300
    return pl.DataFrame({
        "place": draw.choice(["a", "b", "c"], rows), "size": draw.normal(size=rows).round(3),
        "at": 1_700_000_000 + draw.integers(0, 86_400, rows), "tags": draw.choice(["x|y", "y"], rows),
        "click": draw.integers(0, 2, rows), "fold": np.repeat(["train", "valid", "test"], [200, 50, 50])})


def test_other_evaluation_rows_change_no_vocabulary_bucket_or_train_id(tmp_path):
    before = _prepare(tmp_path / "before", _table())
    late = pl.col("fold") != "train"
    changed = _table().with_columns(
        pl.when(late).then(pl.lit("never seen")).otherwise("place").alias("place"),
        pl.when(late).then(pl.lit(1e9)).otherwise("size").alias("size"),
        pl.when(late).then(pl.lit(None)).otherwise("at").alias("at"),
        pl.when(late).then(pl.lit("new|x")).otherwise("tags").alias("tags"),
        pl.when(late).then(pl.lit(1)).otherwise("click").alias("click"))
    after = _prepare(tmp_path / "after", changed)
    for field, other in zip(before.schema.fields, after.schema.fields):
        assert field == other
        assert (before.path / field.vocabulary).read_bytes() == (after.path / other.vocabulary).read_bytes()
    assert before.schema.shards["train"] == after.schema.shards["train"]
    assert before.schema.tasks[0].positive_rate["train"] == after.schema.tasks[0].positive_rate["train"]
    ids = after.split("test").read(0, 50)[0]
    assert (ids[:, [0, 2, 3]] == 0).all()
    assert (ids[:, 1] == after.schema.cardinalities[1] - 1).all()


def test_missing_values_of_every_spelling_are_id_zero(tmp_path):
    table = _table().with_columns(pl.col("place"), pl.col("size").cast(pl.String))
    holes = ["", "NaN", "null", "\\N", " "]
    table = table.with_columns(pl.Series("place", [*table["place"][:-5], *holes]),
                               pl.Series("size", [*table["size"][:-5], *holes]))
    ids = _prepare(tmp_path / "holes", table).split("test").read(45, 50)[0]
    assert (ids[:, :2] == 0).all()


def _fit(values, **spec):
    options = DataOptions(fields=(), tasks=(TaskSpec("t", "t"),), buckets=spec.pop("buckets", 20))
    counter = FieldCounter(FieldSpec("f", "f", **spec), options)
    counter.add(pl.Series(values))
    return counter.finish()


@given(st.lists(st.one_of(st.none(), st.text(max_size=4)), max_size=60))
@settings(max_examples=60, deadline=None)
def test_ids_are_by_falling_count_and_decode_to_the_same_text(values):
    encoder = _fit(pl.Series(values, dtype=pl.String))
    ids = encoder.encode(pl.Series(values, dtype=pl.String))
    counts = np.bincount(ids, minlength=encoder.cardinality)[1:]
    assert (counts > 0).all() and (np.diff(counts) <= 0).all()
    again = FieldEncoder.from_json(encoder.to_json(), "x").encode(pl.Series(values, dtype=pl.String))
    np.testing.assert_array_equal(ids, again)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=200), st.integers(2, 12))
@settings(max_examples=60, deadline=None)
def test_buckets_are_monotone_bounded_and_never_empty(values, buckets):
    encoder = _fit(pl.Series(values, dtype=pl.Float64), kind="number", buckets=buckets)
    ids = encoder.encode(pl.Series(values, dtype=pl.Float64))
    order = np.argsort(values, kind="stable")
    assert (np.diff(ids[order]) >= 0).all()
    assert encoder.cardinality <= buckets + 1
    assert set(ids.tolist()) == set(range(1, encoder.cardinality))


def test_quantile_buckets_are_about_equally_full():
    values = np.random.default_rng(0).normal(size=10_000)
    encoder = _fit(values, kind="number", buckets=10)
    counts = np.bincount(encoder.encode(pl.Series(values)))[1:]
    assert len(counts) == 10 and counts.min() > 950 and counts.max() < 1_050


def test_weighted_counts_equal_repeated_rows():
    values, weights = pl.Series([3.0, 1.0, 2.0, 9.0]), [5, 1, 0, 7]
    counts = pl.DataFrame({"value": values, "n": weights}).filter(pl.col("n") > 0)
    assert quantile_edges(counts, 2) == (9.0,)
    assert quantile_edges(counts, 3) == (3.0, 9.0)


def test_one_frequent_number_leaves_the_others_their_buckets():
    values = np.concatenate([np.zeros(9_000), np.random.default_rng(0).integers(1, 10_000, 1_000)])
    encoder = _fit(values, kind="number", buckets=10)
    counts = np.bincount(encoder.encode(pl.Series(values)))[1:]
    assert counts[0] == 9_000 and len(counts) == 9 and counts[1:].min() > 100


def test_a_heavy_value_gets_its_own_bucket_at_either_end():
    for weights, edges in (((900, 50, 25, 25), (2.0,)), ((25, 25, 50, 900), (4.0,)), ((50, 400, 400, 150), (3.0, 4.0))):
        assert quantile_edges(pl.DataFrame({"value": [1.0, 2.0, 3.0, 4.0], "n": weights}), 3) == edges


def test_whole_floats_and_whole_numbers_are_one_value():
    encoder = _fit(pl.Series(["1", "1.0", "2"]))
    assert encoder.cardinality == 3
    assert encoder.encode(pl.Series([1.0, 2.0, 3.0])).tolist() == [1, 2, 0]
    assert encoder.encode(pl.Series([1, 2, 3])).tolist() == [1, 2, 0]
    assert encoder.encode(pl.Series([True, False])).tolist() == [1, 0]


def _hours(values, dtype=pl.String, **spec):
    days = pl.Series([f"2024-01-01 {hour:02d}:00:00" for hour in range(24)])
    encoder = _fit(days, kind="timestamp", part="hour", **spec)
    ids = encoder.encode(pl.Series(values, dtype=dtype))
    return [encoder.values[value - 1] if value else None for value in ids.tolist()]


def test_moments_in_every_spelling():
    spellings = ["2024-03-01 07:59:59", "2024-03-01T07:59", "2024-03-01T07:59:59.25Z", "2024-03-01 09:59:59+02:00",
                 "2024/03/01 07:10", "1709276400", "1709276400000", "1709276400000000", "", "NaN"]
    assert _hours(spellings) == ["7"] * 8 + [None, None]
    assert _hours(["2024-03-01"]) == ["0"]
    assert _hours([datetime(2024, 3, 1, 7)], pl.Datetime("ms")) == ["7"]
    assert _hours([datetime(2024, 3, 1, 7)], pl.Datetime("ns", "Europe/Oslo")) == ["7"]
    assert _hours([1709276400.0, float("nan"), None], pl.Float64) == ["7", None, None]
    assert _hours(["1709276400000000000"]) == ["7"] and _hours([1709276399999999999], pl.Int64) == ["6"]
    assert _hours([25_200_000.0], pl.Float64, unit="ms") == ["7"]


@given(st.lists(st.one_of(st.text(max_size=12), st.floats().map(str), st.integers().map(str), st.datetimes().map(str)),
                max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_moment_missing_or_a_clear_refusal(values):
    try:
        _hours(values)
    except UserError as error:
        assert "expected a time" in str(error)

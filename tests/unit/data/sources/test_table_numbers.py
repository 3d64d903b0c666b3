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
"""Labels that are numbers in a user's own table: scale, storage, refusals, the guard against leaks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.common.files import read_json
from src.data import PreparedData, prepare
from src.data.encoding.scales import Moments
from src.schema import SPLITS

ROWS = 600
HEAD = "fields: [city, {name: age, kind: number}]\n"
TASKS = HEAD + "tasks: [{name: click, label: is_click}, {name: watch, label: ms, kind: regression}]\n"


def table(**columns) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    made = {"city": rng.integers(0, 9, ROWS), "age": rng.integers(18, 80, ROWS), "is_click": rng.integers(0, 2, ROWS),
            "ms": np.round(rng.lognormal(7, 1, ROWS), 2)}
    return pl.DataFrame({**made, **columns})


@pytest.fixture(name="make")
def _make(tmp_path):
    def make(frame, description=TASKS, **more):
        frame.write_csv(tmp_path / "data.csv")
        (tmp_path / "table.yaml").write_text(description)
        return prepare("table", tmp_path / "data.csv", tmp_path / "set",
                       overrides={"table": tmp_path / "table.yaml", **more}, overwrite=True)
    return make


def labels_of(data, split="train"):
    return data.split(split).read_labels(0, data.schema.rows[split])


def test_numbers_are_in_units_of_the_train_split(make):
    data = make(table())
    scale, labels = data.schema.tasks[1].scale, labels_of(data)
    assert data.schema.tasks[0].scale is None and labels.dtype == np.float32
    assert abs(labels[:, 1].mean()) < 1e-5 and labels[:, 1].std() == pytest.approx(1, abs=1e-5)
    assert set(np.unique(labels[:, 0])) == {0, 1}
    own = np.concatenate([scale.own(labels_of(data, split)[:, 1].astype(float)) for split in SPLITS])
    np.testing.assert_allclose(np.sort(own), np.sort(table()["ms"].to_numpy()), rtol=1e-5, atol=scale.std * 1e-6)
    train = scale.own(labels[:, 1].astype(float))
    assert scale.mean == pytest.approx(train.mean()) and scale.std == pytest.approx(train.std(), rel=1e-5)
    schema = read_json(data.path / "schema.json")
    assert schema["tasks"][1]["scale"] == {"mean": scale.mean, "std": scale.std} and "scale" not in schema["tasks"][0]
    assert PreparedData.open(data.path).schema == data.schema


def test_empty_cells_are_unknown_where_masked(make):
    hidden = table().with_columns(pl.when(pl.col("age") < 30).then(None).otherwise(pl.col("ms")).alias("ms"))
    data = make(hidden, TASKS.replace("kind: regression", "kind: regression, missing: masked"))
    labels = labels_of(data)
    assert data.schema.tasks[1].known["train"] == np.isfinite(labels[:, 1]).sum() < len(labels)
    assert abs(np.nanmean(labels[:, 1])) < 1e-5 and not np.isnan(labels[:, 0]).any()
    where = make(table(), TASKS.replace("kind: regression", "kind: regression, where: 'is_click == 1'"))
    found = labels_of(where)
    np.testing.assert_array_equal(np.isnan(found[:, 1]), found[:, 0] == 0)


@pytest.mark.parametrize("cell, words", [
    (None, "holds None in data row 3; expected a finite number in every row; if the labels of some rows are not known"),
    ("long", "label column 'ms' of task 'watch' holds 'long' in data row 3; expected a finite number in every row"),
    ("inf", "holds 'inf' in data row 3; expected a finite number"), ("1e60", "expected a finite number")])
def test_a_cell_that_is_no_number_is_refused(make, cell, words):
    cells = [str(value) for value in table()["ms"]]
    with pytest.raises(UserError, match=words):
        make(table(ms=[*cells[:2], cell, *cells[3:]]))


@pytest.mark.parametrize("task, words", [
    ("{name: watch, label: 'ms > 3', kind: regression}", "is of kind regression and has the label 'ms > 3'"),
    ("{name: watch, label: ms, kind: regresion}", "has the kind 'regresion'; expected binary, or regression.*did"),
    ("{name: watch, label: ms}", "expected 0 or 1 in every row; .* or, to predict the number, give the task kind: r"),
])
def test_descriptions_that_do_not_fit_are_refused(make, task, words):
    with pytest.raises(UserError, match=words):
        make(table(), HEAD + f"tasks: [{task}]\n")


def test_a_copy_of_the_number_is_found(make):
    description = TASKS.replace("[city,", "[city, {name: seconds, kind: number},")
    copied = table(seconds=table()["ms"] / 1000 + 1)
    with pytest.raises(UserError, match="field 'seconds' tells the label of task 'watch' to 2% of its variance on the"):
        make(copied, description, buckets=200)
    assert make(copied, description, buckets=200, keep_leaks=["seconds"]).schema.field_names[1] == "seconds"
    noisy = table(seconds=table()["ms"] * np.random.default_rng(1).lognormal(0, 0.5, ROWS))
    assert make(noisy, description, buckets=200).schema.field_names[1] == "seconds"


def test_a_list_of_values_beside_a_number(make):
    """A pooled field: every value of a row counts for the guard, and the number is stored as ever."""
    rng = np.random.default_rng(0)
    tags = ["|".join(map(str, rng.choice(9, rng.integers(1, 4), replace=False))) for _ in range(ROWS)]
    lists = "[city, {name: tags, kind: multi, separator: '|', pool: mean},"
    data = make(table(tags=tags), TASKS.replace("[city,", lists))
    assert data.schema.fields[1].width == 3 and data.schema.tasks[1].scale is not None
    assert abs(labels_of(data)[:, 1].mean()) < 1e-5


def test_one_number_alone_is_warned_of(make, caplog):
    data = make(table(ms=[5.0] * ROWS))
    assert "task watch has no two different numbers on train" in caplog.text
    assert data.schema.tasks[1].scale.std == 0 and not labels_of(data)[:, 1].any()


def test_a_damaged_number_is_found(make):
    data = make(table())
    path = data.path / data.schema.shards["valid"][0].labels
    labels = np.load(path)
    labels[3, 1] = np.inf
    np.save(path, labels)
    with pytest.raises(UserError, match="valid shards of .* hold labels other than finite numbers"):
        PreparedData.open(data.path, verify=False)
    labels[3, 1] = np.nan
    np.save(path, labels)
    with pytest.raises(UserError, match="hold labels other than finite numbers"):
        PreparedData.open(data.path, verify=False)


def test_moments_of_parts_are_those_of_the_whole():
    values, moments = np.random.default_rng(0).normal(1e6, 2, 1000), Moments()
    for part in np.split(values, [1, 1, 300, 999]):
        moments.add(part)
    scale = moments.scale()
    assert scale.mean == pytest.approx(values.mean(), rel=1e-12) and scale.std == pytest.approx(values.std(), rel=1e-9)
    assert (Moments().scale().mean, Moments().scale().std) == (0, 0)

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
"""The group of every valid and test row."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.data import prepare
from src.data.encoding.groups import write_groups
from src.data.prepared import PreparedData
from src.data.staging.stage import Stage

DESCRIPTION = """
fields: [{name: city}]
tasks: [{name: click, label: click}]
split: {by: column, column: fold}
group: user
"""
USERS = ["7", " u1", "NA", None, "7.0", "u1", "b", "7"]
FOLDS = ["valid", "test", "valid", "test", "test", "train", "valid", "test"]


@pytest.fixture
def table(tmp_path):
    path, described = tmp_path / "rows.csv", tmp_path / "table.yaml"
    pl.DataFrame({"city": list("abababab"), "click": [0, 1] * 4, "user": USERS, "fold": FOLDS}).write_csv(path)
    described.write_text(DESCRIPTION)

    def make(**more):
        return prepare("table", path, tmp_path / "set", overrides={"table": described, **more})

    return make


def test_rows_of_one_user_have_one_number_and_those_of_none_have_none(table):
    data = table()
    assert data.groups("train") is None and data.schema.group.column == "user" and data.schema.group.count == 3
    valid, test = data.groups("valid"), data.groups("test")
    assert valid.dtype == np.int32 and valid[1] == -1 and test[1] == -1
    assert valid[0] == test[2] == test[3] and len({valid[0], test[0], valid[2]}) == 3
    assert table().fingerprint == data.fingerprint  # made once
    with pytest.raises(UserError, match="group user -> city.*--overwrite replaces it"):
        table(group="city")
    assert {step["step"]: step["rows"] for step in data.schema.steps}["groups by user"] == 3


def test_a_damaged_file_is_refused(table):
    data = table()
    path = data.path / "groups-test.npy"
    found = np.load(path)
    np.save(path, found[::-1])
    with pytest.raises(UserError, match="groups-test.npy is damaged: its SHA-256"):
        PreparedData.open(data.path).groups("test")
    path.unlink()
    with pytest.raises(UserError, match="groups-test.npy is missing"):
        data.groups("test")


def test_a_column_that_is_not_there_is_named(table):
    with pytest.raises(UserError, match="usr"):
        table(group="usr")


def test_a_set_without_groups_is_as_before(table, tmp_path):
    (tmp_path / "table.yaml").write_text(DESCRIPTION.replace("group: user", ""))
    data = table()
    assert data.groups("test") is None and not list(data.path.glob("groups*"))
    assert "group" not in json.loads((data.path / "schema.json").read_text())


def test_groups_of_an_entity_table(tmp_path):
    """KuaiRand's users are rows of a table, to which the log points; -1 points to none."""
    stage = Stage(tmp_path / "stage", {"user": pl.DataFrame({"user_id": ["a", "b", "a"]})})
    stage.folder.mkdir()
    stage.write(pl.DataFrame({"user": [2, 0, 1, -1, 1]}, schema={"user": pl.Int32}))
    group = write_groups(stage, "user_id", np.array([1, 1, 2, 1, 1], np.uint8), (), tmp_path)
    assert np.load(tmp_path / group.files["valid"].file).tolist() == [0, 0, -1, 1]
    assert np.load(tmp_path / group.files["test"].file).tolist() == [1] and group.count == 2

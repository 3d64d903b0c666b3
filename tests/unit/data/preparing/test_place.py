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
"""A prepared set never takes the place of anything but what it may replace, and follows links to where that is."""

import errno
import importlib
import json
import os

import pytest

from src.common.errors import UserError
from src.data import PreparedData, prepare
from tests.unit.data.sources.test_table import DESCRIPTION, _table


@pytest.fixture(name="make")
def _make(tmp_path):
    (tmp_path / "raw").mkdir()
    raw, table = tmp_path / "raw" / "data.csv", tmp_path / "raw" / "table.yaml"
    _table(60).write_csv(raw)
    table.write_text(DESCRIPTION)

    def make(place, overwrite=False, **more):
        return prepare("table", raw, place, overrides={"table": table, **more}, overwrite=overwrite)
    return make


def _content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_files_and_settings_find_the_set_again(make, tmp_path, caplog):
    caplog.set_level("INFO")
    make(tmp_path / "set")
    before = _content(tmp_path / "set")
    caplog.clear()
    (tmp_path / "set" / "notes.txt").write_text("mine")
    make(tmp_path / "set")
    (tmp_path / "set" / "notes.txt").unlink()
    assert "already prepared" in caplog.text and _content(tmp_path / "set") == before
    caplog.clear()
    make(tmp_path / "set", overwrite=True)
    assert "already prepared" not in caplog.text and _content(tmp_path / "set") == before


@pytest.mark.parametrize(("more", "words"), [
    ({"seed": 2}, r"made with other settings \(split seed 1 -> 2\); --overwrite replaces it"),
    ({"buckets": 9, "tasks": ["click"]}, r"\(tasks like dropped, buckets 20 -> 9\)"),
    ({"fields": ["age", "city"], "seed": 3, "min_count": 2, "by": "time", "column": "at"},
     r"\(fields city place 0 -> 1, fields age place 1 -> 0, fields at_hour dropped, .*, \d more\)"),
])
def test_other_settings_replace_a_set_only_when_told_to(make, tmp_path, more, words):
    make(tmp_path / "set")
    before = _content(tmp_path / "set")
    with pytest.raises(UserError, match=words):
        make(tmp_path / "set", **more)
    assert _content(tmp_path / "set") == before
    make(tmp_path / "set", overwrite=True, **more)
    with pytest.raises(UserError, match="--overwrite replaces it"):
        make(tmp_path / "set")


def test_other_raw_files_replace_a_set_only_when_told_to(make, tmp_path):
    make(tmp_path / "set")
    raw = tmp_path / "raw" / "data.csv"
    raw.write_bytes(raw.read_bytes().replace(b"Oslo", b"Trondheim"))
    with pytest.raises(UserError, match=r"made of other raw files \(files data.csv changed\)"):
        make(tmp_path / "set")
    make(tmp_path / "set", overwrite=True)


def test_a_raw_file_that_changed_without_a_new_size_or_time_is_noticed(make, tmp_path):
    make(tmp_path / "set")
    raw = tmp_path / "raw" / "data.csv"
    state = raw.stat()
    raw.write_bytes(raw.read_bytes().replace(b"Oslo", b"Rome"))
    os.utime(raw, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(UserError, match=r"made of other raw files \(files data.csv changed\)"):
        make(tmp_path / "set")


def test_a_set_of_an_earlier_version_is_found_again(make, tmp_path):
    """Its inputs.json has no hash of the files' ends."""
    make(tmp_path / "set")
    path = tmp_path / "set" / "inputs.json"
    inputs = json.loads(path.read_text())
    for file in inputs["files"]:
        del file["ends"]
    path.write_text(json.dumps(inputs))
    make(tmp_path / "set")


def test_a_damaged_set_of_the_same_files_and_settings_is_made_again(make, tmp_path, caplog):
    make(tmp_path / "set")
    before = _content(tmp_path / "set")
    shard = tmp_path / "set" / "valid-00000-ids.npy"
    shard.write_bytes(shard.read_bytes()[:-1])
    make(tmp_path / "set")
    assert "damaged or truncated" in caplog.text and _content(tmp_path / "set") == before


@pytest.mark.parametrize("content", ["{", "[]", None])
def test_a_set_that_does_not_say_what_it_was_made_of_is_not_replaced(make, tmp_path, content):
    make(tmp_path / "set")
    inputs = tmp_path / "set" / "inputs.json"
    inputs.unlink() if content is None else inputs.write_text(content)
    with pytest.raises(UserError):
        make(tmp_path / "set")
    make(tmp_path / "set", overwrite=True)


@pytest.mark.parametrize("foreign", ["notes.txt", "runs/base/metrics.json", "vocab/mine.json", ".hidden"])
def test_files_of_others_are_never_deleted(make, tmp_path, foreign):
    make(tmp_path / "set")
    file = tmp_path / "set" / foreign
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(UserError, match=foreign.split("/base")[0] if overwrite else "--overwrite"):
            make(tmp_path / "set", overwrite, seed=3)
    assert file.read_text() == "years of work"
    assert PreparedData.open(tmp_path / "set").schema.settings["split"]["seed"] == 1


def test_a_file_that_appears_while_a_set_is_being_written_is_not_deleted(make, tmp_path, monkeypatch):
    make(tmp_path / "set")
    monkeypatch.setattr("src.data.preparing.prepare.encode_stage", _with_side_effect(
        "src.data.preparing.prepare", "encode_stage", lambda: (tmp_path / "set" / "late.txt").write_text("late")))
    with pytest.raises(UserError, match="late.txt"):
        make(tmp_path / "set", overwrite=True)
    assert (tmp_path / "set" / "late.txt").read_text() == "late"


def _with_side_effect(module, name, effect):
    function = getattr(importlib.import_module(module), name)

    def wrapped(*arguments):
        effect()
        return function(*arguments)
    return wrapped


def test_a_link_is_followed_and_stays(make, tmp_path):
    (tmp_path / "big").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "big" / "set")
    for overwrite in (False, True, True):  # the first time the link dangles, but its folder is there
        make(tmp_path / "link", overwrite)
        assert (tmp_path / "link").is_symlink()
        assert sorted(os.listdir(tmp_path)) == ["big", "link", "raw"]
        assert sorted(os.listdir(tmp_path / "big")) == [".set.lock", "set"]
    assert PreparedData.open(tmp_path / "link").schema == PreparedData.open(tmp_path / "big" / "set").schema


def test_a_link_to_a_disk_that_is_not_there_is_refused_before_the_work(make, tmp_path):
    (tmp_path / "link").symlink_to("/nowhere/disk/set")
    (tmp_path / "data").symlink_to("/nowhere/disk")
    for place in ("link", "data/set"):
        with pytest.raises(UserError, match="leads through the link .*/nowhere/disk"):
            make(tmp_path / place)
    assert not os.path.exists("/nowhere")


def test_a_set_in_the_working_directory_is_written_inside(make, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for overwrite, seed in ((False, 1), (True, 2)):
        assert make(".", overwrite, seed=seed).schema.settings["split"]["seed"] == seed
        assert PreparedData.open(".").schema.settings["split"]["seed"] == seed
        assert {".lock", "schema.json", "vocab"} < set(os.listdir(".")) and ".preparing" not in os.listdir(".")
    assert sorted(os.listdir(tmp_path)) == ["here", "raw"]
    with pytest.raises(UserError, match="no column 'at'"):
        (tmp_path / "raw" / "data.csv").write_text("city,age\n")
        make(".", True)
    assert PreparedData.open(".").schema.settings["split"]["seed"] == 2


def test_a_mount_point_is_written_inside(make, tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) == str(tmp_path / "disk"))
    make(tmp_path / "disk")
    make(tmp_path / "disk", True, seed=2)
    assert PreparedData.open(tmp_path / "disk").schema.settings["split"]["seed"] == 2
    assert sorted(os.listdir(tmp_path)) == ["disk", "raw"]


def test_a_folder_that_cannot_be_renamed_after_all_is_filled_file_by_file(make, tmp_path, monkeypatch):
    """As a bind mount of the same disk, which looks like any folder."""
    make(tmp_path / "set")
    rename = os.rename

    def refuse(source, target):
        if str(source) == str(tmp_path / "set"):
            raise OSError(errno.EBUSY, "Device or resource busy")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    make(tmp_path / "set", True, seed=2)
    assert PreparedData.open(tmp_path / "set").schema.settings["split"]["seed"] == 2
    assert sorted(os.listdir(tmp_path)) == [".set.lock", "raw", "set"]

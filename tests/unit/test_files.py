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
"""Our JSON files: what is written is what is read, and a changed number does not pass for a number."""

import errno
import json
import os

import pytest

from src.errors import UserError
from src.files import read_json, remove_leftovers, write_json

VALUE = {"auc": 0.75, "fields": ("a", "ü"), "none": None, "deep": {"rows": 7}}


def test_round_trip_without_the_seal(tmp_path):
    write_json(tmp_path / "a.json", VALUE)
    assert read_json(tmp_path / "a.json") == {**VALUE, "fields": ["a", "ü"]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_changed_value_is_damage(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, VALUE)
    path.write_text(path.read_text().replace("0.75", "0.74"))
    with pytest.raises(UserError, match="a.json is damaged: its content does not match its sha256"):
        read_json(path)


def test_spaces_do_not_count_and_files_without_a_seal_are_read(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, VALUE)
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert read_json(path)["auc"] == 0.75
    path.write_text('{"auc": 0.74}')
    assert read_json(path) == {"auc": 0.74}
    write_json(path, [1, 2])
    assert read_json(path) == [1, 2]


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device: '.*a.json'"):
        write_json(tmp_path / "a.json", VALUE)
    assert not list(tmp_path.iterdir())


def test_leftovers_of_killed_processes_go(tmp_path):
    for name in (".config.yaml.7.tmp", "tmp-7-last.ckpt", "last.ckpt", ".lock"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "last.ckpt"]

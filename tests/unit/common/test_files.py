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
"""Our JSON files: what is written is what is read, and a changed number is noticed."""

import errno
import hashlib
import os

import pytest

from src.common.errors import UserError
from src.common.files import read_json, read_yaml, remove_leftovers, sha256, write_json

VALUE = {"auc": 0.75, "fields": ("a", "ü"), "none": None, "deep": {"rows": 7}}


@pytest.mark.parametrize("sealed", [False, True])
def test_round_trip(tmp_path, sealed):
    write_json(tmp_path / "a.json", VALUE, sealed)
    assert read_json(tmp_path / "a.json") == {**VALUE, "fields": ["a", "ü"]}
    assert {path.name for path in tmp_path.iterdir()} == {"a.json"} | ({"a.json.sha256"} if sealed else set())


def test_a_changed_value_is_damage(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, VALUE, sealed=True)
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text(path.read_text().replace("0.75", "0.74"))
    with pytest.raises(UserError, match="a.json is damaged: it does not match a.json.sha256; .*if you have edited it"):
        read_json(path)
    assert read_json(path, sealed=False)["auc"] == 0.74  # for files that people may edit
    (tmp_path / "a.json.sha256").unlink()
    assert read_json(path)["auc"] == 0.74


def test_a_kill_between_two_renames_leaves_a_pair_that_matches(tmp_path, monkeypatch):
    path, replace = tmp_path / "a.json", os.replace
    write_json(path, {"auc": 1}, sealed=True)
    for survived, value in ((1, 1), (2, 1), (3, 2)):  # of the renames: aside, checksum, file, checksum
        left = [survived]

        def dying(source, target, left=left):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            replace(source, target)

        monkeypatch.setattr(os, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            write_json(path, {"auc": 2}, sealed=True)
        monkeypatch.setattr(os, "replace", replace)
        assert read_json(path) == {"auc": value}
        write_json(path, {"auc": 1}, sealed=True)


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device: '.*a.json'"):
        write_json(tmp_path / "a.json", VALUE)
    assert not list(tmp_path.iterdir())


def test_what_is_nested_too_deep_is_one_line(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(UserError, match="a.json is damaged: it is not valid JSON .*nested too deep"):
        read_json(path)
    with pytest.raises(UserError, match="(?s)a.json is not valid YAML: .*(nested too deep|nesting depth)"):
        read_yaml(path)


def test_only_yaml_is_told_to_quote_a_value(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 2020-13-45}')
    (tmp_path / "a.yaml").write_text("a: 2020-13-45")
    with pytest.raises(UserError, match=r"not valid JSON \(Expecting .*char 10\)\)$"):
        read_json(tmp_path / "a.json")
    with pytest.raises(UserError, match="month must be in 1..12; write such a value in quotes"):
        read_yaml(tmp_path / "a.yaml")


def test_leftovers_of_killed_processes_go(tmp_path):
    for name in (".config.yaml.7.tmp", "tmp-7-last.ckpt", "tmp-7-best.tmp", "last.ckpt", ".lock"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "last.ckpt"]

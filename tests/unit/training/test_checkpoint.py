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
"""Checkpoints: what is written is what is read, and damage is named."""

import contextlib
import errno
import os
import shutil

import numpy as np
import pytest
from mindspore import Parameter, Tensor

from src.common.errors import UserError
from src.run import RunFolder
from src.settings import load_settings
from src.training.checkpoint import load_checkpoint, load_latest, pop_state, restore, save_checkpoint
from tests.helpers import make_model, make_schema, toy_data


def test_round_trip_with_state(tmp_path):
    model, other = (make_model("mmoe", make_schema(2), seed=seed)[0] for seed in (1, 2))
    state = {"epoch": 3, "best": 0.123456789012345678, "history": [{"a": None}]}
    save_checkpoint(model, tmp_path / "last.ckpt", state)
    parameters = load_checkpoint(tmp_path / "last.ckpt")
    assert pop_state(parameters) == state
    restore(other, parameters, "last.ckpt")
    for a, b in zip(model.get_parameters(), other.get_parameters()):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
    assert not list(tmp_path.glob("tmp-*"))


@pytest.mark.parametrize("damage", [
    lambda data: data[:-7], lambda data: data[:50] + b"x" + data[51:], lambda data: b"",
])
def test_damage_is_named(tmp_path, damage):
    path = tmp_path / "best.ckpt"
    save_checkpoint(make_model("mmoe", make_schema(2))[0], path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="best.ckpt is damaged"):
        load_checkpoint(path)
    assert load_latest(path) is None


@pytest.mark.parametrize("step", range(1, 9))
def test_a_kill_at_any_step_of_writing_leaves_a_checkpoint(tmp_path, monkeypatch, step):
    """Every rename may be the last thing a process does: the old state or the new one can then be read."""
    path, model, calls = tmp_path / "last.ckpt", make_model("mmoe", make_schema(2))[0], []
    for epoch in (1, 2):
        save_checkpoint(model, path, {"epoch": epoch}, keep_previous=True)
    rename = os.replace

    def killed(source, target):
        calls.append(target)
        if len(calls) == step:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with contextlib.suppress(KeyboardInterrupt):
        save_checkpoint(model, path, {"epoch": 3}, keep_previous=True)
    assert pop_state(load_latest(path))["epoch"] == (2 if step < 6 else 3)


def test_a_damaged_checkpoint_does_not_become_the_previous_one(tmp_path):
    path, model = tmp_path / "last.ckpt", make_model("mmoe", make_schema(2))[0]
    for epoch in (1, 2):
        save_checkpoint(model, path, {"epoch": epoch}, keep_previous=True)
    path.write_bytes(path.read_bytes()[:-3])
    save_checkpoint(model, path, {"epoch": 2}, keep_previous=True)
    assert pop_state(load_checkpoint(tmp_path / "previous.ckpt"))["epoch"] == 1


def test_a_folder_in_place_of_a_checkpoint_and_a_checksum_that_is_no_text(tmp_path):
    path = tmp_path / "best.ckpt"
    save_checkpoint(make_model("mmoe", make_schema(2))[0], path)
    (tmp_path / "best.ckpt.sha256").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="best.ckpt is damaged"):
        load_checkpoint(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match="best.ckpt cannot be read"):
        load_checkpoint(path)


def test_missing_and_foreign_checkpoints(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        load_checkpoint(tmp_path / "best.ckpt")
    save_checkpoint(make_model("mmoe", make_schema(2))[0], tmp_path / "best.ckpt")
    parameters = load_checkpoint(tmp_path / "best.ckpt")
    with pytest.raises(UserError, match="does not fit this model"):
        restore(make_model("ple", make_schema(2))[0], parameters, "best.ckpt")
    with pytest.raises(UserError, match="expected"):
        restore(make_model("mmoe", make_schema(2), embedding_dim=6)[0], parameters, "best.ckpt")


def test_a_checkpoint_names_its_run(tmp_path):
    settings = ["dataset=toy", f"output_dir={tmp_path}", "run_name=a"]
    run = RunFolder.create(load_settings(settings), toy_data(20))
    other = RunFolder.create(load_settings([*settings, "run_name=b", "seed=7"]), toy_data(20))
    model = make_model("mmoe", make_schema(2))[0]
    for folder in (run, other):
        save_checkpoint(model, folder.path / "best.ckpt", origin=folder.origin())
        restore(model, load_checkpoint(folder.path / "best.ckpt", folder), "best.ckpt")
        save_checkpoint(model, folder.path / "last.ckpt", {"epoch": 2}, True, folder.origin())
    for name, load in (("best.ckpt", load_checkpoint), ("last.ckpt", load_latest)):
        for end in ("", ".sha256"):
            shutil.copy(other.path / f"{name}{end}", run.path / f"{name}{end}")
        with pytest.raises(UserError, match=f"{name} is that of another run: its seed is 7, this run's 42; restore it"):
            load(run.path / name, run)
        save_checkpoint(model, run.path / name, {"epoch": 2})
        with pytest.raises(UserError, match=f"{name} is that of another run: it does not name its run"):
            load(run.path / name, run)
    (run.path / "data.json").unlink()  # a run of an earlier version has none, nor have its checkpoints
    assert pop_state(load_latest(run.path / "last.ckpt", run)) == {"epoch": 2}
    run.close()
    other.close()


def test_the_checkpoint_that_is_too_large_for_the_disk_is_named(tmp_path, monkeypatch):
    def full(records, path):
        raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr("mindspore.save_checkpoint", full)
    with pytest.raises(OSError, match="File too large: '.*best.ckpt'"):
        save_checkpoint(make_model("mmoe", make_schema(2))[0], tmp_path / "best.ckpt")


def test_a_checkpoint_without_the_state_of_a_training_is_no_last_one(tmp_path):
    path = tmp_path / "last.ckpt"
    save_checkpoint(make_model("mmoe", make_schema(2))[0], path)
    with pytest.raises(UserError, match="last.ckpt has no training_state: it is no checkpoint to continue from"):
        pop_state(load_latest(path))
    parameters = {"training_state": Parameter(Tensor(np.frombuffer(b"[" * 100_000, np.uint8)))}
    with pytest.raises(UserError, match="last.ckpt is damaged: its training_state cannot be read"):
        pop_state(parameters)

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
"""Running cells: in parallel, resumable, and one that fails does not stop the others."""

import json
import os
import signal
import sys
import time

import pytest

from src.common.errors import UserError
from src.common.files import write_json
from src.experiments import Cell, read_records, run_cells
from src.run import RunFolder
from src.settings import load_settings
from tests.helpers import toy_data


def cells_of(*names, **settings):
    words = tuple(f"{key}={value}" for key, value in settings.items())
    return [Cell("toy", "mmoe", name, "0.5", 1, arguments=("dataset=toy", *words, f"run_name=toy-mmoe-{name}-k0.5-s1"))
            for name in names]


def fake_train(arguments):
    """What a run does to its folder; the method says how it ends."""
    run = RunFolder.create(load_settings(arguments), toy_data(20))
    how = run.path.name.split("-")[2]
    if how == "wrong":
        raise UserError("the data set\nis missing")
    if how == "broken":
        raise ZeroDivisionError("a defect")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "slow":
        time.sleep(30)
    with open(run.path / "times", "a", encoding="utf-8") as file:
        file.write("x")
    write_json(run.path / "metrics.json", {"process": os.getpid()})


def test_runs_have_processes_of_their_own(tmp_path):
    assert run_cells(cells_of("a", "b", "c"), tmp_path, fake_train, workers=2) == {}
    made = {json.loads(path.read_text())["process"] for path in tmp_path.glob("toy-*/metrics.json")}
    assert len(made) == 3 and os.getpid() not in made


def test_finished_runs_are_not_made_again(tmp_path):
    run_cells(cells_of("a"), tmp_path, fake_train)
    assert run_cells(cells_of("a", "b"), tmp_path, fake_train) == {}
    assert [path.read_text() for path in tmp_path.glob("toy-*/times")] == ["x", "x"]


def test_failures_are_reported_and_not_fatal(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)  # pytest's own would keep what a child says
    missing = run_cells(cells_of("wrong", "broken", "killed", "a"), tmp_path, fake_train)
    assert (tmp_path / "toy-mmoe-a-k0.5-s1" / "metrics.json").exists()
    reasons = [missing[f"toy-mmoe-{name}-k0.5-s1"] for name in ("wrong", "broken", "killed")]
    assert reasons[0].startswith("error: the data set is missing (exit code 2;")
    assert "ZeroDivisionError: a defect" in reasons[1] and "exit code 1" in reasons[1]
    assert "killed by SIGKILL" in reasons[2]
    assert capfd.readouterr().out == ""


def test_a_folder_with_other_settings_is_refused(tmp_path):
    run_cells(cells_of("a"), tmp_path, fake_train)
    missing = run_cells(cells_of("a", epochs=3), tmp_path, fake_train)
    assert "other settings (epochs 50 -> 3)" in missing["toy-mmoe-a-k0.5-s1"]


def test_a_folder_of_other_data_is_refused_and_left_out(tmp_path):
    schema = tmp_path / "set" / "schema.json"
    schema.parent.mkdir()
    schema.write_text("{}")
    cell, = cells_of("a", data_dir=schema.parent)
    run_cells([cell], tmp_path, fake_train)  # of toy_data, whose fingerprint is another
    assert "holds a run of another data set than" in run_cells([cell], tmp_path, fake_train)[cell.name]
    assert read_records([cell], tmp_path) == []
    schema.unlink()  # the set is gone: nothing to compare with
    assert run_cells([cell], tmp_path, fake_train) == {}


def test_wrong_settings_are_a_reason(tmp_path):
    missing = run_cells(cells_of("a", epochs=0), tmp_path, fake_train)
    assert "epochs is 0" in missing["toy-mmoe-a-k0.5-s1"]


def test_a_run_that_another_process_makes_is_left_to_it(tmp_path):
    cell, = cells_of("a")
    run = RunFolder.create(cell.config(tmp_path), toy_data(20))
    assert run_cells([cell], tmp_path, fake_train) == {cell.name: "runs in another process"}
    run.close()
    assert run_cells([cell], tmp_path, fake_train) == {}


def test_an_interruption_ends_the_runs(tmp_path):
    def interrupt(_number, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_cells(cells_of("slow"), tmp_path, fake_train)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 20
    assert not (tmp_path / "toy-mmoe-slow-k0.5-s1" / "metrics.json").exists()

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
"""Where a run gets its selection: made once, read back by a run that is resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src import workflow
from src.run import RunFolder
from src.selection import with_masks
from src.settings import load_settings
from tests.helpers import toy_data


@pytest.fixture
def begin(tmp_path):
    """Makes a run's folder; returns a call of ``_selection_of`` on it, and the folder."""
    def make(*changes):
        data, config = toy_data(40), load_settings([f"output_dir={tmp_path}", "run_name=run", *changes])
        run = RunFolder.create(config, data)
        return run, lambda: workflow._selection_of(run, data, data.schema.task_names, config)

    return make


def test_a_selection_is_made_once_and_read_back(begin):
    run, select = begin("selector=random", "keep_fields=2")
    first = select()[0]
    run.write("selection_seconds.json", {"total": 99.0})
    again, read = select()
    assert again == first and read == {"total": 99.0}


def test_learned_masks_are_written_once_at_the_end_and_a_resumed_run_begins_with_all_fields(begin):
    run, select = begin("selector=mssm", "end_to_end=true")
    selection, _ = select()
    assert not (run.path / "selection.json").exists()  # until masks are learned
    masks = np.arange(12.0).reshape(2, 6)
    run.write("selection.json", with_masks(selection, masks).to_json())
    assert run.read_selection().scores["t0"]["f5"] == 5.0
    assert select()[0] == selection and run.read_selection().scores["t0"]["f5"] == 5.0


def test_a_runs_data_set_is_found_from_another_folder(begin, tmp_path, monkeypatch):
    run, _ = begin("data_dir=set")
    there = tmp_path / "there" / "set"
    run.write("data.json", {**run.read("data.json"), "path": str(there)})
    monkeypatch.chdir(tmp_path)

    def found(*arguments):
        return workflow.load_run(str(run.path), list(arguments))[1].data_path

    assert found() == Path("set")  # neither is there: the error names the one that was asked for
    there.mkdir(parents=True)
    assert found() == there
    assert found("data_dir=elsewhere") == Path("elsewhere")
    (tmp_path / "set").mkdir()
    assert found() == Path("set")


def test_a_run_in_a_precision_that_is_not_here_is_computed_in_float32(begin, monkeypatch, caplog):
    run, _ = begin()
    monkeypatch.setattr(workflow, "set_products", lambda precision: None)
    monkeypatch.setattr(workflow, "fast_instructions", lambda: ["amx_bf16"])

    def found(precision, device):
        run.write("env.json", {"precision": precision})
        return workflow.use_precision_of(run, device)

    assert [found("bf16", "CPU"), found("float16", "GPU"), found("float32", "GPU")] == ["bf16", "float16", "float32"]
    assert not caplog.records
    assert found("float16", "CPU") == found("bf16", "GPU") == "float32" and len(caplog.records) == 2
    assert "products in float16, which this machine does not have: they are float32 here" in caplog.text

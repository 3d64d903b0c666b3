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
"""A run's folder: what is read back is the run's own, or one line says why not."""

import pytest

from src.errors import UserError
from src.files import read_json, write_json
from src.programs import read_selection
from src.run import METRICS, RunFolder, changed_settings
from src.settings import load_settings
from tests.helpers import make_schema, make_selection


@pytest.fixture(name="run")
def _run(tmp_path):
    run = RunFolder.create(load_settings(["dataset=toy", f"output_dir={tmp_path}", "run_name=a", "seed=5"]))
    write_json(run.path / "metrics.json", {**dict.fromkeys(METRICS, 0), "seed": 5})
    yield run
    run.close()


def test_metrics_of_this_run_only(run):
    path = run.path / "metrics.json"
    metrics = run.read_metrics()
    assert metrics["seed"] == 5
    write_json(path, {**metrics, "seed": 6})
    with pytest.raises(UserError, match="metrics.json is that of another run: its seed is 6, this run's 5"):
        run.read_metrics()
    for value in ({"selected": {}}, []):
        write_json(path, value)
        with pytest.raises(UserError, match="metrics.json is damaged: it has no test, valid"):
            run.read_metrics()


def test_a_selection_of_another_run_is_refused(run):
    schema = make_schema(2)
    selection = make_selection(schema, {"t0": ["f0"], "t1": ["f1"]}).to_json()
    write_json(run.path / "selection.json", {**selection, "seed": 5})
    assert read_selection(run, load_settings(["dataset=toy", "seed=5"])).seed == 5
    with pytest.raises(UserError, match="selection.json is that of another run"):
        read_selection(run, load_settings(["dataset=toy", "seed=6"]))
    given = load_settings(["dataset=toy", "seed=6", "selection=mine.json"])  # one's own file may come from anywhere
    assert read_selection(run, given).seed == 5


def test_history_is_sealed(run):
    records = [{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.25}]
    run.write_history(records)
    assert run.read_history() == records
    path = run.path / "history.jsonl"
    path.write_text(path.read_text().replace("0.25", "0.24"))
    with pytest.raises(UserError, match="history.jsonl is damaged: it does not match"):
        run.read_history()


def test_a_new_start_removes_what_a_killed_process_left(run, tmp_path):
    for name in (".config.yaml.7.tmp", "tmp-7-last.ckpt"):
        (run.path / name).write_text("")
    run.close()
    RunFolder.create(load_settings(["dataset=toy", f"output_dir={tmp_path}", "run_name=a", "seed=5"])).close()
    assert not [path for path in run.path.iterdir() if "tmp" in path.name]
    assert read_json(run.path / "metrics.json")["seed"] == 5


def test_a_run_made_before_a_setting_existed_goes_on():
    config = load_settings(["seed=3"])
    before = {key: value for key, value in config.to_dict().items() if key != "end_to_end"}
    assert changed_settings(before, config) == ""
    assert changed_settings(before, config.replace(end_to_end=True)) == "end_to_end False -> True"

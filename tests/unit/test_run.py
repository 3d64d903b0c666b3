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

import shutil

import pytest

from src.common.errors import UserError
from src.common.files import read_json, write_json, write_sealed
from src.origin import changed_settings
from src.run import RunFolder, refuse_other_data
from src.settings import load_settings
from src.workflow import read_selection
from tests.helpers import make_schema, make_selection, toy_data

DATA = toy_data(20)
WORDS = ["dataset=toy", "run_name=a", "seed=5"]
OF_TASKS = {task: {"auc": 0.5, "logloss": 0.7} for task in ("t0", "t1")}
METRICS = {"test": OF_TASKS, "valid": OF_TASKS, "mean_auc": 0.5, "input_fields": {"t0": 1, "t1": 1}, "parameters": 9,
           "train_rows_per_second": None, "seconds": {"train": 1.0}}


def create(folder, *more, data=DATA):
    return RunFolder.create(load_settings([*WORDS, f"output_dir={folder}", *more]), data)


def of_other_content(path="elsewhere"):
    other = toy_data(20)
    other.path, other.fingerprint = path, "f00d"
    return other


def metrics_of(of_run, **changes):
    return {**METRICS, "seed": 5, "run": of_run.origin(), **changes}


@pytest.fixture(name="run")
def _run(tmp_path):
    run = create(tmp_path)
    run.write("metrics.json", metrics_of(run))
    yield run
    run.close()


def test_a_run_knows_its_data(run, tmp_path):
    recorded = read_json(run.path / "data.json")
    assert (recorded["dataset"], recorded["sha256"], recorded["rows"]) == ("toy", DATA.fingerprint, DATA.schema.rows)
    run.close()
    moved = toy_data(20)
    moved.path = "moved"  # what counts is the content, not the path
    create(tmp_path, data=moved).close()
    RunFolder(run.path).check_data(moved)
    for use in (lambda: create(tmp_path, data=of_other_content()), lambda: run.check_data(of_other_content())):
        with pytest.raises(UserError, match="a was made of another data set than elsewhere: its schema.json had SHA-256"
                                            " 5eed, now f00d; name the one it was made of with data_dir"):
            use()
    create(tmp_path).close()  # the refused start has released its lock


def test_a_copied_run_folder_is_the_same_run(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "copy")
    copy = RunFolder(tmp_path / "copy")
    assert copy.read_metrics() == run.read_metrics()
    copy.check_data(DATA)


def test_a_run_of_an_earlier_version_is_accepted_with_one_warning(run, caplog):
    (run.path / "data.json").unlink()
    metrics = metrics_of(run)
    del metrics["run"]
    run.write("metrics.json", metrics)
    old = RunFolder(run.path)
    for _ in range(2):
        old.check_data(of_other_content())
    assert old.read_metrics() == metrics
    assert [record.getMessage().split(", as")[0] for record in caplog.records] == [
        f"{run.path} does not say which data set it was made of"]


def test_metrics_of_another_run_are_refused(run, tmp_path):
    other = create(tmp_path, "run_name=b", "learning_rate=0.5", data=of_other_content())
    path = run.path / "metrics.json"
    write_json(path, metrics_of(other), sealed=True)
    with pytest.raises(UserError, match="metrics.json is that of another run: its learning_rate is 0.5, this run's "
                                        "0.001; it was made of another data set; restore it"):
        run.read_metrics()
    for damaged in ({"settings": 5}, [], "x"):
        write_json(path, metrics_of(run, run=damaged), sealed=True)
        with pytest.raises(UserError, match="its record of the run it belongs to is damaged"):
            run.read_metrics()
    write_json(path, {**METRICS, "seed": 5}, sealed=True)
    with pytest.raises(UserError, match="it does not name its run"):
        run.read_metrics()
    other.close()


def test_a_history_nested_too_deep_is_one_line(run):
    (run.path / "history.jsonl").write_text("[" * 100_000 + "\n")
    with pytest.raises(UserError, match="history.jsonl is damaged: not one JSON record a line"):
        run.read_history()


def test_metrics_and_another_selection(run):
    schema = make_schema(2)
    run.write("selection.json", make_selection(schema, {"t0": ["f0"], "t1": ["f1"]}).to_json())
    run.write_metrics(metrics_of(run))
    run.read_metrics()
    run.write("selection.json", make_selection(schema, {"t0": ["f0"], "t1": ["f2"]}).to_json())
    with pytest.raises(UserError, match="metrics.json is that of another run: it has another selection"):
        run.read_metrics()


def test_runs_of_different_data_are_not_shown_together(run, tmp_path):
    other = create(tmp_path, "run_name=b", data=of_other_content())
    refuse_other_data([run, run])
    with pytest.raises(UserError, match="b and .*a were made of different data sets"):
        refuse_other_data([run, other])
    other.close()


def test_metrics_of_this_run_only(run):
    path = run.path / "metrics.json"
    metrics = run.read_metrics()
    assert metrics["seed"] == 5
    run.write("metrics.json", {**metrics, "seed": 6})
    with pytest.raises(UserError, match="metrics.json is that of another run: its seed is 6, this run's 5"):
        run.read_metrics()
    for value, says in (({"selected": {}}, "it has no key 'test'"), ([], "it is \\[\\]; expected a mapping"),
                        ({**metrics, "test": {"t0": []}}, "t0 of test is \\[\\]; expected a mapping"),
                        ({**metrics, "valid": {"t0": {"auc": "x", "logloss": 1}}}, "auc of t0 of valid is 'x'")):
        write_json(path, value, sealed=True)
        with pytest.raises(UserError, match=f"metrics.json is damaged: {says}"):
            run.read_metrics()


@pytest.mark.parametrize("name", ["data.json", "selection_seconds.json"])
@pytest.mark.parametrize("value", [None, 0.5, [], "x", {}, {"total": "x"}, {"sha256": 1, "total": []}])
def test_values_of_other_types_are_refused_by_the_name_of_their_file(run, name, value):
    write_json(run.path / name, value, sealed=name == "data.json")
    with pytest.raises(UserError, match=f"{name} is damaged: .*(expected|no key|no total)"):
        run.read_selection_seconds() if name.startswith("sel") else run.check_data(toy_data(20))


def test_a_selection_of_another_run_is_refused(run):
    data = toy_data(20)
    kept = {"t0": ["f0"], "t1": ["f1"]}
    selection = {**make_selection(data.schema, kept).to_json(), "seed": 5}
    config, own = load_settings(["dataset=toy", "seed=5"]), run.path / "selection.json"
    write_json(own, selection)
    assert read_selection(run, config, data).seed == 5
    with pytest.raises(UserError, match="selection.json is that of another run"):
        read_selection(run, load_settings(["dataset=toy", "seed=6"]), data)
    given = load_settings(["dataset=toy", "seed=6", "selection=mine.json"])  # one's own file may come from anywhere
    assert read_selection(run, given, data).seed == 5
    for key in ("fields", "tasks"):  # the same names in another order would be other columns
        write_json(own, {**selection, key: selection[key][::-1]})
        with pytest.raises(UserError, match=f"selection.json is that of another run: it has {key} "):
            read_selection(run, config, data)
    write_json(own, {**selection, "data": "f00d"})
    with pytest.raises(UserError, match="selection.json was made of another data set than toy"):
        read_selection(run, config, data)
    assert read_selection(run, given, data).data == "f00d"


def test_history_is_sealed(run):
    records = [{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.25}]
    run.write_history(records)
    assert run.read_history() == records
    path = run.path / "history.jsonl"
    path.write_text(path.read_text().replace("0.25", "0.24"))
    with pytest.raises(UserError, match="history.jsonl is damaged: it does not match"):
        run.read_history()
    write_sealed(path, "[" * 100_000)
    with pytest.raises(UserError, match="history.jsonl is damaged: not one JSON record a line"):
        run.read_history()


def test_a_new_start_removes_what_a_killed_process_left(run, tmp_path):
    for name in (".config.yaml.7.tmp", "tmp-7-last.ckpt"):
        (run.path / name).write_text("")
    run.close()
    create(tmp_path).close()
    assert not [path for path in run.path.iterdir() if "tmp" in path.name]
    assert read_json(run.path / "metrics.json")["seed"] == 5


def test_a_run_made_before_a_setting_existed_resumes():
    config = load_settings(["seed=3"])
    before = {key: value for key, value in config.to_dict().items() if key != "end_to_end"}
    assert changed_settings(before, config.to_dict()) == ""
    assert changed_settings(before, config.replace(end_to_end=True).to_dict()) == "end_to_end False -> True"

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
"""train.py leaves a report; report.py adds what dropped fields cost, checked against weights that are cut by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor
from sklearn.metrics import roc_auc_score

import report
from src.training import predict_logits
from src.workflow import load_model, load_run, open_data
from tests.commands import refused, run

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def runs(finished, finished_all, tmp_path_factory):
    """A folder with copies of the runs "some" (a selection) and "whole" (all fields)."""
    folder = tmp_path_factory.mktemp("reports")
    for run_folder in (finished, finished_all):
        shutil.copytree(run_folder, folder / run_folder.name)
    return folder


def auc_of_cut_table(folder: Path, field: str) -> dict[str, float]:
    """Validation AUC of a run whose embedding rows of one field were set to 0 in the model it trained, not masked."""
    run_folder, config = load_run(str(folder), [])
    data = open_data(config)
    model, plan, selection = load_model(run_folder, config, data)
    column = plan.columns.index(data.schema.field_names.index(field))
    table = model.embedding.table.asnumpy().copy()
    for slot, read in enumerate(plan.slots):
        if read == column:
            table[plan.offsets[slot]:plan.offsets[slot] + plan.cardinalities[slot]] = 0
    model.embedding.table.set_data(Tensor(table, ms.float32))
    tasks = data.schema.task_indices(selection.tasks)
    logits, labels = predict_logits(model, data.split("valid"), plan, tasks, config.batch_size)
    return {task: roc_auc_score(labels[:, t], logits[:, t]) for t, task in enumerate(selection.tasks)}


def test_a_report_with_costs(runs):
    page = (runs / "some" / "report.html").read_text(encoding="utf-8")
    assert "Not computed yet" in page
    assert {path.name for path in (runs / "some" / "plots").iterdir()} == {
        "selection.png", "curves.png", "quality.png"}
    for words in ("mean test AUC", "most frequent in train", "ROC curve"):
        assert words in page, words
    done = run("report.py", "--run_dir", runs / "some", "--all_fields", runs / "whole", "--open", "false")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(runs / "some" / "report.html")
    costs, selection = (json.loads((runs / "some" / name).read_text()) for name in ("field_costs.json",
                                                                                    "selection.json"))
    kept = [set(names) for names in selection["selected"].values()]
    assert set(costs["without"]) == set(selection["fields"]) - set.intersection(*kept)
    metrics = json.loads((runs / "whole" / "metrics.json").read_text())
    for task in selection["tasks"]:
        assert costs["auc"][task] == pytest.approx(metrics["valid"][task]["auc"], abs=1e-6)
    field = min(costs["without"], key=lambda name: sum(costs["without"][name].values()))
    cut = auc_of_cut_table(runs / "whole", field)
    for task, auc in cut.items():
        assert abs(auc - costs["auc"][task]) > 1e-4, "the field matters"
        assert costs["without"][field][task] == pytest.approx(auc, abs=1e-6)
        change = f"{costs['without'][field][task] - costs['auc'][task]:+.4f}"
        assert change in (runs / "some" / "report.html").read_text(encoding="utf-8")


def test_costs_are_computed_once(runs, caplog):
    caplog.set_level("INFO")
    report.main([f"run_dir={runs / 'whole'}", "open=false"])
    assert "passes over the valid split" in caplog.text
    costs = json.loads((runs / "whole" / "field_costs.json").read_text())
    assert list(costs["without"]) == json.loads((runs / "whole" / "selection.json").read_text())["fields"]
    (runs / "whole" / "report.html").unlink()
    caplog.clear()
    report.main([f"run_dir={runs / 'whole'}", "open=false"])
    assert "passes" not in caplog.text
    assert json.loads((runs / "whole" / "field_costs.json").read_text()) == costs
    assert "Change of AUC without the field" in (runs / "whole" / "report.html").read_text(encoding="utf-8")
    assert np.all([value is not None for entry in costs["without"].values() for value in entry.values()])


@pytest.mark.parametrize("damage, words", [
    ("metrics.json", "metrics.json is damaged"), ("selection.json", "selection.json is damaged"),
    (None, "not finished"),
])
def test_a_damaged_run_is_one_line(runs, tmp_path, damage, words):
    copy = tmp_path / "copy"
    shutil.copytree(runs / "some", copy)
    if damage:
        (copy / damage).write_text('{"test": ')
    else:
        (copy / "metrics.json").unlink()
    refused("report.py", ["--run_dir", copy, "--open", "false"], words)


def test_wrong_options_are_one_line(runs):
    for arguments, words in ((["--all_fields", runs / "some"], "does not keep all fields"),
                             (["--open", "perhaps"], "expected true or false"),
                             (["--all_fields", runs / "nowhere"], "nowhere")):
        refused("report.py", ["--run_dir", runs / "some", *arguments], words)

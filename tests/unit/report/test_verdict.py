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
"""What a report decides by: verdict, intervals, curves, values of the fields, several runs on one page."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from src.common.errors import UserError
from src.common.files import write_json
from src.data.memory import MemorySplit
from src.evaluation import half_width, metric_parts, task_metrics, write_predictions
from src.evaluation.intervals import auc_parts
from src.evaluation.predictions import FILE
from src.report.facts import AllFields
from src.report.figures import calibration, precision_recall, roc, write_plots
from src.report.report import report
from src.report.run_table import page_of_runs, table_of_runs
from src.report.values import FieldValues, field_values
from src.report.verdict import Errors, verdict
from src.schema import Field
from tests.report_helpers import Page, all_kept, make_facts, predicted, write_history, write_run


def test_the_verdict_says_what_the_fields_cost_and_how_sure_that_is():
    facts = make_facts()
    facts = dataclasses.replace(facts, predictions=predicted(facts))
    width = half_width(metric_parts(*facts.predictions["test"])["auc"].mean(1))
    assert verdict(facts, Errors(facts.predictions)) == (
        f"3 of 6 fields reach a mean test AUC of 0.7123 ± {width:.4f}; no run with all fields to compare with. "
        "Fields a task drops although above it: 4 (f0, f3, f4, f5). Try keep_ratio=auto.")
    whole = AllFields(Path("whole"), {**facts.metrics, "mean_auc": 0.8}, {}, predicted(facts, noise=0.5))
    both = dataclasses.replace(facts, all_fields=whole, config={"keep_ratio": "auto"})
    change = half_width((metric_parts(*facts.predictions["test"])["auc"]
                         - metric_parts(*whole.predictions["test"])["auc"]).mean(1))
    errors = Errors(both.predictions, whole.predictions)
    assert verdict(both, errors) == ("3 of 6 fields keep 0.7123 of the 0.8000 mean test AUC of all fields: change "
                                     f"-0.0877 ± {change:.4f}, a loss.")
    near = dataclasses.replace(both, all_fields=dataclasses.replace(whole, metrics={"mean_auc": 0.713}))
    assert verdict(near, errors).endswith(", which these test rows cannot tell from none.")
    other_rows = {split: found._replace(labels=1 - found.labels) for split, found in whole.predictions.items()}
    assert verdict(both, Errors(both.predictions, other_rows)).endswith("change -0.0877."), "not paired"
    low = dataclasses.replace(facts.selection, settings={"chance": 20.0})
    assert verdict(dataclasses.replace(facts, selection=low), Errors({})).endswith(
        "although not above chance: 2 (f2, f3). Fields a task drops although above it: 1 (f0). Try keep_ratio=auto.")
    assert verdict(all_kept(facts), Errors({})) == "All 6 fields reach a mean test AUC of 0.7123."
    assert "cannot be computed" in verdict(dataclasses.replace(facts, metrics={"mean_auc": None}), Errors({}))


def test_intervals_curves_and_values_are_on_the_page(tmp_path):
    facts = make_facts()
    values = {name: FieldValues(0.125, [("<b>", 0.5), ("x", 0.25)]) for name in facts.selection.fields}
    details = {"test": {"t0": {"pr_auc": 0.5, "normalised_entropy": None, "calibration_error": 0.01}}}
    facts = dataclasses.replace(facts, predictions=predicted(facts), values=values,
                                metrics={**facts.metrics, "details": details})
    page = Page(report(facts))
    error = half_width(auc_parts(facts.predictions["test"].logits[:, 0], facts.predictions["test"].labels[:, 0]))
    assert page.tables["Metrics of every task, at the best epoch"][1] == ["t0", "test AUC", f"0.7123 ± {error:.4f}"]
    assert page.tables["More metrics on the test split"][1] == ["t0", "0.5000", "–", "0.0100"]
    assert page.tables["Fields"][1][-2:] == ["12.5%", "<b>: 50%, x: 25%"]
    assert {"ROC curve", "Precision and recall", "Calibration"} <= set(page.words)
    write_plots(facts, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"selection.png", "curves.png", "quality.png"}


def test_points_of_the_curves():
    logits, labels = np.array([2.0, 1.0, 0.0, -1.0]), np.array([1, 0, 1, 0])
    across, up, _ = roc(logits, labels)
    assert list(across) == [0, 0, 0.5, 0.5, 1] and list(up) == [0, 0.5, 0.5, 1, 1]
    recall, precision, _ = precision_recall(logits, labels)
    assert (1.0, pytest.approx(2 / 3)) in zip(recall, precision) and 0 not in recall
    mean, share, error = calibration(np.repeat([-1.0, 2.0], 8), np.array([0] * 6 + [1] * 10))
    assert mean == pytest.approx(1 / (1 + np.exp([1.0, -2.0]))) and list(share) == [0.25, 1]
    assert error == pytest.approx([1.96 * np.sqrt(0.25 * 0.75 / 8), 0], rel=1e-4)


def test_values_of_the_fields_are_counted(tmp_path):
    ids = np.array([[0, 1], [1, 2], [1, 3], [2, 3]], np.int32)
    fields = (Field("a", 3, vocabulary="a.json"), Field("b", 4, vocabulary="b.json"))
    write_json(tmp_path / "a.json", {"values": ["x", "y"]})
    write_json(tmp_path / "b.json", {"edges": [1.5, 2.0]})
    data = SimpleNamespace(path=tmp_path, schema=SimpleNamespace(fields=fields, widths=[1, 1]),
                           split=lambda name: MemorySplit(ids, np.zeros((4, 1), np.uint8)))
    assert field_values(data, most=2) == {"a": FieldValues(0.25, [("x", 0.5), ("y", 0.25)]),
                                          "b": FieldValues(0.0, [("from 2", 0.5), ("below 1.5", 0.25)])}


def test_a_page_of_several_runs(tmp_path):
    facts = make_facts()
    for name, of, noise, mean in (("whole", all_kept(facts), 0.9, 0.7123), ("near", facts, 0.9, 0.7),
                                  ("far", facts, 9.0, 0.5)):
        predictions = predicted(facts, noise=noise, seed=len(name))
        measured = {split: task_metrics(*found.arrays, of.selection.tasks) for split, found in predictions.items()}
        metrics = {**facts.metrics, **measured, "mean_auc": mean, "input_fields": of.selection.k}
        of = dataclasses.replace(of, metrics=metrics)
        run = write_run(tmp_path, of, name, score="calibrated")
        write_predictions(run.path, predictions)
        write_history(run, of)
    folders = [str(tmp_path / name) for name in ("whole", "near", "far")]
    page = Page(page_of_runs(folders))
    assert "whole has the highest mean test AUC, 0.7123, with 6 fields. With fewer, 4, near is as good" in page.text
    rows = {row[0]: row[1:] for row in page.tables["Runs"]}
    assert rows["whole"][-1] == "–" and rows["near"][0] == "4" and rows["near"][-1].startswith("-0.0123 ± ")
    assert page.tables["Tasks that keep the field"][1] == ["f1", "2", "2", "2"]
    assert "Every run with fewer fields is worse on these rows" in Page(page_of_runs([folders[0], folders[2]])).text
    assert "| far" in table_of_runs(folders)
    shutil.copy(tmp_path / "far" / FILE, tmp_path / "near" / FILE)
    with pytest.raises(UserError, match="near/predictions.npz is not of this run: its log loss of t0 on valid"):
        page_of_runs(folders)

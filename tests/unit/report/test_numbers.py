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
"""The report of a run with tasks of numbers: their metrics, pictures, scales and wording."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from src.evaluation import Predictions, task_details, task_metrics
from src.report.figures import quality_drawings
from src.report.report import report
from src.report.tables import comparison_table
from src.schema import Scale
from tests.report_helpers import Page, make_facts

SCALE = Scale(300.0, 40.0)


def facts_of(numbers: tuple[bool, ...]):
    """A made-up run whose tasks are numbers or classes."""
    facts, rng = make_facts(tasks=len(numbers)), np.random.default_rng(0)
    scales = tuple(SCALE if number else None for number in numbers)
    labels = np.stack([rng.normal(size=500) if number else rng.random(500) < 0.4 for number in numbers], 1)
    logits = labels + rng.normal(size=labels.shape)
    found = Predictions(logits.astype(np.float32), labels.astype(np.float32), scales)
    entries = task_metrics(*found.arrays, facts.selection.tasks, scales=scales)
    tasks = tuple(dataclasses.replace(task, scale=scale, positive_rate={} if scale else task.positive_rate)
                  for task, scale in zip(facts.schema.tasks, scales))
    details = {"test": task_details(*found.arrays, facts.selection.tasks, scales=scales)}
    return dataclasses.replace(
        facts, schema=dataclasses.replace(facts.schema, tasks=tasks),
        metrics={**facts.metrics, "valid": entries, "test": entries, "details": details, "input_fields": {"t0": 1}},
        history=[{**record, "valid": entries} for record in facts.history],
        predictions={"valid": found, "test": found})


@pytest.mark.parametrize("numbers, what", [((False, True), "AUC (XAUC of numbers)"), ((True, True), "XAUC")])
def test_the_page_shows_numbers_in_their_own_units(numbers, what):
    facts = facts_of(numbers)
    page, entry = Page(report(facts)), facts.metrics["test"]["t1"]
    results = {(row[0], row[1]): row[2] for row in page.tables["Metrics of every task, at the best epoch"][1:]}
    assert results["t1", "test RMSE"].startswith(f"{entry['rmse']:.4f} ± ")
    assert results["t1", "test R²"].startswith(f"{entry['r2']:.4f} ± ") and ("t1", "test log loss") not in results
    rows = {row[0]: row[1] for row in page.tables["Rows and labels"][1:]}
    assert rows["mean of t1 on train"] == "300" and rows["standard deviation of t1 on train"] == "40"
    assert f"mean test {what} of" in page.text
    captions = [drawing.caption for drawing in quality_drawings(facts)]
    expected = ["Predicted and true t1"] if not all(numbers) else ["Predicted and true t0", "Predicted and true t1"]
    assert captions == ([] if all(numbers) else ["ROC curve", "Precision and recall", "Calibration"]) + expected


def test_the_picture_of_a_number_has_ten_groups_in_its_own_units():
    from matplotlib.figure import Figure

    facts = facts_of((False, True))
    axes = Figure().subplots()
    quality_drawings(facts)[-1].draw(axes)
    found = facts.predictions["test"]
    points = axes.containers[0].lines[0].get_xydata()
    assert len(points) == 10 and points[:, 0].mean() == pytest.approx(300 + 40 * found.logits[:, 1].mean(), rel=1e-4)
    assert points[:, 1].mean() == pytest.approx(300 + 40 * found.labels[:, 1].mean(), rel=1e-4)


def test_the_table_in_the_terminal_has_the_metrics_of_every_kind():
    header = comparison_table([("one", facts_of((False, True)).metrics)]).splitlines()[0]
    assert [cell.strip() for cell in header.split("|")[5:-1]] == [
        "t0 AUC", "t0 log loss", "t1 XAUC", "t1 R²", "t1 MAE", "t1 RMSE", "mean AUC"]

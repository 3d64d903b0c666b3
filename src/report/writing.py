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
"""Writes what a finished run is looked at with: report.html, and plots/ by matplotlib."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from ..files import write_text
from ..run import RunFolder
from ..schema import Schema
from .facts import AllFields, Facts, find_all_fields, read_facts
from .report import report

REPORT = "report.html"


def write_report(run: RunFolder, schema: Schema, all_fields: AllFields | None = None) -> Path:
    """Makes report.html and plots/ of a finished run; returns the page's path.

    Args:
        run: the run folder.
        schema: of the run's data set.
        all_fields: the run to show beside; None looks for one in the same folder.

    Raises:
        UserError: a file of the run is missing or damaged.
    """
    facts = read_facts(run, schema, all_fields or find_all_fields(run))
    write_text(run.path / REPORT, report(facts))
    draw_plots(facts, run.path / "plots")
    return run.path / REPORT


def draw_plots(facts: Facts, folder: Path) -> None:
    """Writes selection.png, a heat map of ranks with the kept fields marked, and curves.png."""
    import matplotlib  # takes longer to import than the rest of the report to write
    from matplotlib.figure import Figure

    folder.mkdir(exist_ok=True)
    # Names are the user's: no mathematics between dollars, no complaint about letters the font lacks.
    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, draw in (("selection.png", _draw_selection), ("curves.png", _draw_curves)):
            figure = Figure(layout="constrained")
            draw(facts, figure)
            figure.savefig(folder / name, dpi=110, metadata={"Software": None})


def _draw_selection(facts: Facts, figure) -> None:
    selection = facts.selection
    fields, tasks = selection.fields, selection.tasks
    kept = np.array([[name in selection.selected[task] for name in fields] for task in tasks])
    shown, words = kept.astype(float), "kept"
    scores = selection.scores or {}
    if all(len(scores.get(task, {})) == len(fields) for task in tasks):
        values = np.array([[scores[task][name] for name in fields] for task in tasks])
        shown, words = len(fields) - np.argsort(np.argsort(-values, 1, kind="stable"), 1), "rank from the end"
    figure.set_size_inches(max(4.0, 0.22 * len(fields) + 2), 0.4 * len(tasks) + 2)
    axes = figure.subplots()
    image = axes.imshow(shown, cmap="Blues", aspect="auto")
    for row, column in np.argwhere(kept):
        axes.plot(column, row, marker="o", markersize=4, markerfacecolor="white", markeredgecolor="black")
    axes.set_xticks(range(len(fields)), fields, rotation=90, fontsize=7)
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_title("Fields of every task; a dot marks those it keeps", fontsize=9)
    figure.colorbar(image, ax=axes, label=words)


def _draw_curves(facts: Facts, figure) -> None:
    figure.set_size_inches(8, 3.2)
    loss, auc = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in facts.history]
    loss.plot(epochs, [record["train_loss"] for record in facts.history], "o-", markersize=3)
    for place, task in enumerate(facts.selection.tasks):
        values = [record["valid"][task]["auc"] for record in facts.history]
        auc.plot(epochs, [np.nan if value is None else value for value in values], marker="osD^x"[place % 5],
                 markersize=3, label=f"task {task}")
    for axes, title in ((loss, "Training loss"), (auc, "Validation AUC")):
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.axvline(facts.metrics["best_epoch"], color="black", linestyle="--", linewidth=0.8)
    auc.legend(fontsize=8)

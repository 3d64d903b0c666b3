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
"""Text tables for the terminal and for Markdown. No MindSpore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..common.text import markdown_cell, visible
from ..evaluation import names_of


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table padded so that it reads well in a terminal too; names in it can be neither cells nor HTML."""
    lines = [[markdown_cell(str(cell)) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def number(value: float | None, form: str = ".4f") -> str:
    """Formats a number; None, which means "cannot be computed", is a dash."""
    return "-" if value is None else format(value, form)


def run_row(label: str, metrics: Mapping[str, Any]) -> list[str]:
    """One line of the comparison: label, fields per task, parameters, rows/s, and the metrics of every task on test."""
    cells = [label, "/".join(str(count) for count in metrics["input_fields"].values()), f"{metrics['parameters']:,}",
             number(metrics["train_rows_per_second"], ",.0f")]
    for entry in metrics["test"].values():
        cells += [number(entry[key]) for key in names_of(entry)]
    return [*cells, number(metrics["mean_auc"])]


def mean_heading(tasks: Sequence[str]) -> str:
    """Heading of the mean AUC over tasks; another one where a task is called mean."""
    return "AUC, mean of tasks" if "mean" in tasks else "mean AUC"


def comparison_table(runs: Sequence[tuple]) -> str:
    """Table of (label, metrics.json) pairs with the same tasks."""
    tasks = runs[0][1]["test"]
    header = ["model", "fields", "parameters", "rows/s"]
    for task, entry in tasks.items():
        header += [f"{task} {name}" for name in names_of(entry).values()]
    return markdown_table([*header, mean_heading(list(tasks))], [run_row(label, metrics) for label, metrics in runs])


def selection_table(selection, best: int = 10) -> str:
    """The kept fields of every task, best first, with their scores."""
    lines = []
    for task in selection.tasks:
        kept = selection.selected[task]
        scores = (selection.scores or {}).get(task, {})
        shown = [f"{name} {scores[name]:.4g}" if name in scores else name for name in kept[:best]]
        more = f", and {len(kept) - best} more" if len(kept) > best else ""
        lines.append(visible(f"  {task}: {len(kept)} of {len(selection.fields)} fields: {', '.join(shown)}{more}"))
    return "\n".join(lines)

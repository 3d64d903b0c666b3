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
"""Reading the finished runs of a grid. No MindSpore."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..evaluation import mean_auc
from ..run import RunFolder, refuse_other_data
from ..schema import Selection
from .grid import Cell
from .pool import problem_of

LOG = logging.getLogger(__name__)
Record = dict[str, Any]


def read_records(cells: Iterable[Cell], output_dir: Path) -> list[Record]:
    """One record per finished run, in the order of the cells; runs of other settings or other data are left out.

    Args:
        cells: runs of a grid.
        output_dir: where their folders are.

    Returns:
        ``{"dataset": its name and tasks, "set": its name, "task_set": as asked for, "backbone", "method", "keep",
        "seed", "tasks": {task: its metrics} on test, "mean_auc", "valid": the same on valid, "valid_mean_auc",
        "fields": kept per task, "select", "train", "compile": seconds, "parts": those of the selection, "epochs",
        "parameters", "selected": {task: [field]}}``

    Raises:
        UserError: a file of a finished run is damaged, or runs of one data set are of different content.
    """
    found, runs = [], defaultdict(list)
    for cell in cells:
        run = RunFolder(output_dir / cell.name)
        if not run.finished:
            continue
        problem = problem_of(cell, output_dir)
        if problem:
            LOG.warning("left out: %s: %s", cell.name, problem)
            continue
        runs[cell.dataset].append(run)
        found.append(_record(cell, run.read_metrics(), run.read_selection(), run.read_selection_seconds()))
    for of_one_set in runs.values():
        refuse_other_data(of_one_set)
    return found


def _record(cell: Cell, metrics: dict, selection: Selection, parts: dict) -> Record:
    setting = "" if cell.tasks == "auto" else f" ({cell.tasks})"
    return {
        "dataset": cell.dataset + setting, "set": cell.dataset, "task_set": cell.tasks, "backbone": cell.backbone,
        "method": cell.method, "keep": cell.keep, "seed": cell.seed, "tasks": metrics["test"],
        "mean_auc": metrics["mean_auc"], "valid": metrics["valid"], "valid_mean_auc": mean_auc(metrics["valid"]),
        "fields": metrics["input_fields"], "select": metrics["seconds"]["select"], "parts": parts,
        "train": metrics["seconds"]["train"], "compile": metrics["seconds"]["compile"], "epochs": metrics["epochs"],
        "parameters": metrics["parameters"], "selected": selection.selected,
    }


def long_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One flat row per run, task and split, for a CSV file; with the metrics of numbers where a task is one."""
    entries = [entry for record in records for entry in record["tasks"].values()]
    more = ("r2", "mae", "rmse") if any("r2" in entry for entry in entries) else ()
    return [{**{key: record[key] for key in ("dataset", "backbone", "method", "keep", "seed")},
             "fields": record["fields"][task], "split": split, "task": task, "auc": entry["auc"],
             "logloss": entry.get("logloss"), **{key: entry.get(key) for key in more},
             "select_seconds": record["select"], "train_seconds": record["train"],
             "epochs": record["epochs"], "parameters": record["parameters"]}
            for record in records for split, key in (("valid", "valid"), ("test", "tasks"))
            for task, entry in record[key].items()]

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
"""Make the report of a finished run again, with what every dropped field would cost; or print a table of several runs.

    python report.py --run_dir outputs/movielens-mmoe-multisfs-calibrated-42
    python report.py --run_dir RUN --all_fields RUN_WITH_ALL_FIELDS --open false
    python report.py RUN RUN ...                          # one table: fields, parameters, speed, AUC and log loss
    python report.py RUN RUN ... --html FILE              # and a page: differences with intervals, curves, fields

The costs need a run with all fields (train.py --selector none): the one named, else one with the same settings beside
the run. They are computed once and kept in the run folder's field_costs.json.
"""

from __future__ import annotations

import logging
import math
import sys
import time
import webbrowser
from pathlib import Path

from src.errors import UserError, run_program
from src.evaluation import Predictions, write_predictions
from src.evaluation.predictions import FILE
from src.files import sha256, write_text
from src.programs import load_model, load_run, open_data, start_logging, take_option
from src.report import field_values, write_report
from src.report.facts import COSTS, compare_with, dropped_fields, find_all_fields, keeps_all
from src.report.run_table import page_of_runs, table_of_runs
from src.run import RunFolder
from src.selection.field_costs import aucs_without
from src.settings import Settings
from src.training import choose_device, predict_logits

LOG = logging.getLogger("report")
SPLIT = "valid"  # the numbers invite a choice of fields, so the test split stays out of it


def main(arguments: list) -> None:
    """Computes missing costs, writes the page and opens it; for several runs, prints their table."""
    start_logging()
    page = take_option(arguments, "html", "")
    if arguments and not any(word.startswith("-") or "=" in word for word in arguments):
        print(table_of_runs(arguments))
        if page:
            write_text(Path(page), page_of_runs(arguments))
            print(page)
        return
    if page:
        raise UserError("html is the page of several runs; give them as report.py RUN RUN ... --html FILE")
    opens, given = take_option(arguments, "open", "true"), take_option(arguments, "all_fields", "")
    if opens not in ("true", "false"):
        raise UserError(f"open is {opens!r}; expected true or false")
    run, config = load_run(take_option(arguments, "run_dir"), arguments)
    data = open_data(config)
    run.check_data(data)
    beside = compare_with(run, RunFolder(Path(given))) if given else find_all_fields(run)
    if keeps_all(run.read_selection()):
        write_costs(run, run, data, config)
    elif beside is not None:
        write_costs(run, RunFolder(beside.path), data, config)
    write_missing_predictions(run, data, config)
    if beside is not None:
        write_missing_predictions(RunFolder(beside.path), data, config)
        beside = compare_with(run, RunFolder(beside.path))
    path = write_report(run, data.schema, beside, values=field_values(data))
    print(path)
    if opens == "true" and sys.stdout.isatty():
        webbrowser.open(path.resolve().as_uri())


def write_costs(run: RunFolder, everything: RunFolder, data, config: Settings) -> None:
    """Writes field_costs.json of ``run`` by the model of ``everything``, unless it is there already.

    Raises:
        UserError: a file of the run with all fields is missing or damaged.
    """
    selection, checkpoint = run.read_selection(), everything.path / "best.ckpt"
    if not checkpoint.exists():
        raise UserError(f"{checkpoint} does not exist; train the run again, or name another with --all_fields")
    made_from = {"all_fields": everything.path.name, "checkpoint": sha256(checkpoint), "split": SPLIT,
                 "fields": dropped_fields(selection)}
    if _holds(run, made_from):
        return
    began = time.perf_counter()
    choose_device(config.device_target, config.device_id)
    model, plan, whole = load_model(everything, load_run(str(everything.path), [])[1], data)
    fields, tasks = data.schema.field_indices(made_from["fields"]), data.schema.task_indices(whole.tasks)
    aucs, without, errors = aucs_without(model, plan, data.split(SPLIT), tasks, fields, config)
    seconds = time.perf_counter() - began
    run.write(COSTS, {**made_from, "auc": _by_task(whole.tasks, aucs),
                      "without": {name: _by_task(whole.tasks, row) for name, row in zip(made_from["fields"], without)},
                      "error": {name: dict(zip(whole.tasks, row)) for name, row in zip(made_from["fields"], errors)},
                      "seconds": seconds})
    LOG.info("%d passes over the %s split in %.1f s", len(fields) + 1, SPLIT, seconds)


def write_missing_predictions(run: RunFolder, data, config: Settings) -> None:
    """Writes predictions.npz of a finished run whose version did not yet, if its weights are there."""
    if not run.finished or (run.path / FILE).exists() or not (run.path / "best.ckpt").exists():
        return
    choose_device(config.device_target, config.device_id)
    model, plan, selection = load_model(run, load_run(str(run.path), [])[1], data)
    tasks = data.schema.task_indices(selection.tasks)
    write_predictions(run.path, {split: Predictions(*predict_logits(model, data.split(split), plan, tasks,
                                                                    config.batch_size)) for split in ("valid", "test")})


def _holds(run: RunFolder, made_from: dict) -> bool:
    """Whether the run folder has costs of just this model and these fields; a damaged file is made again."""
    try:
        before = run.read(COSTS)
    except UserError:
        return False
    return isinstance(before, dict) and all(before.get(key) == value for key, value in made_from.items())


def _by_task(tasks, aucs) -> dict:
    """One number a task; NaN, which JSON has not, is null."""
    return {task: None if math.isnan(auc) else float(auc) for task, auc in zip(tasks, aucs)}


if __name__ == "__main__":
    run_program(main)

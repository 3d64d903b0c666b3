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
"""A run's report: one page that shows what was selected, the results, and how to repeat it."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..common.files import write_text
from ..common.home import HOME, as_started
from ..evaluation import minus, names_of
from ..run import RunFolder
from ..schema import SPLITS, Schema
from .choice import chosen, overlap, relations
from .facts import AllFields, Facts, dropped_fields, find_all_fields, keeps_all, read_facts
from .figures import curve_drawings, pictures, quality_drawings, selection_drawings, write_plots
from .page import Code, Section, Table, Text, count, number, render
from .values import FieldValues
from .verdict import INTERVALS, Errors, verdict

REPORT = "report.html"
DETAILS = {"pr_auc": "PR-AUC", "normalised_entropy": "normalised entropy", "calibration_error": "calibration error",
           "gauc": "GAUC"}
SIZES = {"parameters": "parameters", "embedding_parameters": "of these, embedding", "epochs": "epochs",
         "best_epoch": "best epoch", "train_rows_per_second": "train rows per second", "peak_memory_mb": "peak MB"}
NO_PREDICTIONS = as_started("No intervals and curves: the run has no predictions.npz, which report.py --run_dir makes.")


def write_report(run: RunFolder, schema: Schema, all_fields: AllFields | None = None,
                 metrics: Mapping[str, Any] | None = None, values: Mapping[str, FieldValues] | None = None) -> Path:
    """Makes report.html and plots/ of a run; returns the page's path.

    Args:
        run: the run folder.
        schema: of the run's data set.
        all_fields: the run to compare with; None looks for one in the same folder.
        metrics: what metrics.json, the last file of a run, is going to hold; None reads it.
        values: what field_values() finds in the prepared set.

    Raises:
        UserError: a file of the run is missing or damaged.
    """
    facts = read_facts(run, schema, all_fields or find_all_fields(run), metrics, values)
    write_text(run.path / REPORT, report(facts))
    write_plots(facts, run.path / "plots")
    return run.path / REPORT


def report(facts: Facts) -> str:
    """The page as text; it depends on ``facts`` alone, and needs nothing but a browser."""
    selection, reused = facts.selection, facts.config.get("selection", "none") != "none"
    errors = Errors(facts.predictions, facts.all_fields and facts.all_fields.predictions)
    lead = [Text(verdict(facts, errors), strong=True), Text(_description(facts))]
    return render(f"Run {facts.path.name}", lead, [
        Section("results", "Results", _results(facts, errors)),
        Section("quality", "Test split in detail", _quality(facts)),
        Section("selection", "Selected fields", [*chosen(selection), *pictures(selection_drawings(facts))]),
        Section("costs", "Cost of dropping a field", _costs(facts), half=True),
        Section("overlap", "Overlap between tasks", overlap(selection), half=True),
        Section("relations", "Task relations", relations(selection, reused), half=True),
        Section("curves", "Learning curves", _curves(facts)),
        Section("data", "Data set", _data(facts)),
        Section("settings", "Settings", [_pairs("Settings of the run", facts.config)], half=True),
        Section("environment", "Environment", _environment(facts), half=True),
    ])


def _description(facts: Facts) -> str:
    config, selection = facts.config, facts.selection
    how = selection.selector
    if how == "multisfs":
        how = f"multisfs ({selection.settings.get('score', config.get('score'))} score)"
    if config.get("selection", "none") != "none":
        how += f", read from {config['selection']}"
    counts = ", ".join(f"{task} {k}" for task, k in selection.k.items())
    return (f"{selection.backbone} on {facts.schema.dataset}, selector {how}, seed {config.get('seed')}. "
            f"Of {len(selection.fields)} fields, these many are kept: {counts}.")


def _results(facts: Facts, errors: Errors) -> list:
    other, rows = facts.all_fields, []
    for place, task in enumerate(facts.selection.tasks):
        for split in ("test", "valid"):
            for key, name in names_of(facts.metrics[split][task]).items():
                mine = facts.metrics[split][task][key]
                rows.append([task, f"{split} {name}", number(mine, error=Errors.of(errors.mine, split, key, place))])
                if other:
                    theirs = other.metrics[split][task][key]
                    error = Errors.of(errors.change, split, key, place)
                    rows[-1] += [number(theirs), number(minus(mine, theirs), "+.4f", error=error)]
    header = ["task", "metric", "this run", *(["all fields", "change"] if other else [])]
    return [_compared_with(facts), Text(INTERVALS if facts.predictions else NO_PREDICTIONS),
            Table("Metrics of every task, at the best epoch", header, rows), _sizes(facts)]


def _quality(facts: Facts) -> list:
    if not facts.predictions:
        return [Text(NO_PREDICTIONS)]
    words = ("Dashed: a random model, and one whose predictions are right. Calibration: the rows in ten groups of "
             "equal size by prediction, and how many of them are positive, with 95 % intervals")
    words += "; of a number, their mean label, in its own units." if any(facts.schema.scales) else "."
    details = facts.metrics.get("details", {}).get("test", {})  # runs of earlier versions have none
    shown = {key: text for key, text in DETAILS.items() if any(key in entry for entry in details.values())}
    rows = [[task, *(number(entry.get(key)) for key in shown)] for task, entry in details.items()]
    more = [Table("More metrics on the test split", ["task", *shown.values()], rows)] if rows else []
    return [Text(words), *pictures(quality_drawings(facts)), *more]


def _compared_with(facts: Facts) -> Text:
    """Says what the run is compared with, and what else differs."""
    if keeps_all(facts.selection):
        return Text("This run has all fields.")
    if not facts.all_fields:
        return Text(as_started("There is no run with all fields in the same folder. To compare, start train.py with "
                               "the same settings and --selector none, then report.py."))
    words = f"All fields: run {facts.all_fields.path.name}."
    for name, (mine, theirs) in facts.all_fields.differences.items():
        words += f" It differs in {name}: {_text(theirs)}, here {_text(mine)}."
    return Text(words)


def _sizes(facts: Facts) -> Table:
    runs = [facts.metrics, *([facts.all_fields.metrics] if facts.all_fields else [])]
    rows = [[name, *(number(metrics.get(key), ",.0f") for metrics in runs)] for key, name in SIZES.items()]
    rows += [[f"seconds to {part}", *(number(metrics["seconds"].get(part), ".1f") for metrics in runs)]
             for part in facts.metrics["seconds"]]
    header = ["quantity", "this run", "all fields"][:1 + len(runs)]
    return Table("Size and speed", header, rows)


def _curves(facts: Facts) -> list:
    history, tasks = facts.history, facts.selection.tasks
    if not history:
        return [Text("history.jsonl has no epoch.")]
    shown = {task: names_of(history[0]["valid"][task]) for task in tasks}
    rows = [[count(record["epoch"]), number(record["train_loss"]),
             *(number(record["valid"][task][key]) for task in tasks for key in shown[task])]
            for record in history]
    header = ["epoch", "train loss", *(f"{task} {name}" for task in tasks for name in shown[task].values())]
    return [*pictures(curve_drawings(facts)), Table("Every epoch, on the validation split", header, rows)]


def _costs(facts: Facts) -> list:
    if not facts.costs:
        command = ["report.py", "--run_dir", str(facts.path)]
        if not keeps_all(facts.selection) and not facts.all_fields:
            command += ["--all_fields", "RUN_WITH_ALL_FIELDS"]
        return [Text("Not computed yet; it takes one pass over the validation split per dropped field, on a model of "
                     "all fields:"), _command(command)]
    costs, tasks = facts.costs, facts.selection.tasks
    changes = {name: [minus(costs["without"][name][task], costs["auc"][task]) for task in tasks]
               for name in dropped_fields(facts.selection) if name in costs["without"]}
    if not changes:
        return [Text("No task drops a field.")]
    aucs = ", ".join(f"{task} {number(costs['auc'][task]).text}" for task in tasks)
    what = "AUC (XAUC of a number)" if any(facts.schema.scales) else "AUC"
    words = (f"Change of the {what} on the {costs['split']} split when the field's mask is set to 0 in the model of "
             f"run {costs['all_fields']} (all fields: {aucs}). Nothing is trained again, so this is what that model "
             "loses; a model trained without the field may lose less. The stronger the colour, the larger the loss.")
    ticks = "" if keeps_all(facts.selection) else " ✓: this task keeps the field."
    return [Text(words + ticks),
            Table("Change of AUC without the field", ["field", *tasks], _cost_rows(facts, changes))]


def _cost_rows(facts: Facts, changes: Mapping[str, list]) -> list:
    """One row a field, the costliest first."""
    known = [change for row in changes.values() for change in row if change is not None]
    errors, worst, rows = facts.costs.get("error", {}), -min(known, default=0.0), []
    for name in sorted(changes, key=lambda name: sum(change or 0 for change in changes[name])):
        cells = []
        for task, change in zip(facts.selection.tasks, changes[name]):
            heat = round(9 * max(0.0, -change) / worst) if change is not None and worst > 0 else None
            cell = number(change, "+.4f", heat, errors.get(name, {}).get(task))
            if name in facts.selection.selected[task] and not keeps_all(facts.selection):
                cell = cell._replace(text=f"✓ {cell.text}", bold=True)
            cells.append(cell)
        rows.append([name, *cells])
    return rows


def _data(facts: Facts) -> list:
    schema, selection = facts.schema, facts.selection
    rows = [["rows", *(count(schema.rows[split]) for split in SPLITS)]]
    for task in schema.tasks:
        if task.partial:
            rows.append([f"rows with a label of {task.name}", *(count(task.known.get(split)) for split in SPLITS)])
        if task.scale is None:
            rows.append([f"positive rate of {task.name}",
                         *(number(task.positive_rate.get(split)) for split in SPLITS)])
        else:
            rows += [[f"{what} of {task.name} on train", number(value, ".6g"), "–", "–"]
                     for what, value in (("mean", task.scale.mean), ("standard deviation", task.scale.std))]
    fields, header = [], ["field", "cardinality", "kind", "made from", "tasks that keep it"]
    for item in schema.fields:
        keep = sum(item.name in selection.selected[task] for task in selection.tasks)
        fields.append([item.name, count(item.cardinality), item.kind, ", ".join(item.source), count(keep)])
        if facts.values:
            found = facts.values[item.name]
            fields[-1] += [number(found.missing, ".1%"), ", ".join(f"{name}: {share:.0%}" for name, share in found.top)]
    header += ["missing or rare", "most frequent in train"] if facts.values else []
    steps = [[str(step.get("step", "")), number(step.get("rows"), ",.0f")] for step in schema.steps]
    words = (f"{schema.dataset}: {len(schema.fields)} fields, {len(schema.tasks)} labels. Cardinalities count id 0, "
             "which means missing, unseen or rare.")
    return [Text(words), Table("Fields", header, fields),
            Table("Rows and labels" if any(schema.scales) else "Rows and positive rates", ["quantity", *SPLITS], rows),
            *([Table("Steps of preparation", ["step", "rows"], steps)] if steps else [])]


def _environment(facts: Facts) -> list:
    values = {key: value for key, value in facts.env.items() if key not in ("command", "packages")}
    packages = facts.env.get("packages", {})
    return [_command([str(word) for word in facts.env["command"]]),
            _pairs("Machine and versions", {**values, **packages})]


def _command(words: list[str]) -> Code:
    """A command to be started in the project's folder (where installed: in the present one), with relative paths."""
    words = [_relative(word) for word in words]
    return Code(as_started(shlex.join(["python", *words] if words and words[0].endswith(".py") else words)))


def _relative(word: str) -> str:
    """``/path`` or ``key=/path`` with the path as seen from the folder that the command is started in."""
    key, equals, value = word.rpartition("=")
    return f"{key}{equals}{os.path.relpath(value, HOME)}" if os.path.isabs(value) else word


def _pairs(caption: str, values: Mapping[str, Any]) -> Table:
    return Table(caption, ["name", "value"], [[key, _text(value)] for key, value in values.items()])


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

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
"""Finished runs next to each other: the table that ``python report.py RUN RUN ...`` prints, and a page with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..common.errors import UserError
from ..evaluation import Predictions, names_of
from ..run import RunFolder, refuse_other_data
from ..schema import Selection
from ..settings import load_settings, read_yaml
from .facts import history_of, predictions_of
from .figures import comparison_drawings, pictures
from .page import Cell, Section, Table, Text, count, number, render
from .tables import comparison_table
from .verdict import INTERVALS, Errors


class Run(NamedTuple):
    """A finished run: how its fields were chosen in words, and what its files hold."""

    label: str
    metrics: Mapping[str, Any]
    selection: Selection
    history: Sequence[Mapping[str, Any]]
    predictions: Mapping[str, Predictions]

    @property
    def inputs(self) -> int:
        """How many fields any task keeps."""
        return len(set().union(*self.selection.selected.values()))


def table_of_runs(folders: Sequence[str]) -> str:
    """One row a run: fields per task, parameters, speed, AUC and log loss on test.

    Raises:
        UserError: a folder is no finished run, or the runs' tasks or data differ.
    """
    return comparison_table([(run.label, run.metrics) for run in read_runs(folders)])


def page_of_runs(folders: Sequence[str]) -> str:
    """The same as a page, with intervals, curves, and which run keeps which field.

    Raises:
        UserError: as table_of_runs.
    """
    runs = read_runs(folders)
    best = max(runs, key=lambda run: -1.0 if run.metrics["mean_auc"] is None else run.metrics["mean_auc"])
    errors = [Errors(run.predictions, best.predictions) for run in runs]
    drawn = {run.label: (run.metrics["mean_auc"], Errors.of(error.mine, "test", "auc"), run.history)
             for run, error in zip(runs, errors)}
    words = f"{INTERVALS} Change: of the mean AUC from that of the best run."
    return render(f"{len(runs)} runs", [Text(_verdict(runs, best, errors), strong=True)], [
        Section("results", "Results on the test split", [Text(words), _results(runs, best, errors)]),
        Section("pictures", "Pictures", pictures(comparison_drawings(drawn)), half=True),
        Section("fields", "Fields of every run", [_fields(runs)], half=True),
    ])


def _verdict(runs: Sequence[Run], best: Run, errors: Sequence[Errors]) -> str:
    """The best run, and the one with the fewest fields that the test rows cannot tell from it."""
    top = best.metrics["mean_auc"]
    if top is None:
        return "No run has a mean test AUC: a task has one class in the test split."
    words = f"{best.label} has the highest mean test AUC, {top:.4f}, with {best.inputs} fields."
    fewer = [(run.inputs, run.metrics["mean_auc"] - top, Errors.of(error.change, "test", "auc"), run.label)
             for run, error in zip(runs, errors) if run.inputs < best.inputs and run.metrics["mean_auc"] is not None]
    near = [found for found in fewer if found[2] is not None and -found[1] <= found[2]]
    if not near:
        known = fewer and all(error is not None for *_, error, _ in fewer)
        return f"{words} Every run with fewer fields is worse on these rows." if known else words
    inputs, change, error, label = min(near, key=lambda found: (found[0], -found[1]))
    return (f"{words} With fewer, {inputs}, {label} is as good as these rows can tell: change "
            f"{number(change, '+.4f', error=error).text}.")


def _results(runs: Sequence[Run], best: Run, errors: Sequence[Errors]) -> Table:
    tasks, rows = list(best.metrics["test"]), []
    for run, error in zip(runs, errors):
        test, mean, top = run.metrics["test"], run.metrics["mean_auc"], best.metrics["mean_auc"]
        change = None if run is best or mean is None else mean - top
        rows.append([run.label, count(run.inputs), count(run.metrics["parameters"]),
                     number(run.metrics["train_rows_per_second"], ",.0f"),
                     *(number(test[task][key]) for task in tasks for key in names_of(test[task])),
                     number(mean, error=Errors.of(error.mine, "test", "auc")),
                     number(change, "+.4f", error=Errors.of(error.change, "test", "auc"))])
    names = [f"{task} {name}" for task in tasks for name in names_of(best.metrics["test"][task]).values()]
    return Table("Runs", ["run", "fields", "parameters", "rows/s", *names, "mean AUC", "change"], rows)


def _fields(runs: Sequence[Run]) -> Table:
    """How many tasks of every run keep a field; those that most keep come first."""
    names = dict.fromkeys(name for run in runs for name in run.selection.fields)
    kept = {name: [sum(name in fields for fields in run.selection.selected.values()) for run in runs] for name in names}
    rows = [[name, *(Cell(str(tasks or ""), tasks, round(9 * tasks / len(run.selection.tasks)))
                     for tasks, run in zip(kept[name], runs))]
            for name in sorted(names, key=lambda name: -sum(kept[name]))]
    return Table("Tasks that keep the field", ["field", *(run.label for run in runs)], rows)


def read_runs(folders: Sequence[str]) -> list[Run]:
    """Finished runs of the same tasks; where two are labelled alike, all are called by their folders.

    Raises:
        UserError: a folder is no finished run, or the runs' tasks differ.
    """
    runs = [read_run(Path(word)) for word in folders]
    tasks = list(runs[0].metrics["test"])
    for word, run in zip(folders, runs):
        if list(run.metrics["test"]) != tasks:
            raise UserError(f"{word} has tasks {', '.join(run.metrics['test'])}; expected {', '.join(tasks)} as in "
                            f"{folders[0]}; compare runs with the same tasks")
    refuse_other_data([RunFolder(Path(word)) for word in folders])
    if len({run.label for run in runs}) < len(runs):
        runs = [run._replace(label=Path(word).resolve().name) for word, run in zip(folders, runs)]
    return runs


def read_run(path: Path) -> Run:
    """A finished run.

    Raises:
        UserError: the folder is no run's, or its run is not finished.
    """
    if not (path / "metrics.json").exists():
        raise UserError(f"{path} is not a finished run (it has no metrics.json); train.py makes one")
    run, settings = RunFolder(path), load_settings([], base=read_yaml(path / "config.yaml")).to_dict()
    metrics, selection = run.read_metrics(), run.read_selection()
    return Run(label_of(settings), metrics, selection, history_of(run, metrics), predictions_of(run, metrics))


def label_of(config: Mapping[str, Any]) -> str:
    """How a run's fields were chosen, in words."""
    if config["selection"] != "none":
        return f"fields of {Path(config['selection']).parent.name or config['selection']}"
    names = {"none": "all fields", "multisfs": f"MultiSFS ({config['score']})"}
    return names.get(config["selector"], config["selector"])

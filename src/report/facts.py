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
"""What a report shows, read from a finished run's folder and checked, so that the page can be made of plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

from ..common.errors import UserError
from ..evaluation import Predictions, loss_of, names_of, read_predictions, task_metrics
from ..evaluation.predictions import FILE, MOST_ROWS
from ..run import RunFolder, refuse_other_data
from ..schema import Schema, Selection
from ..settings import defaults, load_settings, read_yaml
from .values import FieldValues

COSTS = "field_costs.json"
# Two runs that agree in these and differ in their fields show what the fields do.
COMPARED = ("dataset", "backbone", "embedding_dim", "bottom_dims", "tower_dims", "experts", "dropout", "batch_size",
            "batch_per_rank", "learning_rate", "embedding_optimizer", "weight_decay", "loss_reduction", "task_weights",
            "epochs", "patience", "monitor", "seed")


@dataclass(frozen=True)
class AllFields:
    """A run with all fields, to compare another with.

    Attributes:
        path: its folder.
        metrics: its metrics.json.
        differences: settings that matter and differ: ``{name: (the run's, this one's)}``.
        predictions: by split; none where the run has no file of them.
    """

    path: Path
    metrics: Mapping[str, Any]
    differences: Mapping[str, tuple] = field(default_factory=dict)
    predictions: Mapping[str, Predictions] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """Everything a report shows of one run.

    Attributes:
        path: the run folder.
        config, env, metrics: what the files of these names hold.
        history: one record per epoch.
        all_fields: a run to compare with, or None.
        costs: what field_costs.json holds (``auc`` of every task, ``without`` every field), or None.
        predictions: as of AllFields.
        values: what the prepared set holds of every field; none where it was not looked at.
    """

    path: Path
    config: Mapping[str, Any]
    env: Mapping[str, Any]
    schema: Schema
    selection: Selection
    history: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Any]
    all_fields: AllFields | None = None
    costs: Mapping[str, Any] | None = None
    predictions: Mapping[str, Predictions] = field(default_factory=dict)
    values: Mapping[str, FieldValues] = field(default_factory=dict)


def keeps_all(selection: Selection) -> bool:
    """Whether every task keeps every field."""
    return all(len(kept) == len(selection.fields) for kept in selection.selected.values())


def dropped_fields(selection: Selection) -> list[str]:
    """The fields some task drops, in field order; of a run with all fields, all of them."""
    if keeps_all(selection):
        return list(selection.fields)
    return [name for name in selection.fields if not all(name in kept for kept in selection.selected.values())]


def read_facts(run: RunFolder, schema: Schema, all_fields: AllFields | None = None,
               metrics: Mapping[str, Any] | None = None, values: Mapping[str, FieldValues] | None = None) -> Facts:
    """Reads a finished run, or one that lacks nothing but its metrics.json, which are then given.

    Raises:
        UserError: a file is missing or damaged, or the run is not of this data set.
    """
    selection = run.read_selection()
    if set(selection.fields) != set(schema.field_names):
        raise UserError(f"{run.path} was trained with other fields than {schema.dataset} has now; prepare the data as "
                        "it was, or train again")
    schema.task_indices(selection.tasks)
    _check_selection(run, selection)
    env = run.read("env.json")
    with _damage(run.path / "env.json"):
        _need(isinstance(env["command"], list) and isinstance(env.get("packages", {}), dict))
    metrics = metrics or read_metrics(run, selection.tasks)
    return Facts(run.path, read_yaml(run.path / "config.yaml"), env, schema, selection, history_of(run, metrics),
                 metrics, all_fields, _read_costs(run, selection.tasks), predictions_of(run, metrics), values or {})


def _check_selection(run: RunFolder, selection: Selection) -> None:
    with _damage(run.path / "selection.json"):
        scores = [*(selection.scores or {}).values()]
        _need(all(_is_number(score) for entry in scores for score in entry.values()))
        _need(all(len(matrix) == len(selection.tasks) for matrix in (selection.relations or {}).values())
              or _reuses(run))


def _read_costs(run: RunFolder, tasks: Sequence[str]) -> Mapping[str, Any] | None:
    """What field_costs.json holds, or None where there is none."""
    if not (run.path / COSTS).exists():
        return None
    costs = run.read(COSTS)
    with _damage(run.path / COSTS, "delete it, and start report.py again"):
        _need(all(_is_value(entry[task]) for entry in (costs["auc"], *costs["without"].values()) for task in tasks))
        _need(all(_is_value(entry[task]) for entry in costs.get("error", {}).values() for task in tasks))
        _need(isinstance(costs["all_fields"], str) and isinstance(costs["split"], str))
    return costs


def read_metrics(run: RunFolder, tasks: Sequence[str]) -> Mapping[str, Any]:
    """A run's metrics.json, with all that a report shows of it.

    Raises:
        UserError: the run is not finished, or the file is damaged.
    """
    if not run.finished:
        raise UserError(f"{run.path} has no metrics.json: the run is not finished; start train.py again as it was")
    metrics = run.read("metrics.json")
    with _damage(run.path / "metrics.json"):
        _need(all(_measured(metrics[split], tasks) for split in ("valid", "test")))
        _need(all(_is_value(metrics[key]) for key in ("mean_auc", "parameters", "best_epoch", "epochs")))
        _need(all(_is_value(value) for value in metrics["seconds"].values()))
        _need(all(_is_value(value) for split in metrics.get("details", {}).values() for entry in split.values()
                  for value in entry.values()))
        theirs = metrics.get("run")
    run.check_origin(theirs, run.path / "metrics.json")
    return metrics


def history_of(run: RunFolder, metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The run's history, one record an epoch.

    Raises:
        UserError: the file is damaged, or its best epoch is not that of metrics.json.
    """
    history, path = run.read_history(), run.path / "history.jsonl"
    with _damage(path):
        _need(all(_is_number(record["train_loss"]) and _measured(record["valid"], list(metrics["valid"]))
                  and isinstance(record["epoch"], int) for record in history))
    best = [record["valid"] for record in history if record["epoch"] == metrics["best_epoch"]]
    if len(history) != metrics["epochs"] or not best or _largest_difference(best[0], metrics["valid"]) > 1e-4:
        raise UserError(f"{path} is that of another run: its best epoch is not that of metrics.json; restore it")
    return history


def _largest_difference(one: Mapping[str, Mapping], other: Mapping[str, Mapping]) -> float:
    """Of the losses of two evaluations, task by task, where both are known."""
    pairs = [(loss_of(one[task]), loss_of(other[task])) for task in other]
    return max((abs(a - b) for a, b in pairs if None not in (a, b)), default=0.0)


def predictions_of(run: RunFolder, metrics: Mapping[str, Any]) -> dict[str, Predictions]:
    """The run's predictions by split, none where it has no file of them.

    Raises:
        UserError: the file is damaged, or its log loss is not the run's.
    """
    kept = read_predictions(run.path, list(metrics["test"]))
    for split, predictions in kept.items():
        if len(predictions.labels) < MOST_ROWS:  # else it may be a sample
            entries = task_metrics(*predictions.arrays, list(metrics[split]), split, predictions.scales)
            for task, entry in entries.items():
                found, expected = loss_of(entry), loss_of(metrics[split][task])
                if None not in (expected, found) and abs(expected - found) > 1e-4:
                    what = "log loss" if "logloss" in entry else "loss"
                    raise UserError(f"{run.path / FILE} is not of this run: its {what} of {task} on {split} is "
                                    f"{found:.6f}, that of metrics.json {expected:.6f}; delete it, and start "
                                    "report.py again")
    return kept


def find_all_fields(run: RunFolder) -> AllFields | None:
    """A finished run with all fields and otherwise the same settings, in the same output folder.

    Other runs whose files cannot be read are skipped.
    """
    for path in sorted(run.path.parent.glob("*/metrics.json")):
        try:
            config = read_yaml(path.parent / "config.yaml")
            if path.parent != run.path and config.get("selector") == config.get("selection") == "none":
                found = compare_with(run, RunFolder(path.parent))
                if not found.differences:
                    return found
        except UserError:
            continue
    return None


def compare_with(run: RunFolder, other: RunFolder) -> AllFields:
    """Takes ``other`` as the run to compare ``run`` with.

    Raises:
        UserError: it is no finished run with all fields, or is of other tasks or fields.
    """
    mine, theirs = run.read_selection(), other.read_selection()
    if not keeps_all(theirs):
        raise UserError(f"{other.path} does not keep all fields; give a run of train.py --selector none")
    if mine.tasks != theirs.tasks or set(mine.fields) != set(theirs.fields):
        raise UserError(f"{other.path} has other tasks or fields than {run.path}; give a run of the same data set and "
                        "tasks")
    refuse_other_data([run, other])
    configs = [read_yaml(folder.path / "config.yaml") for folder in (run, other)]
    values = [{name: {**defaults(), **config}.get(name) for name in COMPARED} for config in configs]
    if not (run.data_fingerprint and other.data_fingerprint):  # made by an earlier version
        with _damage(other.path / "config.yaml"):
            for config, value in zip(configs, values):
                value["data_dir"] = str(load_settings([], base=config).data_path.resolve())
    differences = {name: (value, values[1][name]) for name, value in values[0].items() if value != values[1][name]}
    metrics = read_metrics(other, theirs.tasks)
    return AllFields(other.path, metrics, differences, predictions_of(other, metrics))


class _damage:  # noqa: N801 reads as a statement
    """Turns what a file of the wrong form raises into one line that names the file."""

    def __init__(self, path: Path, remedy: str = "train again, or restore it"):
        self.path, self.remedy = path, remedy

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, _trace) -> None:
        if isinstance(error, (KeyError, TypeError, ValueError, AttributeError, IndexError)):
            raise UserError(f"{self.path} is damaged: {kind.__name__} {error}; {self.remedy}") from None


def _need(holds: bool) -> None:
    if not holds:
        raise ValueError("a value has the wrong form")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_value(value: Any) -> bool:
    return value is None or _is_number(value)


def _measured(metrics: Mapping[str, Mapping], tasks: Sequence[str]) -> bool:
    return all(_is_value(metrics[task][key]) for task in tasks for key in names_of(metrics[task]))


def _reuses(run: RunFolder) -> bool:
    return read_yaml(run.path / "config.yaml").get("selection") != "none"

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
"""One run, from its settings to metrics.json, and back from the folder of a finished one to its model."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import mindspore as ms

from .common.errors import UserError
from .common.processes import run_apart
from .data import PreparedData, prepare
from .evaluation import Predictions, mean_auc, task_details, write_predictions
from .evaluation.metrics import check_monitor
from .models import InputPlan, LearnedMaskModel, MultiTaskModel, build_model, plan_inputs
from .origin import selection_hash
from .report import field_values, selection_table, write_report
from .run import RunFolder
from .schema import Selection
from .selection import read_given_selection, select_fields, with_masks
from .settings import Settings, load_settings, read_yaml
from .training import (
    Ranks,
    Tracking,
    Trainer,
    choose_device,
    choose_precision,
    fast_instructions,
    in_float16,
    load_checkpoint,
    predict_logits,
    restore,
    set_products,
    tracking,
    training_summary,
)

LOG = logging.getLogger(__name__)


def open_data(config: Settings) -> PreparedData:
    """Opens the prepared data set; MovieLens, which can be fetched, is prepared first where it is missing.

    Raises:
        UserError: there is no prepared set, it is damaged, or it is that of another data set.
    """
    if config.dataset == "movielens" and config.data_dir == "auto" and not config.data_path.exists():
        LOG.info("preparing MovieLens-100K in %s", config.data_path)
        prepare("movielens", None, config.data_path)
    return PreparedData.open(config.data_path, verify=config.verify_data)


def choose_tasks(data: PreparedData, config: Settings) -> list[str]:
    """The tasks to train, checked against the data set and the monitor.

    Raises:
        UserError: a task is unknown, has one class or number in the train split, or the monitor is no metric of theirs.
    """
    tasks = config.task_list or data.schema.task_names
    for index in data.schema.task_indices(tasks):
        task = data.schema.tasks[index]
        if task.partial and not task.known["train"]:
            raise UserError(f"task {task.name} has no label in the train split; name other tasks than "
                            f"{', '.join(tasks)}")
        if task.scale is not None and not task.scale.std:
            raise UserError(f"task {task.name} has no two different numbers in the train split; name other tasks than "
                            f"{', '.join(tasks)}")
        if task.positive_rate.get("train") in (0, 1):
            raise UserError(f"task {task.name} has one class in the train split (positive rate "
                            f"{task.positive_rate['train']}); name other tasks than {', '.join(tasks)}")
    check_monitor(config.monitor, tasks, {task.name: task.positive_rate["valid"] for task in data.schema.tasks
                                          if "valid" in task.positive_rate})
    return tasks


def select_and_train(run: RunFolder, data: PreparedData, tasks: Sequence[str], config: Settings, device: str,
                     ranks: Ranks | None = None) -> None:
    """Makes a run: selects fields, trains the network of those fields, tests it; all is written to the run's folder.

    A run that was interrupted continues: its selection is read, its training starts from the last checkpoint.

    Args:
        run: the run's folder, not finished.
        data: the prepared data set.
        tasks: task names, in the order of the network's outputs.
        config: the run's settings; ``check_request`` has accepted them.
        device: what ``choose_device`` or ``join_ranks`` returned.
        ranks: the processes of a distributed run.

    Raises:
        UserError: a file of the run is damaged, the loss is not finite, the monitor cannot be computed, or a tracker
            does not start.
        Interrupted: SIGTERM or SIGINT came; last.ckpt has been written.
    """
    ranks, precision = ranks or Ranks(), choose_precision(config, device)
    run.write_environment(device, ranks.size, precision)
    ms.set_seed(config.seed)
    with tracking(config.trackers if run.writes else [], run.path.name, config.to_dict(), run.path) as trackers:
        _select_and_train(run, data, tasks, config, device, precision, ranks, trackers)


def _select_and_train(run: RunFolder, data: PreparedData, tasks: Sequence[str], config: Settings, device: str,
                      precision: str, ranks: Ranks, trackers: Tracking) -> None:
    selection, select_seconds = _selection_of(run, data, tasks, config, precision)
    if device == "CPU":
        set_products(precision)
    LOG.info("matrix products are %s", precision)
    config = config.replace(precision=precision)  # what auto has come to
    LOG.info("%s on %s keeps\n%s", selection.selector, data.schema.dataset, selection_table(selection))

    plan = plan_inputs(config.backbone, data.schema, tasks, selection)
    model = build_model(plan, len(tasks), config, ranks.size)
    if precision == "float16":
        in_float16(model)
    trainer = Trainer(model, plan, data, tasks, config, run, ranks, trackers)
    trainer.fit()
    if config.end_to_end:
        run.write("selection.json", with_masks(selection, model.mask().asnumpy()).to_json())

    began = time.perf_counter()
    predictions = {split: trainer.predict(split) for split in ("valid", "test")}
    valid, test = (trainer.measure(predictions[split], split) for split in predictions)
    metrics = {
        "valid": valid, "test": test, "mean_auc": mean_auc(test), **training_summary(trainer),
        "details": {split: task_details(*found.arrays, tasks, data.groups(split), found.scales)
                    for split, found in predictions.items()},
        "input_fields": selection.k, "device": device, "precision": precision, "seed": config.seed,
        "seconds": {"select": select_seconds["total"], "train": trainer.state["train_seconds"],
                    "eval": time.perf_counter() - began, "compile": trainer.state["compile_seconds"]},
    }
    if run.writes:
        write_predictions(run.path, predictions)
        if config.report:
            write_report(run, data.schema, metrics=metrics, values=field_values(data))
        trackers.test(metrics["best_epoch"],
                      {task: {**test[task], **metrics["details"]["test"][task]} for task in tasks})
    run.write_metrics(metrics)  # last: with it the run is finished


def _selection_of(run: RunFolder, data: PreparedData, tasks: Sequence[str], config: Settings,
                  precision: str = "float32") -> tuple:
    """The run's selection and its seconds: read back when an earlier, interrupted process has made it.

    Of the ranks of a distributed run the first selects and the others read its file: a selection takes seconds, and
    so it is the same on all of them, and the same as that of one process, to the byte. Masks that are learned
    ``end_to_end`` are written once, when they are learned; until then there is no selection.json.

    A selection is made in float32 whatever the run's precision is. On the CPU a process has one precision for good, so
    that for a run in bf16 it is made by a process of its own.
    """
    if precision == "bf16" and run.writes and not config.end_to_end and config.selector != "none" and not (
            run.path / "selection.json").exists():
        run_apart("make_selection", run.path)
    if not run.writes:
        run.wait_for("selection_seconds.json" if config.end_to_end else "selection.json")
        run.check_data(data)
    if (run.path / "selection.json").exists() and not config.end_to_end:
        return read_selection(run, config, data), run.read_selection_seconds()
    selection, seconds = select_fields(data, tasks, config)
    run.write("selection_seconds.json", seconds)  # apart, so that one seed gives one selection.json
    if not config.end_to_end:
        run.write("selection.json", selection.to_json())
    return selection, seconds


def make_selection(folder: str) -> None:
    """Makes the selection of the run in ``folder``, which another process has begun."""
    run, config = load_run(folder, [])
    data = open_data(config.replace(verify_data=False))
    choose_device("CPU")
    ms.set_seed(config.seed)
    _selection_of(run, data, choose_tasks(data, config), config)


def use_precision_of(run: RunFolder, device: str) -> str:
    """Computes products as the run did, for the numbers that it has; in float32 where this machine cannot. Returns the
    precision; of float16 each network has to be told (``in_float16``).

    Raises:
        UserError: this process has computed products in another precision.
    """
    precision = run.precision
    here = {"float32": True, "bf16": device == "CPU" and bool(fast_instructions()), "float16": device != "CPU"}
    if not here[precision]:
        LOG.warning("%s computed products in %s, which this machine does not have: they are float32 here", run.path,
                    precision)
        precision = "float32"
    if device == "CPU":
        set_products(precision)
    return precision


def check_given(run: RunFolder, data: PreparedData, tasks: Sequence[str], config: Settings) -> None:
    """Refuses a selection file whose content is no longer what the run began with.

    Raises:
        UserError: its content has changed.
    """
    if config.selection == "none" or not (run.path / "selection.json").exists():
        return
    if selection_hash(read_given_selection(data, tasks, config)) != selection_hash(run.read_selection()):
        raise UserError(f"{run.path} began with another content of {config.selection}; restore that file, or give "
                        "another run_name")


def load_run(run_dir: str, arguments: list) -> tuple[RunFolder, Settings]:
    """A finished run's folder and settings, with some of them changed by ``arguments``.

    A data set that is not where the settings say, as when this is started in another folder than the run was, is taken
    from where the run found it.

    Raises:
        UserError: the folder is no run's.
    """
    run = RunFolder(Path(run_dir))
    if not (run.path / "config.yaml").exists():
        raise UserError(f"{run.path} is not a run folder (it has no config.yaml); train.py makes one")
    began = read_yaml(run.path / "config.yaml")
    config = load_settings(arguments, base=began)
    if config.data_dir == began.get("data_dir") and not config.data_path.exists():
        recorded = run.data_path
        if recorded is not None and recorded.exists():
            config = config.replace(data_dir=str(recorded))
    return run, config


def read_selection(run: RunFolder, config: Settings, data: PreparedData) -> Selection:
    """The selection in a run's folder.

    Raises:
        UserError: it is damaged, was made by another run, or of another data set.
    """
    selection, path = run.read_selection(), run.path / "selection.json"
    tasks = config.task_list or data.schema.task_names
    for what, found, expected in (("fields", list(selection.fields), data.schema.field_names),
                                  ("tasks", list(selection.tasks), tasks)):
        if found != expected:
            raise UserError(f"{path} is that of another run: it has {what} {', '.join(map(str, found))[:200]}; "
                            f"expected {', '.join(expected)[:200]}; restore it, or remove it to select again")
    if config.selection == "none" and selection.data not in (None, data.fingerprint):
        raise UserError(f"{path} was made of another data set than {data.path}; restore it, or remove it to select "
                        "again")
    if config.selection == "none" and (selection.seed, selection.backbone) != (config.seed, config.backbone):
        raise UserError(f"{path} is that of another run ({selection.backbone}, seed "
                        f"{selection.seed}; this one has {config.backbone}, seed {config.seed}); restore it, or remove "
                        "it to select again")
    return selection


def load_model(run: RunFolder, config: Settings,
               data: PreparedData) -> tuple[MultiTaskModel | LearnedMaskModel, InputPlan, Selection]:
    """Rebuilds a run's model with its best weights.

    Raises:
        UserError: the run was made of another data set, or its selection or checkpoint is that of another run.
    """
    run.check_data(data)
    selection = read_selection(run, config, data)
    plan = plan_inputs(config.backbone, data.schema, selection.tasks, selection)
    model = build_model(plan, len(selection.tasks), config)
    restore(model, load_checkpoint(run.path / "best.ckpt", run), str(run.path / "best.ckpt"))
    return model, plan, selection


def predict_run(run: RunFolder, config: Settings, data: PreparedData, splits: Sequence[str], precision: str = "float32",
                show: bool = False) -> tuple[Selection, dict[str, Predictions]]:
    """A run's selection, and what its best weights predict of some splits.

    Args:
        run, config, data: as for ``load_model``.
        splits: their names.
        precision: what ``use_precision_of`` returned.
        show: whether to show a progress bar.

    Raises:
        UserError: as ``load_model``.
    """
    model, plan, selection = load_model(run, config, data)
    if precision == "float16":
        in_float16(model)
    tasks, scales = data.schema.task_indices(selection.tasks), data.schema.scales_of(selection.tasks)
    found = {split: predict_logits(model, data.split(split), plan, tasks, config.batch_size, show) for split in splits}
    return selection, {split: Predictions(*arrays, scales) for split, arrays in found.items()}


def refuse_learned_masks(run: RunFolder, config: Settings) -> None:
    """For programs that take networks of selected fields only.

    Raises:
        UserError: the run was made with ``end_to_end``.
    """
    if config.end_to_end:
        raise UserError(f"{run.path} was trained with end_to_end: its masks are part of the network; expected a run of "
                        "train.py without it")

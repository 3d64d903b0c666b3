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
"""Steps that several programs share: logging, opening the data, rebuilding a finished run's model."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from .data import PreparedData, prepare
from .errors import UserError
from .evaluation.metrics import check_monitor
from .models import InputPlan, LearnedMaskModel, MultiTaskModel, build_model, plan_inputs
from .run import RunFolder
from .schema import Selection
from .settings import Settings, load_settings, read_yaml
from .training import load_checkpoint, restore

LOG = logging.getLogger(__name__)


def start_logging() -> None:
    """Sends the project's messages to standard error, one line each."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


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
        UserError: a task is unknown, has one class in the train split, or the monitor is no metric of theirs.
    """
    tasks = config.task_list or data.schema.task_names
    for index in data.schema.task_indices(tasks):
        task = data.schema.tasks[index]
        if task.positive_rate.get("train") in (0, 1):
            raise UserError(f"task {task.name} has one class in the train split (positive rate "
                            f"{task.positive_rate['train']}); name other tasks than {', '.join(tasks)}")
    check_monitor(config.monitor, tasks, {task.name: task.positive_rate["valid"] for task in data.schema.tasks
                                          if "valid" in task.positive_rate})
    return tasks


def load_run(run_dir: str, arguments: list) -> tuple[RunFolder, Settings]:
    """A finished run's folder and settings, with some of them changed by ``arguments``.

    Raises:
        UserError: the folder is no run's.
    """
    run = RunFolder(Path(run_dir))
    if not (run.path / "config.yaml").exists():
        raise UserError(f"{run.path} is not a run folder (it has no config.yaml); train.py makes one")
    return run, load_settings(arguments, base=read_yaml(run.path / "config.yaml"))


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


def refuse_learned_masks(run: RunFolder, config: Settings) -> None:
    """For programs that take networks of selected fields only.

    Raises:
        UserError: the run was made with ``end_to_end``.
    """
    if config.end_to_end:
        raise UserError(f"{run.path} was trained with end_to_end: its masks are part of the network; expected a run of "
                        "train.py without it")


def take_option(arguments: list, name: str, default: Any = None) -> Any:
    """Removes ``--name VALUE`` (or ``name=VALUE``) from ``arguments`` and returns the value.

    Raises:
        UserError: the option has no value, or is missing and has no default.
    """
    for i, word in enumerate(arguments):
        if word.startswith((f"--{name}=", f"{name}=")):
            return arguments.pop(i).split("=", 1)[1]
        if word == f"--{name}":
            if i + 1 == len(arguments):
                raise UserError(f"--{name} needs a value")
            arguments.pop(i)
            return arguments.pop(i)
    if default is None:
        raise UserError(f"--{name} is missing; give --{name} VALUE")
    return default

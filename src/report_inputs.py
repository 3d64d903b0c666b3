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
"""What the report of a finished run shows and the run has not written: what dropped fields cost, its predictions."""

from __future__ import annotations

import logging
import math
import time

from .common.errors import UserError
from .common.files import sha256
from .evaluation import write_predictions
from .evaluation.predictions import FILE
from .report.facts import COSTS, dropped_fields
from .run import RunFolder
from .selection.field_costs import aucs_without
from .settings import Settings
from .training import choose_device
from .workflow import load_model, load_run, predict_run

LOG = logging.getLogger(__name__)
SPLIT = "valid"  # the numbers invite a choice of fields, so the test split stays out of it


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
    _, found = predict_run(run, load_run(str(run.path), [])[1], data, ("valid", "test"))
    write_predictions(run.path, found)


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

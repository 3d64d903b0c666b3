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
"""Select fields, train a multi-task model on them, test it.

    python train.py                                # MovieLens-100K, MMoE, half of the fields
    python train.py --selector none                # all fields
    python train.py --dataset adult --backbone ple --keep_ratio 0.3 --seed 1
    python train.py --help                         # every setting
"""

from __future__ import annotations

import json
import logging
import time

import mindspore as ms

from src.errors import UserError, run_program
from src.evaluation import mean_auc, task_metrics, write_predictions
from src.models import build_model, plan_inputs
from src.origin import selection_hash
from src.programs import choose_tasks, open_data, read_selection, start_logging
from src.report import comparison_table, field_values, selection_table, write_report
from src.run import RunFolder
from src.selection import check_request, read_given_selection, select_fields, with_masks
from src.settings import Settings, load_settings
from src.training import Trainer, join_ranks, training_summary

LOG = logging.getLogger("train")


def main(arguments: list) -> None:
    """The whole story of one run."""
    start_logging()
    config = load_settings(arguments)
    device, ranks = join_ranks(config.device_target, config.device_id)
    data = open_data(config)
    tasks = choose_tasks(data, config)
    check_request(data, tasks, config)

    run = RunFolder.create(config, data) if ranks.first else RunFolder.join(config)
    check_given(run, data, tasks, config)
    if run.finished:
        LOG.info("%s is finished; name another run_name to train again", run.path)
        show(run)
        return
    run.log_to_file()
    run.write_environment(device, ranks.size)
    ms.set_seed(config.seed)

    selection, select_seconds = selection_of(run, data, tasks, config)
    LOG.info("%s on %s keeps\n%s", selection.selector, data.schema.dataset, selection_table(selection))

    plan = plan_inputs(config.backbone, data.schema, tasks, selection)
    model = build_model(plan, len(tasks), config, ranks.size)
    trainer = Trainer(model, plan, data, tasks, config, run, ranks)
    trainer.fit()
    if config.end_to_end:
        run.write("selection.json", with_masks(selection, model.mask().asnumpy()).to_json())

    began = time.perf_counter()
    predictions = {split: trainer.predict(split) for split in ("valid", "test")}
    valid, test = (task_metrics(*predictions[split], tasks, split) for split in predictions)
    metrics = {
        "valid": valid, "test": test, "mean_auc": mean_auc(test), **training_summary(trainer),
        "input_fields": selection.k, "device": device, "seed": config.seed,
        "seconds": {"select": select_seconds["total"], "train": trainer.state["train_seconds"],
                    "eval": time.perf_counter() - began, "compile": trainer.state["compile_seconds"]},
    }
    if run.writes:
        write_predictions(run.path, predictions)
        write_report(run, data.schema, metrics=metrics, values=field_values(data))
    run.write_metrics(metrics)  # last: with it the run is finished
    if run.writes:
        show(run)


def check_given(run: RunFolder, data, tasks: list, config: Settings) -> None:
    """Refuses a selection file whose content is no longer what the run began with.

    Raises:
        UserError: so.
    """
    if config.selection == "none" or not (run.path / "selection.json").exists():
        return
    if selection_hash(read_given_selection(data, tasks, config)) != selection_hash(run.read_selection()):
        raise UserError(f"{run.path} began with another content of {config.selection}; restore that file, or give "
                        "another run_name")


def selection_of(run: RunFolder, data, tasks: list, config) -> tuple:
    """The run's selection and its seconds: read back when an earlier, interrupted process has made it.

    Of the ranks of a distributed run the first selects and the others read its file: a selection takes seconds, and
    so it is the same on all of them, and the same as that of one process, to the byte. Masks that are learned
    ``end_to_end`` are written by ``main``, once, when they are learned; until then there is no selection.json.
    """
    if not run.writes:
        run.wait_for("selection_seconds.json" if config.end_to_end else "selection.json")
        run.check_data(data)
    if (run.path / "selection.json").exists() and not config.end_to_end:
        return read_selection(run, config, data), run.read("selection_seconds.json")
    selection, seconds = select_fields(data, tasks, config)
    run.write("selection_seconds.json", seconds)  # apart, so that one seed gives one selection.json
    if not config.end_to_end:
        run.write("selection.json", selection.to_json())
    return selection, seconds


def show(run: RunFolder) -> None:
    """Prints what the run came to."""
    metrics = run.read_metrics()
    for index, (task, entry) in enumerate(metrics["test"].items()):
        auc, logloss = json.dumps(entry["auc"]), json.dumps(entry["logloss"])
        LOG.info("task %d, AUC %s, Log-loss %s (%s)", index, auc, logloss, task)
    print(comparison_table([(run.path.name, metrics)]))
    print(f"run folder: {run.path}")


if __name__ == "__main__":
    run_program(main)

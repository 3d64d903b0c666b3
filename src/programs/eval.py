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
"""Evaluate a finished run: the numbers of its metrics.json, from its best checkpoint.

    python eval.py --run_dir outputs/movielens-mmoe-multisfs-calibrated-42 [--split test]
    python eval.py --run_dir outputs/RUN --against outputs/OTHER      # and the change from another run, with intervals
    python eval.py --run_dir outputs/RUN --bootstrap 1000             # intervals of all metrics
"""

from __future__ import annotations

import json

from ..command_line import parse, start_logging
from ..common.errors import UserError
from ..common.option import Option
from ..schema import SPLITS

OPTIONS = (
    Option("run_dir", help="folder of a finished run", kind="path", required=True),
    Option("split", "test", "part of the data to evaluate on", choices=SPLITS),
    Option("bootstrap", 0, "draws of the split's rows, or of its groups where the data set names them, for 95 % "
           "intervals of all metrics; 1000 are plenty", "whole", limits={"min": 0, "max": 100_000}),
    Option("against", "", "folder of another run, to print the change from", "path"),
)


def main(arguments: list) -> None:
    """Prints one JSON object: metrics per task, the mean AUC, and where asked for the change from another run."""
    given = parse(arguments, __doc__, OPTIONS, settings=True)
    from ..evaluation import bootstrap_intervals, change, mean_auc, task_details, task_metrics
    from ..run import refuse_other_data
    from ..training import choose_device
    from ..workflow import load_run, open_data, use_precision_of

    start_logging()
    run, config = load_run(given.run_dir, given.settings)
    other, other_config = load_run(given.against, []) if given.against else (run, config)
    refuse_other_data([run, other])
    data = open_data(config)
    precision = use_precision_of(run, choose_device(config.device_target, config.device_id))
    tasks, found = predict(run, config, data, given.split, precision)
    groups = data.groups(given.split)
    metrics = task_metrics(*found.arrays, tasks, given.split, found.scales)
    result = {given.split: metrics, "mean_auc": mean_auc(metrics),
              "details": task_details(*found.arrays, tasks, groups, found.scales)}
    drawn = {"draws": given.bootstrap, "of": data.schema.group.column if groups is not None else "rows"}
    if given.bootstrap:
        result["intervals"] = {**drawn, **bootstrap_intervals(found, tasks, groups, given.bootstrap)}
    if given.against:
        other_tasks, theirs = predict(other, other_config, data, given.split, precision)
        if other_tasks != tasks:
            raise UserError(f"{other.path} has tasks {', '.join(other_tasks)}; expected {', '.join(tasks)} as in "
                            f"{run.path}")
        result["change"] = {"from": other.path.name, **change(found, theirs, tasks)}
        if given.bootstrap:
            result["change"]["intervals"] = {**drawn, **bootstrap_intervals(found, tasks, groups, given.bootstrap,
                                                                            theirs=theirs)}
    print(json.dumps(result, indent=2))


def predict(run, config, data, split: str, precision: str) -> tuple:
    """The run's tasks, and the Predictions of its best weights for a split."""
    from ..workflow import predict_run

    selection, found = predict_run(run, config, data, [split], precision, config.progress)
    return list(selection.tasks), found[split]

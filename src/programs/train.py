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

from ..command_line import parse, start_logging
from ..run import RunFolder
from ..settings import load_settings

LOG = logging.getLogger("train")


def main(arguments: list) -> None:
    """Selects, trains and tests: one run."""
    given = parse(arguments, __doc__, settings=True)
    from ..selection import check_request  # only now: MindSpore takes seconds to load, and --help needs none of it
    from ..training import join_ranks
    from ..workflow import check_given, choose_tasks, open_data, select_and_train

    start_logging()
    config = load_settings(given.settings)
    device, ranks = join_ranks(config.device_target, config.device_id)
    data = open_data(config)
    tasks = choose_tasks(data, config)
    check_request(data, tasks, config)

    run = RunFolder.create(config, data) if ranks.first else RunFolder.join(config)
    check_given(run, data, tasks, config)
    if run.finished:
        LOG.info("%s is finished; name another run_name to train again", run.path)
    else:
        run.log_to_file()
        select_and_train(run, data, tasks, config, device, ranks)
    if run.writes:
        show(run)


def show(run: RunFolder) -> None:
    """Prints the run's result."""
    from ..evaluation import names_of
    from ..report import comparison_table

    metrics = run.read_metrics()
    for index, (task, entry) in enumerate(metrics["test"].items()):
        names = {"auc": "AUC", "logloss": "Log-loss"} if "logloss" in entry else names_of(entry)
        shown = ", ".join(f"{name} {json.dumps(entry[key])}" for key, name in names.items())
        LOG.info("task %d, %s (%s)", index, shown, task)
    print(comparison_table([(run.path.name, metrics)]))
    print(f"run folder: {run.path}")

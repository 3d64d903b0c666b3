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
"""

from __future__ import annotations

import json

from src.command_line import parse, start_logging
from src.errors import run_program
from src.option import Option
from src.schema import SPLITS

OPTIONS = (
    Option("run_dir", help="folder of a finished run", kind="path", required=True),
    Option("split", "test", "part of the data to evaluate on", choices=SPLITS),
)


def main(arguments: list) -> None:
    """Prints one JSON object: AUC and log loss per task, and the mean AUC."""
    given = parse(arguments, __doc__, OPTIONS, settings=True)
    from src.evaluation import mean_auc, task_metrics
    from src.training import choose_device, predict_logits
    from src.workflow import load_model, load_run, open_data

    start_logging()
    run, config = load_run(given.run_dir, given.settings)
    data = open_data(config)
    choose_device(config.device_target, config.device_id)
    model, plan, selection = load_model(run, config, data)
    logits, labels = predict_logits(model, data.split(given.split), plan, data.schema.task_indices(selection.tasks),
                                    config.batch_size, config.progress)
    metrics = task_metrics(logits, labels, selection.tasks, given.split)
    print(json.dumps({given.split: metrics, "mean_auc": mean_auc(metrics)}, indent=2))


if __name__ == "__main__":
    run_program(main)

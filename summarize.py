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
"""Print one table of finished runs: fields per task, parameters, speed, AUC and log loss on test.

    python summarize.py outputs/movielens-mmoe-none-42 outputs/movielens-mmoe-multisfs-calibrated-42
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.config import load_config, read_yaml
from src.errors import UserError, run_program
from src.reporting import comparison_table
from src.runs import RunFolder


def main(arguments: list[str]) -> None:
    """Reads the run folders named and prints their table.

    Raises:
        UserError: no folder is named, one is no finished run, or their tasks differ.
    """
    if not arguments or any(word.startswith("-") for word in arguments):
        raise UserError("python summarize.py takes run folders: python summarize.py RUN_DIR [RUN_DIR ...]")
    runs = [read_run(Path(word)) for word in arguments]
    tasks = list(runs[0][1]["test"])
    for word, (_, metrics) in zip(arguments, runs):
        if list(metrics["test"]) != tasks:
            raise UserError(f"{word} has tasks {', '.join(metrics['test'])}; expected {', '.join(tasks)} as in "
                            f"{arguments[0]}; compare runs with the same tasks")
    labels = [label for label, _ in runs]
    if len(set(labels)) < len(labels):
        labels = [Path(word).resolve().name for word in arguments]
    print(comparison_table([(label, metrics) for label, (_, metrics) in zip(labels, runs)]))


def read_run(path: Path) -> tuple[str, Mapping[str, Any]]:
    """The label and the metrics of a finished run.

    Raises:
        UserError: the folder is no run's, or its run is not finished.
    """
    if not (path / "metrics.json").exists():
        raise UserError(f"{path} is not a finished run (it has no metrics.json); train.py makes one")
    return label_of(load_config([], base=read_yaml(path / "config.yaml")).to_dict()), RunFolder(path).read_metrics()


def label_of(config: Mapping[str, Any]) -> str:
    """How a run's fields were chosen, in words."""
    if config["selection"] != "none":
        return f"fields of {Path(config['selection']).parent.name or config['selection']}"
    names = {"none": "all fields", "multisfs": f"MultiSFS ({config['score']})"}
    return names.get(config["selector"], config["selector"])


if __name__ == "__main__":
    run_program(main)

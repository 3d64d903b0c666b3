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
"""One table of finished runs: what ``python report.py RUN_DIR RUN_DIR ...`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..run import RunFolder, refuse_other_data
from ..settings import load_settings, read_yaml
from .tables import comparison_table


def table_of_runs(folders: Sequence[str]) -> str:
    """One row a run: fields per task, parameters, speed, AUC and log loss on test.

    Raises:
        UserError: a folder is no finished run, or the runs' tasks or data differ.
    """
    runs = [read_run(Path(word)) for word in folders]
    tasks = list(runs[0][1]["test"])
    for word, (_, metrics) in zip(folders, runs):
        if list(metrics["test"]) != tasks:
            raise UserError(f"{word} has tasks {', '.join(metrics['test'])}; expected {', '.join(tasks)} as in "
                            f"{folders[0]}; compare runs with the same tasks")
    refuse_other_data([RunFolder(Path(word)) for word in folders])
    labels = [label for label, _ in runs]
    if len(set(labels)) < len(labels):
        labels = [Path(word).resolve().name for word in folders]
    return comparison_table([(label, metrics) for label, (_, metrics) in zip(labels, runs)])


def read_run(path: Path) -> tuple[str, Mapping[str, Any]]:
    """The label and the metrics of a finished run.

    Raises:
        UserError: the folder is no run's, or its run is not finished.
    """
    if not (path / "metrics.json").exists():
        raise UserError(f"{path} is not a finished run (it has no metrics.json); train.py makes one")
    return label_of(load_settings([], base=read_yaml(path / "config.yaml")).to_dict()), RunFolder(path).read_metrics()


def label_of(config: Mapping[str, Any]) -> str:
    """How a run's fields were chosen, in words."""
    if config["selection"] != "none":
        return f"fields of {Path(config['selection']).parent.name or config['selection']}"
    names = {"none": "all fields", "multisfs": f"MultiSFS ({config['score']})"}
    return names.get(config["selector"], config["selector"])

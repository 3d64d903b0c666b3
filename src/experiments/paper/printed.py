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
"""The numbers that the paper prints in its Tables 1, 3, 4 and 5 (paper_results.csv). No MindSpore."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from pathlib import Path

RESULTS_FILE = Path(__file__).with_name("paper_results.csv")
BACKBONES = {"single_task": "Single Task", "mmoe": "MMoE", "ple": "PLE", "esmm": "ESMM", "aitm": "AITM"}


def printed(table: str, dataset: str | None, tasks: str, backbone: str, method: str | None, metric: str) -> str:
    """The paper's cell, with its star; "" where it has none, as for every data set that is not the paper's.

    Args:
        table: its number, as "1".
        dataset: the paper's name of the data set, or None.
        tasks: task names, comma separated.
        backbone: name of a backbone.
        method: the paper's name of the method, or None.
        metric: AUC1, Logloss2, "Gain AUC1", seconds, ...
    """
    key = (table, dataset, tasks.replace(",", "+").lower(), BACKBONES.get(backbone), method, metric)
    return _cells().get(key, "")


@functools.cache
def _cells() -> Mapping[tuple, str]:
    with open(RESULTS_FILE, encoding="utf-8", newline="") as file:
        return {(row["table"], row["dataset"], row["tasks"].lower(), row["backbone"], row["method"], row["metric"]):
                row["value"] + "*" * (row["significant"] == "1") for row in csv.DictReader(file)}

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
"""Time of a training step, or of an evaluation, by operator, from MindSpore's own profiler."""

from __future__ import annotations

import csv
import tempfile
import warnings
from pathlib import Path

import mindspore as ms

from benchmarks import steps
from benchmarks.shapes import SHAPES
from src.settings import Settings

STEPS = 8


def profile(config: Settings, shape: str, evaluation: bool = False) -> list[tuple[str, float, int]]:
    """Operators of a training step, or of an evaluation of 16 batches, the longest first: name, milliseconds of all
    calls, number of calls.

    Times are summed over operators; several run at once, so the sum may be more than all takes.
    """
    split = steps.Synthetic(steps.BATCHES * config.batch_size, SHAPES[shape])
    step = (steps.our_evaluation if evaluation else steps.our_step)(config, SHAPES[shape], split)
    for _ in range(3):
        step()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profiler = ms.Profiler(output_path=folder, profile_framework=None)
        for _ in range(STEPS):
            step()
        profiler.analyse()
        path = next(Path(folder).rglob("cpu_op_type_info_0.csv"))
        with open(path, encoding="utf-8", newline="") as file:
            rows = [(row["op_type"], float(row["total_compute_time"]) / STEPS, int(row["type_occurrences"]) // STEPS)
                    for row in csv.DictReader(file)]
    return sorted(rows, key=lambda row: -row[1])

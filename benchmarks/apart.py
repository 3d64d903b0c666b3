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
"""Measurements that need a process of their own: ``python -m benchmarks.apart NAME ARGUMENT ...`` prints JSON."""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np

from benchmarks.shapes import SHAPES
from benchmarks.steps import Synthetic, our_step
from src.settings import load_settings
from src.training import choose_device

TABLES = 16  # fields of the scale suite, which share its rows


def peak_mb() -> float:
    """Peak resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(rows: str, optimizer: str) -> dict:
    """A training step with an embedding table of so many rows of 32."""
    config = load_settings(["dataset=scale", "backbone=shared_bottom", "embedding_dim=32", "dropout=0",
                          f"embedding_optimizer={optimizer}"])
    choose_device(config.device_target, config.device_id)
    cardinalities = (int(rows) // TABLES,) * TABLES
    split = Synthetic(32 * config.batch_size, cardinalities)
    before = peak_mb()
    step = our_step(config, cardinalities, split)
    for _ in range(12):  # the first steps also pay for pages of the moments that nothing touched before
        step()
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - began)
    return {"seconds": float(np.median(seconds)), "memory_mb": peak_mb() - before,
            "table_mb": int(rows) * 32 * 4 / 2 ** 20}


def network(shape: str, backbone: str, half: str) -> dict:
    """Peak memory of training with all fields or half of them."""
    config = load_settings(["dataset=scale", f"backbone={backbone}"])
    choose_device(config.device_target, config.device_id)
    split = Synthetic(4 * config.batch_size, SHAPES[shape])
    before = peak_mb()
    step = our_step(config, SHAPES[shape], split, half == "half")
    for _ in range(4):
        step()
    return {"memory_mb": peak_mb() - before}


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    print(json.dumps({"table": table, "network": network}[name](*arguments)))

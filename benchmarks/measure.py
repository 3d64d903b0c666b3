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
"""How things are measured: in turn, in one process; or, where memory counts, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.common.errors import UserError

ROUNDS, STEPS = 7, 3


def alternate(candidates: Mapping[str, Callable[[], Any]], rounds: int = ROUNDS,
              steps: int = STEPS) -> dict[str, list[float]]:
    """Seconds per call of every candidate, in rounds that take them in turn; the first call of each is not counted."""
    for step in candidates.values():
        step()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, step in candidates.items():
            began = time.perf_counter()
            for _ in range(steps):
                step()
            seconds[name].append((time.perf_counter() - began) / steps)
    return seconds


def in_turn(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[dict]]:
    """Results of every command, in rounds that take them in turn.

    A command is the name of a function of benchmarks/apart.py and its arguments. It runs in a new process, so that
    what it gives as its peak memory is its own.
    """
    results: dict[str, list[dict]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            results[name].append(_run_apart(command))
    return results


def _run_apart(command: Sequence[str]) -> dict:
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-m", "benchmarks.apart", *command], cwd=root, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"the measurement {' '.join(command)} failed: {last}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def step_rows(seconds: Mapping[str, Sequence[float]], rows: int) -> list[list[str]]:
    """Table rows: candidate, median and range in milliseconds, rows per second, speed against the first candidate."""
    first = np.median(next(iter(seconds.values())))
    return [[name, f"{np.median(each) * 1e3:.0f}", f"{min(each) * 1e3:.0f}-{max(each) * 1e3:.0f}",
             f"{rows / np.median(each):,.0f}", f"{first / np.median(each):.2f}"] for name, each in seconds.items()]


STEP_COLUMNS = ["candidate", "ms (median)", "range", "rows/s", "speed, first = 1"]


def median(records: Sequence[Mapping], key: str) -> float:
    """Median of one number over the rounds."""
    return float(np.median([record[key] for record in records]))

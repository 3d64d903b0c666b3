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
"""Measure side by side: every comparison takes its candidates in turn and reports medians.

    python -m benchmarks all                         # train, select, input, prepare and scale
    python -m benchmarks train --backbone mmoe       # steps: all fields, half of them, the PyTorch reference
    python -m benchmarks select                      # what selecting costs, against training and rivals
    python -m benchmarks input                       # shuffled batches from a prepared set
    python -m benchmarks prepare                     # raw logs to a prepared set
    python -m benchmarks scale                       # large embedding tables, dense and lazy; memory
    python -m benchmarks parts                       # where the time of a training step goes
    python -m benchmarks layout                      # where hidden values lie in memory
    python -m benchmarks selection                   # what every selector chooses, and what that is worth

Settings of train.py may follow as --key value; the sizes are the paper's. The train suite needs
requirements/pytorch.txt. Prints tables and writes benchmark.json; docs/PERFORMANCE.md and docs/SELECTION.md discuss
what came out.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.choices import count_option, measure_selection
from benchmarks.steps import BACKBONES, SHAPES
from benchmarks.suites import ALL, SUITES
from src.errors import UserError, nearest, run_program
from src.files import write_json
from src.programs import start_logging, take_option
from src.run import environment
from src.settings import load_settings
from src.training import choose_device


def main(arguments: list) -> None:
    """Runs one suite, or all of those that measure speed.

    Raises:
        UserError: an option is wrong, or PyTorch is missing.
    """
    start_logging()
    suite = take_option(arguments, "suite")
    if suite == "selection":
        measure_selection(arguments)
        return
    known = ["all", *SUITES, "selection"]
    if suite not in known:
        raise UserError(f"suite is {suite!r}; expected {', '.join(known)}{nearest(str(suite), known)}")
    options = _options(suite, arguments)
    config = load_settings(["dataset=kuairand_shape", *arguments])  # no preset of that name: the paper's sizes
    device = choose_device(config.device_target, config.device_id)
    found = {"suite": suite, "environment": environment(device)}
    for name in ALL if suite == "all" else [suite]:
        found[name] = SUITES[name](config, **options.get(name, {}))
        write_json(Path("benchmark.json"), found)


def _options(suite: str, arguments: list) -> dict[str, dict]:
    """What the command line says of the suites besides settings: --rows, --shape, and --backbone for one only."""
    options: dict[str, dict] = {}
    if suite in ("select", "input", "prepare") and any(str(word).lstrip("-").startswith("rows") for word in arguments):
        options[suite] = {"rows": count_option(arguments, "rows", 0)}
    if suite == "train":
        shape = take_option(arguments, "shape", "both")
        if shape not in (*SHAPES, "both"):
            raise UserError(f"shape is {shape!r}; expected {', '.join(SHAPES)} or both")
        one = any(str(word).lstrip("-").startswith("backbone") for word in arguments)
        options[suite] = {"shapes": tuple(SHAPES) if shape == "both" else (shape,),
                          "backbones": (load_settings(list(arguments)).backbone,) if one else BACKBONES}
    return options


if __name__ == "__main__":
    run_program(main)

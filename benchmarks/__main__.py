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
    python -m benchmarks operators                   # time of a step by operator, from MindSpore's profiler
    python -m benchmarks parts                       # where the time of a training step goes
    python -m benchmarks ranks                       # two processes, ours and PyTorch DDP's, and one of each
    python -m benchmarks calls                       # a graph call a step, and several steps a call
    python -m benchmarks rounding                    # AUC with products of bfloat16 factors, and of float32
    python -m benchmarks labels                      # labels of some rows: masked, or filled with 0
    python -m benchmarks selection                   # what every selector chooses, and what that is worth
    python -m benchmarks chance --sets caravan       # fields above chance where labels belong to other rows
    python -m benchmarks curves --sets adult         # AUC over the number of fields kept, for every selector
    python -m benchmarks dropped --sets movielens    # what a network loses with the fields below chance, and why

Settings of train.py may follow as --KEY VALUE; the sizes are the paper's. The suites train and ranks need
requirements/pytorch.txt. Prints tables and writes benchmark.json; docs/PERFORMANCE.md and docs/SELECTION.md discuss
the results.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from src.command_line import parse, start_logging
from src.common.environment import environment
from src.common.errors import UserError, nearest, run_program
from src.common.files import write_json
from src.common.option import Option
from src.settings import load_settings

OPTIONS = (
    Option("rows", None, "select, input, prepare, labels, selection, chance, curves: rows of simulated data; "
           "curves: at most so many of a real set", "whole", limits={"min": 1}),
    Option("shape", "both", "train, operators, ranks, calls: fields of which data set",
           choices=("kuairand", "movielens", "both")),
    Option("selectors", "fast", "selection, chance, curves: fast, trained, every, or some of them by name"),
    Option("laws", ("every",), "selection: laws of planted truth; every, nothing, or some by name", "names"),
    Option("sets", ("every",), "selection, chance, curves, dropped: data sets; every, nothing, or some of simulate, "
           "adult, adult_noise, movielens, flights, caravan and yeast", "names"),
    Option("instances", 3, "selection: data sets of every law; chance: of every set", "whole", limits={"min": 1}),
    Option("noise_fields", 0, "selection: fields without meaning, added to a law's", "whole", limits={"min": 0}),
    Option("clicked", False, "selection: labels of all tasks but a law's first are known only where that one's is 1",
           "flag"),
    Option("draws", 2, "selection, chance: seeds of a selector on each of them", "whole", limits={"min": 1}),
    Option("seeds", 3, "labels, rounding, selection, curves, dropped: seeds of training", "whole", limits={"min": 1}),
    Option("variants", ("every",), "dropped: every, none, or some of the data sets in benchmarks/selection/dropped.py",
           "names"),
    Option("picture", "outputs/selectors.png", "selection, curves: where the picture goes", "path"),
)


def main(arguments: list) -> None:
    """Runs one suite, or all of those that measure speed.

    Raises:
        UserError: an option is wrong, or PyTorch is missing.
    """
    given = parse(arguments, __doc__, OPTIONS, settings=True, words=("SUITE",))
    from benchmarks.selection.choices import (
        count_false_fields,
        explain_dropped,
        measure_field_counts,
        measure_selection,
    )
    from benchmarks.suites import ALL, SUITES
    from src.training import choose_device

    choices = {"selection": measure_selection, "chance": count_false_fields, "curves": measure_field_counts,
               "dropped": explain_dropped}
    known = ["all", *SUITES, *choices]
    suite = " ".join(given.words)
    if suite not in known:
        raise UserError(f"suite is {suite!r}; expected one of {', '.join(known)}{nearest(suite, known)}")
    start_logging()
    if suite in choices:
        choices[suite](given)
        return
    config = load_settings(["dataset=kuairand_shape", *given.settings])  # no preset of that name: the paper's sizes
    found = {"suite": suite, "environment": environment(choose_device(config.device_target, config.device_id))}
    for name in ALL if suite == "all" else [suite]:
        found[name] = SUITES[name](config, **_options(name, given))
        write_json(Path("benchmark.json"), found)


def _options(suite: str, given: SimpleNamespace) -> dict:
    """What the command line says of a suite besides settings: --rows, --shape, and --backbone for one only."""
    options: dict = {}
    if suite in ("select", "input", "prepare", "labels") and given.rows:
        options["rows"] = given.rows
    if suite in ("labels", "rounding"):
        options["seeds"] = given.seeds
    if suite in ("train", "operators", "ranks", "calls") and given.shape != "both":
        options["shapes"] = (given.shape,)
    backbone = [text.partition("=")[2] for text in given.settings if text.startswith("backbone=")]
    if suite in ("train", "ranks") and backbone:
        options["backbones"] = tuple(backbone)
    return options


if __name__ == "__main__":
    run_program(main)

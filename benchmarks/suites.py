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
"""The suites of python -m benchmarks: each measures, prints its tables, and returns what goes into benchmark.json."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import ranks as several
from benchmarks import steps
from benchmarks.measure import STEP_COLUMNS, alternate, in_turn, median, step_rows
from benchmarks.operators import profile
from benchmarks.preparing import preparing
from benchmarks.rivals import FORMS, take_turns
from benchmarks.rounding import measure_rounding, rounding_row
from benchmarks.selection import labels as partial
from benchmarks.shapes import SHAPES
from src.common.environment import processor
from src.data import PreparedData, prepare
from src.data.loader import TrainLoader
from src.data.simulation.planted import plant
from src.report import markdown_table
from src.selection import select_fields
from src.settings import Settings
from src.training import fast_instructions, set_products
from src.workflow import open_data

LOG = logging.getLogger(__name__)
EPOCH_ROWS = 764_000  # an epoch of KuaiRand-Pure's train split, about
SHORT = 6  # steps
LISTED = 12  # operators in a table


def _table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    print(f"\n{title}\n\n{markdown_table(columns, rows)}", flush=True)


def parts(config: Settings) -> dict:
    """Where the time of a training step goes: the step without one of its parts each."""
    seconds = alternate(steps.part_candidates(config))
    _table(f"Parts of a training step of {config.backbone}, kuairand shape", STEP_COLUMNS,
           step_rows(seconds, config.batch_size))
    return {"seconds": seconds}


def operators(config: Settings, shapes=tuple(SHAPES)) -> dict:
    """Time of a training step and of an evaluation by operator; with --precision bf16, with products of that."""
    set_products("bf16" if config.precision == "bf16" else "float32")
    found = {}
    for shape, evaluation in product(shapes, (False, True)):
        rows = profile(steps.sized_config(config.backbone, shape), shape, evaluation)
        others = [sum(numbers) for numbers in zip((0.0, 0), *((time, count) for _, time, count in rows[LISTED:]))]
        shown = [*rows[:LISTED], ("others", *others), ("all", sum(row[1] for row in rows), sum(row[2] for row in rows))]
        what = f"evaluation of {steps.BATCHES} batches" if evaluation else "training step"
        _table(f"Operators, {what} of {config.backbone}, {shape} shape", ["operator", "ms", "calls"],
               [[name, f"{time:.1f}", str(count)] for name, time, count in shown])
        found[f"{shape}, {what}"] = rows
    return found


def train(config: Settings, backbones=steps.BACKBONES, shapes=tuple(SHAPES)) -> dict:
    """Training and evaluation steps against PyTorch's forms, every one in a process of its own, in turn."""
    forms = [form for form in FORMS if "bf16" not in form or fast_instructions()]
    found: dict = {"processor": processor()}
    print(f"processor: {found['processor']}")
    for shape in shapes:
        for backbone in backbones:
            sized = steps.sized_config(backbone, shape)
            name = f"{backbone}, {shape} shape, batches of {sized.batch_size}"
            trained = take_turns(forms, backbone, shape, "train", 2 if shape == "kuairand" else 20, 5)
            _table(f"Training step: {name}", STEP_COLUMNS, step_rows(trained, sized.batch_size))
            tested = take_turns([form for form in forms if form != "compiled"], backbone, shape, "evaluate", 1, 3)
            _table(f"Evaluation of {steps.BATCHES} batches: {name}", STEP_COLUMNS,
                   step_rows(tested, steps.BATCHES * sized.batch_size))
            found[f"{shape} {backbone}"] = {"train": trained, "evaluate": tested}
    square, operations = steps.matrix_product()
    found["peak_flops"] = operations / np.median(alternate({"product": square})["product"])
    done = steps.products_of_a_step(steps.make_ours(config.replace(backbone="mmoe"), steps.KUAIRAND, False)[0], config)
    print(f"\nThe products of a float32 step of mmoe, kuairand shape, are {done / 1e9:.1f} GFLOP; a square product of "
          f"2,048 runs at {found['peak_flops'] / 1e9:.0f} GFLOP/s here")
    return found


def select(config: Settings, rows: int = EPOCH_ROWS) -> dict:
    """What selecting costs: seconds per part against an epoch of training, and against selectors that train."""
    config = config.replace(keep_ratio=0.5)  # scoring alone: auto trains a network besides
    data = plant("mix", 0, rows).data
    tasks = data.schema.task_names
    cardinalities = tuple(data.schema.cardinalities)
    split = steps.Synthetic(steps.BATCHES * config.batch_size, cardinalities, len(tasks))
    step = alternate({"step": steps.our_step(config, cardinalities, split)})["step"]
    epoch = float(np.median(step)) * (rows // config.batch_size)
    parts = {}
    for score in ("calibrated", "paper"):
        _, parts[score] = select_fields(data, tasks, config.replace(score=score))
    keys = sorted({key for seconds in parts.values() for key in seconds} - {"total"})
    _table(f"Selection on {rows:,} rows; an epoch of {config.backbone} takes {epoch:.1f} s there "
           f"({rows // config.batch_size} times the median step)",
           ["score", *keys, "total, s", "total ÷ epoch"],
           [[score, *(f"{seconds.get(key, 0):.1f}" for key in keys), f"{seconds['total']:.1f}",
             f"{seconds['total'] / epoch:.3f}"] for score, seconds in parts.items()])
    rivals = {name: _search_seconds(name, config, rows, len(tasks)) for name in ("mssm", "cfs")}
    ours = parts["calibrated"]["total"]
    _table(f"Selectors that train, {config.search_epochs} epochs of {rows:,} rows (from one epoch of "
           f"{SHORT} and {2 * SHORT} steps)", ["selector", "seconds", "÷ calibrated"],
           [[name, f"{seconds:,.0f}", f"{seconds / ours:.0f}"] for name, seconds in rivals.items()])
    return {"epoch_seconds": epoch, "parts": parts, "rivals": rivals}


def _search_seconds(name: str, config: Settings, rows: int, tasks: int) -> float:
    """Seconds that a selector would search, from what one epoch of few and of twice as many steps takes."""
    taken = []
    for many in (SHORT, 2 * SHORT):
        LOG.info("searching with %s for %d steps", name, many)
        data = plant("mix", 0, int(many * config.batch_size / 0.9) + 1).data  # a tenth is held out
        short = config.replace(selector=name, search_epochs=1)
        taken.append(select_fields(data, data.schema.task_names[:tasks], short)[1]["total"])
    slope = (taken[1] - taken[0]) / SHORT
    return taken[0] + slope * (config.search_epochs * rows * 0.9 / config.batch_size - SHORT)


def read(config: Settings, rows: int = 1_000_000) -> dict:
    """Shuffled batches from a prepared set on disk, nothing computed on them."""
    with tempfile.TemporaryDirectory() as folder:
        prepare("simulate", Path(folder) / "raw", Path(folder) / "prepared", overrides={"rows": rows})
        data = PreparedData.open(Path(folder) / "prepared")
        loader = TrainLoader(data.split("train"), range(len(data.schema.fields)), range(2), config.batch_size, 0)
        epochs = iter(range(10 ** 6))

        def epoch() -> None:
            for batch in loader.epoch(next(epochs)):
                del batch

        seconds = alternate({"an epoch of shuffled batches, 41 fields": epoch}, steps=1)
    _table(f"Input from {data.schema.rows['train']:,} rows on disk", STEP_COLUMNS,
           step_rows(seconds, loader.steps * loader.batch_size))
    return {"seconds": seconds, "rows": loader.steps * loader.batch_size}


def scale(config: Settings, sizes=(10_000, 100_000, 300_000, 1_000_000, 10_000_000)) -> dict:
    """Large embedding tables, dense and lazy; memory of all fields and of half."""
    commands = {f"{optimizer} {rows:,}": ["table", str(rows), optimizer]
                for rows in sizes for optimizer in ("dense", "lazy")}
    tables = in_turn(commands, 3)
    smallest = median(tables[f"lazy {sizes[0]:,}"], "seconds")
    _table("Rows of 32 in the table, 16 fields, batches of 2,048",
           ["optimizer and rows", "ms/step", "÷ the smallest lazy", "memory, MB", "÷ table"],
           [_scale_row(name, records, smallest) for name, records in tables.items()])
    networks = in_turn({half: ["network", "kuairand", config.backbone, half] for half in ("all", "half")}, 3)
    _table(f"Memory of training {config.backbone}, kuairand shape", ["fields", "memory, MB"],
           [[name, f"{median(records, 'memory_mb'):,.0f}"] for name, records in networks.items()])
    return {"tables": tables, "networks": networks}


def _scale_row(name: str, records: list[Mapping], smallest: float) -> list[str]:
    seconds, memory = median(records, "seconds"), median(records, "memory_mb")
    return [name, f"{seconds * 1e3:.0f}", f"{seconds / smallest:.2f}", f"{memory:,.0f}",
            f"{memory / records[0]['table_mb']:.1f}"]


def labels(config: Settings, rows: int = 0, seeds: int = 3) -> dict:
    """A label known after a click alone: masked, or filled with 0."""
    found, shapes = {}, {"kuairand": rows or 100_000, "aliccp": rows or 300_000}
    shares = {shape: partial.fields_found(shape, count, seeds, config) for shape, count in shapes.items()}
    _table(f"Share of the second label's fields that chi2_z finds, mean of {seeds} seeds",
           ["shape", "rows", "masked", "filled with 0"],
           [[shape, f"{shapes[shape]:,}", *(f"{np.mean(values):.2f}" for values in ways.values())]
            for shape, ways in shares.items()])
    with tempfile.TemporaryDirectory() as folder:
        for shape, count in shapes.items():
            found[shape] = list(partial.measure_labels(shape, count, seeds, config.replace(output_dir=folder)))
            print(f"\nSecond label on the clicked test rows: {shape} shape, {count:,} rows, mean of {seeds} "
                  f"seeds\n\n{partial.table(found[shape])}", flush=True)
    return found


def ranks(config: Settings, backbones=steps.BACKBONES, shapes=tuple(SHAPES)) -> dict:
    """Two processes that train one model, against PyTorch's DistributedDataParallel and one process of each."""
    return several.measure_ranks(_table, backbones, shapes)


def calls(config: Settings, shapes=("movielens",)) -> dict:
    """A training step in a graph call of its own, against several of them in one call."""
    found = {}
    for shape in shapes:
        sized = steps.sized_config(config.backbone, shape)
        seconds = {name: [each / steps.TOGETHER for each in taken]
                   for name, taken in alternate(steps.call_candidates(sized, SHAPES[shape]), rounds=11).items()}
        _table(f"Graph calls of training {config.backbone}, {shape} shape", STEP_COLUMNS,
               step_rows(seconds, sized.batch_size))
        found[shape] = seconds
    return found


def rounding(config: Settings, seeds: int = 3, sets=("movielens", "adult")) -> dict:
    """Mean test AUC of networks of the paper's widths with products of bfloat16 factors, against float32."""
    found, rows = {}, []
    for name in sets:
        ours = config.replace(dataset=name, data_dir="auto")
        found[name] = list(measure_rounding(open_data(ours), seeds, ours))
        rows.append(rounding_row(name, found[name]))
        print(f"{name}: {found[name]}", flush=True)
    _table(f"Factors of products rounded to bfloat16, {config.backbone}, bottoms {list(config.bottom_dims)}",
           ["data set", "float32, mean AUC", "rounded", "difference", "seeds"], rows)
    return found


SUITES = {"train": train, "select": select, "input": read, "prepare": preparing, "scale": scale,
          "operators": operators, "parts": parts, "labels": labels, "ranks": ranks, "calls": calls,
          "rounding": rounding}
ALL = ("train", "select", "input", "prepare", "scale")

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
"""Measure speed side by side: every comparison alternates its candidates in one process and reports medians.

    python benchmark.py --suite layout                      # where hidden values lie in memory: batch- or feature-major
    python benchmark.py --suite train --backbone mmoe       # all fields, half of them, the PyTorch reference
    python benchmark.py --suite selection                   # every selector, on planted truth and in trained models

The train suite has the field cardinalities of KuaiRand-Pure and the paper's sizes on random rows, and needs
requirements-compare.txt. Prints a table and writes benchmark.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn, ops

from src.config import Config, load_config
from src.data.loader import TrainLoader
from src.data.memory import with_noise
from src.data.simulation.laws import LAWS
from src.data.simulation.planted import plant
from src.errors import UserError, run_program
from src.files import write_json
from src.models import MultiTaskModel, plan_inputs
from src.models.layers import MLP, Draft
from src.programs import open_data, start_logging, take_option
from src.reporting import markdown_table
from src.reporting.selection_suite import draw_truth, summary_table, training_table, truth_table
from src.runs import environment
from src.schema import Field, Schema, Selection, Task
from src.selection import all_fields
from src.selection.study import label, measure_truth, train_on
from src.training import choose_device, make_step

# KuaiRand-Pure's 41 fields: 30 of the user, 11 of the video, as preprocess.py --dataset kuairand counts their ids.
KUAIRAND = (
    10, 2, 4, 3, 21, 9, 21, 10, 21, 8, 21, 9, 3, 8, 51, 1472, 16, 35, 4, 120, 455, 8, 6, 4, 3, 3, 3, 3, 3, 3,
    6511, 4, 4, 16, 2, 21, 60, 60, 7203, 5, 112,
)
ROUNDS, STEPS = 7, 3
SELECTION = (
    {"selector": "multisfs", "score": "calibrated"}, {"selector": "multisfs", "score": "paper"}, {"selector": "chi2"},
    {"selector": "chi2_z"}, {"selector": "mutual_information"}, {"selector": "lasso"}, {"selector": "random"},
)
TRAINED = {"simulate": "simulate", "adult": "adult", "adult_noise": "adult", "movielens": "movielens"}
NOISE = 15  # fields added to adult_noise


class Synthetic:
    """Random rows over the given cardinalities, held in memory; the face of a Split."""

    def __init__(self, rows: int, cardinalities, tasks: int = 2):
        rng = np.random.default_rng(0)
        self.rows = rows
        self.ids = np.stack([rng.integers(0, size, rows) for size in cardinalities], 1).astype(np.int32)
        self.labels = rng.integers(0, 2, (rows, tasks)).astype(np.uint8)

    def take(self, rows, columns=None, tasks=None):
        return self.ids[rows][:, columns], self.labels[rows][:, tasks]


def main(arguments: list) -> None:
    """Runs one suite."""
    start_logging()
    suites = {"layout": suite_layout, "train": suite_train}
    suite = take_option(arguments, "suite")
    if suite == "selection":
        measure_selection(arguments)
        return
    if suite not in suites:
        raise UserError(f"suite is {suite!r}; expected {', '.join(suites)} or selection")
    config = load_config(["dataset=kuairand_shape", *arguments])  # no preset of that name: the paper's sizes
    device = choose_device(config.device_target, config.device_id)
    seconds = alternate(suites[suite](config))
    first = np.median(next(iter(seconds.values())))
    rows = [[name, f"{np.median(each) * 1e3:.0f}", f"{min(each) * 1e3:.0f}-{max(each) * 1e3:.0f}",
             f"{config.batch_size / np.median(each):,.0f}", f"{first / np.median(each):.2f}"]
            for name, each in seconds.items()]
    print(markdown_table(["candidate", "ms/step (median)", "range", "rows/s", "speed, first = 1"], rows))
    write_json(Path("benchmark.json"), {"suite": suite, "seconds": seconds, "environment": environment(device)})


def alternate(candidates: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Seconds per step of every candidate, in rounds that take them in turn; the first call of each is not counted."""
    for step in candidates.values():
        step()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, step in candidates.items():
            began = time.perf_counter()
            for _ in range(STEPS):
                step()
            seconds[name].append((time.perf_counter() - began) / STEPS)
    return seconds


def suite_layout(config: Config) -> dict[str, Callable[[], None]]:
    """Eight experts [1024 → 512 → 256] with Adam: no batch normalisation, MindSpore's, and ours."""
    rows = Tensor(np.random.default_rng(0).standard_normal((config.batch_size, 1024)).astype(np.float32))

    def expert(norm: bool) -> nn.Cell:
        cells = []
        for inputs, outputs in ((1024, 512), (512, 256)):
            cells += [nn.Dense(inputs, outputs), *([nn.BatchNorm1d(outputs)] if norm else []), nn.ReLU()]
        return nn.SequentialCell(*cells)

    def candidate(experts: list) -> Callable[[], None]:
        network = SumOfSquares(nn.CellList(experts))
        step = nn.TrainOneStepCell(network, nn.Adam(network.trainable_params(), 1e-4))
        step.set_train()
        return lambda: step(rows).asnumpy()

    draft = Draft(0)
    return {
        "batch-major, BatchNorm1d": candidate([expert(True) for _ in range(8)]),
        "batch-major, no normalisation": candidate([expert(False) for _ in range(8)]),
        "feature-major, BatchNorm (src/models/layers.py)": candidate(
            [MLP(1024, (512, 256), draft, batch_major=True) for _ in range(8)]),
    }


class SumOfSquares(nn.Cell):
    """A loss that keeps every expert busy."""

    def __init__(self, experts: nn.CellList):
        super().__init__()
        self.experts = experts

    def construct(self, x):
        total = 0
        for expert in self.experts:
            total = total + expert(x)
        return ops.square(total).mean()


def suite_train(config: Config) -> dict[str, Callable[[], None]]:
    """One training step, input included: PyTorch with all fields, ours with all, ours with half."""
    fields = tuple(Field(f"f{n}", size) for n, size in enumerate(KUAIRAND))
    schema = Schema("kuairand_shape", fields, (Task("click"), Task("like")), {}, {}, 1)
    split, tasks = Synthetic(16 * config.batch_size, KUAIRAND), schema.task_names
    everything = all_fields(schema, tasks, config)
    kept = tuple(schema.field_names[::2][:len(fields) // 2])
    half = Selection("half", config.backbone, 0, everything.tasks, everything.fields, dict.fromkeys(tasks, kept),
                     kept if everything.shared else ())

    def ours(selection: Selection) -> Callable[[], None]:
        plan = plan_inputs(config.backbone, schema, tasks, selection)
        model = MultiTaskModel(plan, config.backbone, len(tasks), config)
        step = make_step(model, config)
        loader = TrainLoader(split, plan.columns, range(len(tasks)), config.batch_size, config.seed, model.mask_rows,
                             model.dropout)
        batches = (batch for epoch in range(10 ** 6) for batch in loader.epoch(epoch))
        return lambda: step(*next(batches)).asnumpy()

    return {"PyTorch reference, all fields": torch_step(config, split),
            "ours, all fields": ours(everything), "ours, half of the fields": ours(half)}


def torch_step(config: Config, split: Synthetic) -> Callable[[], None]:
    """A step of the independent PyTorch implementation on rows of the same split."""
    try:
        import torch

        from tests.pytorch_reference.models import BACKBONES, Shape, total_loss
    except ImportError:
        raise UserError("the train suite needs PyTorch; pip install -r requirements-compare.txt") from None
    model = BACKBONES[config.backbone](Shape(KUAIRAND, 2, config.embedding_dim, config.bottom_dims, config.tower_dims,
                                             config.experts, config.dropout))
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    rng = np.random.default_rng(0)

    def step() -> None:
        ids, labels = split.take(rng.permutation(split.rows)[:config.batch_size], slice(None), slice(None))
        optimizer.zero_grad()
        loss = total_loss(model(torch.from_numpy(ids).long()), torch.from_numpy(labels).float())
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def measure_selection(arguments: list) -> None:
    """Every selector on planted truth (--laws every, or some; none) and in trained models (--sets; none).

    --instances data sets of a law, --draws seeds of a selector on each, --seeds seeds of training, --rows of a
    simulated data set. Everything else is a setting. The picture goes where --picture says.
    """
    laws, sets = (take_option(arguments, key, "every").split(",") for key in ("laws", "sets"))
    instances, draws, seeds, rows = (_count(arguments, *pair) for pair in
                                     (("instances", 3), ("draws", 2), ("seeds", 3), ("rows", 200_000)))
    picture = Path(take_option(arguments, "picture", "docs/selection.png"))
    small = ["embedding_dim=16", "bottom_dims=64,32", "tower_dims=32,16", "experts=4", *arguments]
    laws, sets = ({"every": list(known), "none": []}.get(names[0], names) for names, known in
                  ((laws, LAWS), (sets, TRAINED)))
    for name in sets:
        if name not in TRAINED:
            raise UserError(f"sets is {name!r}; expected some of {', '.join(TRAINED)}, every or none")
    truth = measure_truth(laws, SELECTION, instances, draws, rows, load_config(["dataset=simulate", *small]))
    if truth:
        print(truth_table(truth), summary_table(truth), sep="\n\n")
        draw_truth(truth, picture)
    trained = [record for name in sets for record in _train_on_set(name, small, seeds, rows)]
    if trained:
        print(training_table(trained))
    write_json(Path("benchmark.json"), {"suite": "selection", "truth": truth, "trained": trained})


def _train_on_set(name: str, arguments: list, seeds: int, rows: int) -> Iterator[dict]:
    config = load_config([f"dataset={TRAINED[name]}", *arguments])
    data = plant("mix", 0, rows).data if name == "simulate" else open_data(config)
    data = with_noise(data, NOISE, 0) if name.endswith("_noise") else data
    for seed in range(seeds):
        for changes in ({"selector": "none"}, *SELECTION):
            metrics = train_on(data, f"selection-{name}-{label(changes)}-{seed}", changes, config.replace(seed=seed))
            yield {"set": name, "selector": label(changes), "seed": seed, "mean_auc": metrics["mean_auc"],
                   "fields": list(metrics["input_fields"].values())}


def _count(arguments: list, key: str, default: int) -> int:
    text = str(take_option(arguments, key, default))
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"{key} is {text!r}; expected a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    run_program(main)

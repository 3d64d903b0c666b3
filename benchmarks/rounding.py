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
"""What products of bfloat16 factors cost in AUC: the same trainings with factors rounded and not, over seeds.

The rounding is computed, so that every machine can tell: to the nearest bfloat16, of both factors of every product, in
the forward pass and in its gradients, as oneDNN does on a processor with AMX (src/training/machine/precision.py); it
leaves small products in float32, which are rounded here too. Sums are float32 in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from benchmarks.selection.tables import with_error
from src.data.loader import TrainLoader
from src.data.subsets import DataSet
from src.evaluation import mean_auc, task_metrics
from src.models import MultiTaskModel, fresh_model
from src.settings import Settings
from src.training import BestWeights, make_step, predict_logits, run_epochs

PRODUCTS = (ops.MatMul, ops.BatchMatMul)
FORMS = ("float32", "rounded")


class Plain(nn.Cell):
    """A product as a Cell, which alone has a gradient function."""

    def __init__(self, product):
        super().__init__()
        self.product = product

    def construct(self, left, right):
        return self.product(left, right)


class Rounded(nn.Cell):
    """A product of factors rounded to bfloat16; those of its gradients, which are products too, are rounded as well."""

    def __init__(self, product):
        super().__init__()
        self.plain, self.cast = Plain(product), ops.Cast()
        self.gradient = ops.GradOperation(get_all=True, sens_param=True)

    def rounded(self, values):
        return self.cast(self.cast(values, ms.bfloat16), ms.float32)

    def construct(self, left, right):
        return self.plain(self.rounded(left), self.rounded(right))

    def bprop(self, left, right, out, gradient):
        return self.gradient(self.plain)(self.rounded(left), self.rounded(right), self.rounded(gradient))


def round_products(model: MultiTaskModel) -> int:
    """Has every product of a model round its factors; returns how many there are."""
    found = [(cell, name, value) for _, cell in model.cells_and_names() if not isinstance(cell, Plain)
             for name, value in vars(cell).items() if isinstance(value, PRODUCTS)]
    for cell, name, product in found:
        setattr(cell, name, Rounded(product))
    return len(found)


def measure_rounding(data: DataSet, seeds: int, config: Settings) -> Iterator[dict]:
    """Trains all fields in both forms; tests the weights of the epoch with the best validation AUC.

    Yields:
        ``{"form", "seed", "mean_auc", "epoch"}``.
    """
    for seed in range(seeds):
        for form in FORMS:
            yield {"form": form, "seed": seed,
                   **_train(data, config.replace(seed=seed, progress=False), form == "rounded")}


def _train(data: DataSet, config: Settings, rounded: bool) -> dict:
    """Mean test AUC of the best epoch's weights, and which epoch that is."""
    tasks = data.schema.task_names
    plan, model = fresh_model(data.schema, tasks, config)
    if rounded:
        round_products(model)
    columns, best = data.schema.task_indices(tasks), BestWeights(model, config.patience)
    loader = TrainLoader(data.split("train"), plan.columns, columns, config.batch_size, config.seed, model.mask_rows,
                         model.dropout)

    def auc(split: str) -> float:
        found = predict_logits(model, data.split(split), plan, columns, config.batch_size)
        return mean_auc(task_metrics(*found, tasks))

    run_epochs(make_step(model, config), loader, config.epochs, "epoch", "lower learning_rate", False,
               lambda epoch: best.update(epoch, auc("valid")))
    best.restore()
    return {"mean_auc": auc("test"), "epoch": best.epoch}


def rounding_row(name: str, records: Sequence[dict]) -> list[str]:
    """A row of the table: means of both forms, and their difference, paired by seed, with its standard error."""
    aucs = {form: np.array([record["mean_auc"] for record in records if record["form"] == form]) for form in FORMS}
    difference = aucs["rounded"] - aucs["float32"]
    return [name, *(f"{aucs[form].mean():.5f}" for form in FORMS), with_error(difference, "+.5f"), str(len(difference))]

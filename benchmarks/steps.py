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
"""Training and evaluation steps: all fields, half of them, and the PyTorch reference on rows of the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from benchmarks.shapes import KUAIRAND, SIZES
from src.common.errors import UserError
from src.data.loader import TrainLoader
from src.data.memory import MemorySplit
from src.models import InputPlan, MultiTaskModel, NetWithLoss, natural_values, plan_inputs
from src.models.layers import HiddenUnits
from src.schema import Field, Schema, Selection, Task
from src.selection import all_fields
from src.settings import Settings, load_settings
from src.training import Ranks, make_step, predict_logits

BATCHES = 16  # in the rows that are drawn
TOGETHER = 4  # steps that are taken together where graph calls are compared
BACKBONES = ("mmoe", "ple", "esmm", "aitm")  # those whose speed is promised


class Synthetic(MemorySplit):
    """Random rows over the given cardinalities, held in memory."""

    def __init__(self, rows: int, cardinalities, tasks: int = 2):
        rng = np.random.default_rng(0)
        ids = np.stack([rng.integers(0, size, rows) for size in cardinalities], 1).astype(np.int32)
        super().__init__(ids, rng.integers(0, 2, (rows, tasks)).astype(np.uint8))


def make_schema(cardinalities) -> Schema:
    """A schema of two tasks over fields of the given sizes."""
    fields = tuple(Field(f"f{n}", size) for n, size in enumerate(cardinalities))
    return Schema("shape", fields, (Task("click"), Task("like")), {}, {}, 1)


def make_ours(config: Settings, cardinalities, half: bool, ranks: int = 1) -> tuple[MultiTaskModel, InputPlan]:
    """Our model of all fields, or of every second one, as one of so many processes trains it."""
    schema = make_schema(cardinalities)
    selection = all_fields(schema, schema.task_names, config)
    if half:
        kept = tuple(schema.field_names[::2][:len(cardinalities) // 2])
        selection = Selection("half", config.backbone, 0, selection.tasks, selection.fields,
                              dict.fromkeys(schema.task_names, kept), kept if selection.shared else ())
    plan = plan_inputs(config.backbone, schema, schema.task_names, selection)
    model = MultiTaskModel(plan, config.backbone, len(schema.tasks), config, ranks if config.sync_batch_norm else 1)
    return model, plan


def our_step(config: Settings, cardinalities, split: Synthetic, half: bool = False,
             ranks: Ranks | None = None) -> Callable[[], None]:
    """One of our training steps, input included; of several ranks, with a batch for each of them."""
    ranks = ranks or Ranks()
    model, plan = make_ours(config, cardinalities, half, ranks.size)
    step = make_step(model, config, ranks)
    step.set_train()
    batches = _batches(split, plan, model, config, ranks)
    return lambda: step(*next(batches)).asnumpy()


def _batches(split: Synthetic, plan: InputPlan, model: MultiTaskModel, config: Settings, ranks: Ranks | None = None,
             dropout: bool = True) -> Iterator[tuple]:
    """Our training batches, without end."""
    ranks = ranks or Ranks()
    loader = TrainLoader(split, plan.columns, range(2), config.batch_size * ranks.size, config.seed,
                         model.mask_rows if dropout else 0, model.dropout, ranks.rank, ranks.size)
    return (batch for epoch in count() for batch in loader.epoch(epoch))


def our_evaluation(config: Settings, cardinalities, split: Synthetic, half: bool = False) -> Callable[[], None]:
    """Our logits of the whole split, input included."""
    model, plan = make_ours(config, cardinalities, half)
    return lambda: predict_logits(model, split, plan, [0, 1], config.batch_size)


def sized_config(backbone: str, shape: str) -> Settings:
    """The paper's sizes for KuaiRand's shape, those of configs/movielens.yaml for MovieLens'."""
    config = load_settings(["dataset=shape", f"backbone={backbone}"])  # no preset of that name: the paper's sizes
    return config.replace(**SIZES[shape])


def reference_model(config: Settings, cardinalities):
    """The independent PyTorch implementation of a backbone, all fields."""
    try:
        from pytorch_reference.networks.models import BACKBONES as REFERENCES
        from pytorch_reference.networks.models import Shape
    except ImportError:
        raise UserError("the train suite needs PyTorch; pip install -r requirements/pytorch.txt") from None
    return REFERENCES[config.backbone](Shape(cardinalities, 2, config.embedding_dim, config.bottom_dims,
                                             config.tower_dims, config.experts, config.dropout))


def torch_training(network, optimizer, split: Synthetic, batches: Iterator[np.ndarray],
                   autocast: bool = False) -> Callable[[], None]:
    """A training step of a PyTorch network, input included.

    Args:
        network, optimizer: of PyTorch.
        split: the rows.
        batches: numbers of the rows of every batch, without end.
        autocast: to bfloat16.
    """
    import torch

    from pytorch_reference.networks.models import total_loss

    def step() -> None:
        ids, labels = split.take(next(batches))
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            loss = total_loss(network(torch.from_numpy(ids).long()), torch.from_numpy(labels).float())
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def torch_steps(config: Settings, cardinalities, split: Synthetic,
                form: str = "eager") -> tuple[Callable[[], None], Callable[[], None]]:
    """A training step, and the evaluation of the whole split, of the independent PyTorch implementation.

    Args:
        form: eager; compiled, by torch.compile; or autocast, to bfloat16.
    """
    model = reference_model(config, cardinalities)
    import torch

    network = torch.compile(model) if form == "compiled" else model
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    rng = np.random.default_rng(0)
    batches = (rng.permutation(split.rows)[:config.batch_size] for _ in count())
    step = torch_training(network, optimizer, split, batches, form == "autocast")

    def train() -> None:
        model.train()
        step()

    def evaluate() -> None:
        model.eval()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=form == "autocast"):
            for first in range(0, split.rows, config.batch_size):
                ids, _ = split.read(first, first + config.batch_size)
                network(torch.from_numpy(ids).long()).float().numpy()

    return train, evaluate


def matrix_product(size: int = 2048) -> tuple[Callable[[], None], float]:
    """A large square product, and its floating-point operations."""
    factor = Tensor(np.random.default_rng(0).standard_normal((size, size)).astype(np.float32))
    product = ops.MatMul()
    return lambda: product(factor, factor).asnumpy(), 2.0 * size ** 3


def products_of_a_step(model: MultiTaskModel, config: Settings) -> float:
    """Floating-point operations of all matrix products in one training step of a backbone with a single input path.

    A layer computes three products of one size: its output, the gradient of its weights, that of its input. First
    layers have folded columns (no gradient of the input: ids have none) and the small products that fold them.
    """
    sizes = np.array(model.plan.cardinalities)
    small = sizes[sizes < config.embedding_dim]
    large = (len(sizes) - len(small)) * config.embedding_dim
    total = 0.0
    for name, value in natural_values(model).items():
        if value.ndim != 2 or not name.startswith("backbone."):
            continue
        outputs, inputs = value.shape
        if inputs == len(sizes) * config.embedding_dim:
            total += 2.0 * outputs * config.batch_size * (2 * small.sum() + 3 * large)
            total += 6.0 * outputs * len(small) * max(small, default=0) * config.embedding_dim
        else:
            total += 6.0 * outputs * config.batch_size * inputs
    return total


def part_candidates(config: Settings) -> dict[str, Callable[[], None]]:
    """One training step on KuaiRand's shape, and the same without one of its parts each."""
    split = Synthetic(BATCHES * config.batch_size, KUAIRAND)

    def candidate(change: Callable[[MultiTaskModel], None] = lambda model: None,
                  make: Callable[..., nn.Cell] = make_step, dropout: bool = True) -> Callable[[], None]:
        model, plan = make_ours(config, KUAIRAND, half=False)
        change(model)
        step = make(model, config)
        step.set_train()
        batches = _batches(split, plan, model, config, dropout=dropout)

        def run() -> None:
            made = step(*next(batches))
            (made[0] if isinstance(made, tuple) else made).asnumpy()

        return run

    def embed_all(model: MultiTaskModel) -> None:
        model.folds = False

    def take_norms_out(model: MultiTaskModel) -> None:
        for _, cell in model.cells_and_names():
            if isinstance(cell, HiddenUnits):
                cell.norm = Nothing()

    return {
        "whole step": candidate(),
        "without folding small fields": candidate(embed_all),
        "without batch normalisation": candidate(take_norms_out),
        "without dropout": candidate(dropout=False),
        "without the optimizer": candidate(make=lambda model, config: Gradients(NetWithLoss(model))),
        "forward only": candidate(make=lambda model, config: NetWithLoss(model)),
        "input only": candidate(make=lambda model, config: Nothing()),
    }


def call_candidates(config: Settings, cardinalities) -> dict[str, Callable[[], None]]:
    """TOGETHER steps of training: a call and a reading of the loss each, all calls before the readings, all in one."""
    split = Synthetic(BATCHES * config.batch_size, cardinalities)

    def trained() -> tuple[nn.Cell, Iterator]:
        model, plan = make_ours(config, cardinalities, half=False)
        return make_step(model, config), _batches(split, plan, model, config)

    def at_once() -> None:
        for _ in range(TOGETHER):
            step(*next(batches)).asnumpy()

    def later() -> None:
        for loss in [step(*next(batches)) for _ in range(TOGETHER)]:
            loss.asnumpy()

    def together() -> None:
        taken = [next(others) for _ in range(TOGETHER)]
        several(*(Tensor(np.stack([part.asnumpy() for part in parts])) for parts in zip(*taken))).asnumpy()

    step, batches = trained()
    several, others = trained()
    several = Several(several).set_train()
    return {"a call each": at_once, "a call each, losses read after all": later,
            f"{TOGETHER} steps in a call": together}


class Several(nn.Cell):
    """Training steps on TOGETHER batches, one after the other in one graph; gives the last loss."""

    def __init__(self, step: nn.Cell):
        super().__init__(auto_prefix=False)
        self.step = step

    def construct(self, ids, labels, keep):
        loss = self.step(ids[0], labels[0], keep[0])
        for batch in range(1, TOGETHER):
            loss = self.step(ids[batch], labels[batch], keep[batch])
        return loss


class Gradients(nn.Cell):
    """A loss and its gradients, all of which are computed, and none of which is used."""

    def __init__(self, network: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network
        self.weights = ms.ParameterTuple(network.trainable_params())
        self.gradient = ops.GradOperation(get_by_list=True)

    def construct(self, *inputs):
        return self.network(*inputs), self.gradient(self.network, self.weights)(*inputs)


class Nothing(nn.Cell):
    """A step that leaves its batch alone."""

    def construct(self, first, *others):
        return first

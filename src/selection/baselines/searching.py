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
"""What the selectors that train have in common: rows held out of train, early stopping, masks learned with weights."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn
from tqdm import tqdm

from ...data.loader import TrainLoader
from ...errors import UserError
from ...evaluation import monitored, task_metrics
from ...models import InputPlan, LearnedMaskModel, MultiTaskModel, plan_inputs
from ...settings import Settings
from ...training import make_step, predict_logits
from ..base import Selector
from ..multisfs import fresh_model

LOG = logging.getLogger(__name__)
HELD_OUT = 0.1  # share of the train rows held out
MOST_HELD_OUT = 100_000  # rows; permutation predicts them once a field
FEWEST_ROWS = 20  # of a train split that is divided
MODEL_SETTINGS = ("batch_size", "learning_rate", "embedding_optimizer", "weight_decay", "dropout", "embedding_dim",
                  "bottom_dims", "tower_dims", "experts")


class Rows:
    """Some rows of a split, as a split of their own.

    Args:
        split: anything with ``take``.
        numbers: int64 ``[rows]``, which rows, in the order they shall have here.
    """

    def __init__(self, split, numbers: np.ndarray):
        self.split, self.numbers, self.rows = split, numbers, len(numbers)

    def take(self, rows: np.ndarray, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Gathers rows as ``Split.take`` does."""
        return self.split.take(self.numbers[rows], columns, tasks)

    def read(self, start: int, stop: int, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows ``start`` to ``stop - 1``, cut to those there are."""
        return self.take(np.arange(start, min(stop, self.rows)), columns, tasks)


def hold_out(split, seed: int) -> tuple[Rows, Rows]:
    """Divides the train split by seed into rows to train on and rows held out, each in the split's order.

    Raises:
        UserError: there are too few rows to divide.
    """
    if split.rows < FEWEST_ROWS:
        raise UserError(f"the train split has {split.rows} rows; this selector holds some out and needs at least "
                        f"{FEWEST_ROWS}; prepare more rows, or take another selector")
    order = np.random.default_rng([seed, 0x407]).permutation(split.rows)
    count = min(math.ceil(split.rows * HELD_OUT), MOST_HELD_OUT)
    return Rows(split, np.sort(order[count:])), Rows(split, np.sort(order[:count]))


def make_loader(rows, plan: InputPlan, model: MultiTaskModel, tasks: Sequence[int], config: Settings) -> TrainLoader:
    """Shuffled batches with the model's dropout masks."""
    return TrainLoader(rows, plan.columns, tasks, config.batch_size, config.seed, model.mask_rows, model.dropout)


def endless(loader: TrainLoader) -> Iterator[tuple]:
    """One epoch of the loader after the other."""
    epoch = 1
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


def finite(loss: Tensor, where: str, config: Settings) -> float:
    """The loss as a number.

    Raises:
        UserError: it is not finite.
    """
    value = float(loss.asnumpy())
    if not math.isfinite(value):
        raise UserError(f"the loss is {value} in {where} of selector {config.selector}; try a smaller learning_rate "
                        f"than {config.learning_rate}")
    return value


def train_model(model: MultiTaskModel, plan: InputPlan, parts: tuple[Rows, Rows], tasks: Sequence[int],
                config: Settings) -> int:
    """Trains until the mean log loss of the held-out rows has not fallen for ``patience`` epochs, or ``epochs`` are
    done, and leaves the model with its best weights, which are kept in memory. (Log loss is defined for labels of one
    class too.)

    Args:
        model: all fields.
        plan: its input plan.
        parts: rows to train on and rows held out.
        tasks: positions of the tasks.
        config: the run's Settings.

    Returns:
        the best epoch, from 1.
    """
    step, loader = make_step(model, config), make_loader(parts[0], plan, model, tasks, config)
    best, best_epoch, weights = -np.inf, 0, []
    bar = tqdm(total=config.epochs * loader.steps, desc=f"{config.selector}: train", unit="step", leave=False,
               disable=not config.progress)
    for epoch in range(1, config.epochs + 1):
        step.set_train()
        for batch in loader.epoch(epoch):
            finite(step(*batch), f"epoch {epoch}", config)
            bar.update()
        value = held_out_value(model, plan, parts[1], tasks, config)
        LOG.info("%s, epoch %d: held-out log loss %.5f", config.selector, epoch, -value)
        if value > best:
            best, best_epoch = value, epoch
            weights = [parameter.asnumpy().copy() for parameter in model.get_parameters()]
        elif epoch - best_epoch >= config.patience:
            break
    bar.close()
    if not best_epoch:  # ReLU hides weights that are not finite from the loss, not from the prediction
        raise UserError(f"the held-out loss of selector {config.selector} is never finite; try a smaller learning_rate "
                        f"than {config.learning_rate}")
    for parameter, value in zip(model.get_parameters(), weights):
        parameter.set_data(Tensor(value))
    return best_epoch


def held_out_value(model: MultiTaskModel, plan: InputPlan, rows: Rows, tasks: Sequence[int], config: Settings) -> float:
    """Minus the mean over tasks of the log loss."""
    logits, labels = predict_logits(model, rows, plan, list(tasks), config.batch_size)
    names = [str(task) for task in tasks]
    return monitored(task_metrics(logits, labels, names, "held-out part of the train"), "mean_logloss")


def make_search_step(loss: nn.Cell, parameters: Sequence[Parameter], config: Settings,
                     weight_decay: float) -> nn.TrainOneStepCell:
    """Forward, backward and Adam on these parameters; the rest stays as it is."""
    groups = [{"params": list(parameters), "weight_decay": weight_decay}]
    step = nn.TrainOneStepCell(loss, nn.Adam(groups, learning_rate=config.learning_rate))
    step.set_train()
    return step


class MaskSearch(Selector):
    """A selector that trains ``search_epochs`` epochs over all fields and reads its scores from a mask.

    Every task's prediction sees its own mask row on every path of the backbone, so an epoch costs ``tasks`` ordinary
    ones. Subclasses say in ``search`` how the mask is learned.

    Args:
        config: the run's Settings (search_epochs, backbone and its sizes, batch_size, learning_rate, weight_decay,
            dropout, seed, progress).

    After ``fit``: ``scores_`` and ``seconds_`` (prepare, search, total).
    """

    def __init__(self, config: Settings):
        self.config = config

    def fit(self, data, tasks: Sequence[str]) -> MaskSearch:
        began = time.perf_counter()
        self.plan, self.model = self.network(data, tasks)
        self.tasks = data.schema.task_indices(tasks)
        ready = time.perf_counter()
        self.scores_ = self.search(data.split("train")).astype(np.float64)
        ended = time.perf_counter()
        self.seconds_ = {"prepare": ready - began, "search": ended - ready, "total": ended - began}
        return self

    def network(self, data, tasks: Sequence[str]) -> tuple[InputPlan, MultiTaskModel | LearnedMaskModel]:
        """The plan of all fields, and what is trained, as initialised by the seed."""
        return fresh_model(data, tasks, self.config)

    def search(self, train) -> np.ndarray:
        """Learns the mask on the train split and returns the scores ``[tasks, fields]``."""
        raise TypeError(f"{type(self).__name__} does not say how it searches")

    def batches(self, rows) -> Iterator[tuple[int, tuple]]:
        """Yields (step from 0, batch) of the whole search, below a progress bar."""
        loader = make_loader(rows, self.plan, self.model, self.tasks, self.config)
        everything = (batch for epoch in range(1, self.config.search_epochs + 1) for batch in loader.epoch(epoch))
        bar = tqdm(everything, total=self.config.search_epochs * loader.steps, desc=self.name, unit="step", leave=False,
                   disable=not self.config.progress)
        return enumerate(bar)

    def settings(self):
        values = self.config.to_dict()
        return {name: values[name] for name in ("search_epochs", *MODEL_SETTINGS)}


class NetworkSearch(MaskSearch):
    """Trains the network that ``end_to_end`` trains to the end for ``search_epochs`` epochs, and takes its mask."""

    def network(self, data, tasks):
        plan = plan_inputs(self.config.backbone, data.schema, tasks)
        return plan, LearnedMaskModel(plan, self.config.backbone, len(tasks), self.config, self.name)

    def search(self, train):
        step = make_step(self.model, self.config)
        for number, batch in self.batches(train):
            finite(step(*batch), f"step {number + 1}", self.config)
        return self.model.mask().asnumpy()

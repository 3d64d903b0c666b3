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
"""Passes over rows: the epochs of every training, the Trainer's and those of selectors that train; their best weights;
and predictions."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Callable

import numpy as np
from mindspore import Tensor, nn

from ..common.errors import UserError
from ..common.progress import progress
from ..data.loader import TrainLoader, eval_batches
from ..data.subsets import RowSource
from ..models import InputPlan
from .machine.ranks import Ranks

EVALUATION_ROWS = 4096


def run_epoch(step: nn.Cell, loader: TrainLoader, epoch: int, label: str, advice: str, show: bool = False,
              start: int = 0, read_every: int = 1) -> Iterator[tuple[list[float], float]]:
    """Takes the steps of one epoch; yields the losses of a few steps and the seconds of them together.

    A GPU or an Ascend computes on while this program draws the next batches, until a loss is read: that waits for it.
    The first step, which compiles the graph, is yielded alone.

    Args:
        step: ``step(ids, labels, keep)`` moves the parameters and gives the loss.
        loader: the batches.
        epoch: number of the epoch, from 1.
        label: of the progress bar.
        advice: what a user can do if training diverges.
        show: whether to show a progress bar.
        start: steps of the epoch that were taken before.
        read_every: losses are read after steps whose number is a multiple of it, and after the last one.

    Raises:
        UserError: a loss is not finite.
    """
    total, waiting, began = 0.0, [], 0.0
    step.set_train()
    with progress(label, "step", show, total=loader.steps, done=start) as bar:
        for number, batch in enumerate(loader.epoch(epoch, start), start + 1):
            if not waiting:
                began = time.perf_counter()
            waiting.append(step(*batch))
            if number % read_every and number not in (start + 1, loader.steps):
                continue
            losses = [float(loss.asnumpy()) for loss in waiting]
            seconds = time.perf_counter() - began
            for taken, loss in enumerate(losses, number - len(losses) + 1):
                if not math.isfinite(loss):
                    raise UserError(f"the loss is {loss} in epoch {epoch}, batch {taken}; {advice}")
            total, waiting = total + sum(losses), []
            bar.update(len(losses))
            bar.set_postfix(loss=f"{total / (number - start):.4f}", refresh=False)
            yield losses, seconds


def run_epochs(step: nn.Cell, loader: TrainLoader, epochs: int, label: str, advice: str, show: bool = False,
               after_epoch: Callable[[int], bool] = lambda epoch: False) -> None:
    """Runs epochs 1 to ``epochs``, or until ``after_epoch(epoch)`` is true; the other arguments are ``run_epoch``'s.

    Raises:
        UserError: a loss is not finite.
    """
    for epoch in range(1, epochs + 1):
        for _ in run_epoch(step, loader, epoch, f"{label} {epoch}", advice, show):
            pass
        if after_epoch(epoch):
            return


def predict_logits(model: nn.Cell, split: RowSource, plan: InputPlan, task_indices: Sequence[int], batch_size: int,
                   show: bool = False, ranks: Ranks | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Logits float32 and labels (src/labels.py) ``[rows, tasks]`` of all rows, in their order.

    Computed in batches of whole ``batch_size``s, of about EVALUATION_ROWS rows if there are as many: small batches cost
    MindSpore more in calls than in arithmetic.

    Each of several ranks predicts a share of the batches; the sum of their logits, with 0 for the rows of other ranks,
    has the same bits as one process's, and every rank gets it.
    """
    ranks = ranks or Ranks()
    model.set_train(False)
    batch_size *= max(1, min(EVALUATION_ROWS, split.rows + batch_size - 1) // batch_size)
    logits = np.zeros((split.rows, len(task_indices)), np.float32)
    labels = np.zeros(logits.shape, split.read_labels(0, 0).dtype)
    mine = ranks.share(-(-split.rows // batch_size))
    start, end = mine.start * batch_size, min(mine.stop * batch_size, split.rows)
    batches = eval_batches(split, plan.columns, task_indices, batch_size, start, end)
    for ids, label in progress("evaluate", "batch", show, batches, len(mine)):
        stop = start + len(label)
        logits[start:stop] = model(ids).asnumpy()[:len(label)]
        labels[start:stop] = label
        start = stop
    return ranks.total(logits), ranks.total(labels).astype(labels.dtype)


class BestWeights:
    """The weights of the epoch of the largest value so far, kept in memory.

    Args:
        model: whose weights.
        patience: epochs without a larger value after which training stops.
    """

    def __init__(self, model: nn.Cell, patience: int):
        self.model, self.patience = model, patience
        self.value, self.epoch, self.weights = -np.inf, 0, []

    def update(self, epoch: int, value: float) -> bool:
        """Takes in an epoch's value; returns whether training should stop."""
        if value > self.value:
            self.value, self.epoch = value, epoch
            self.weights = [parameter.asnumpy().copy() for parameter in self.model.get_parameters()]
        return epoch - self.epoch >= self.patience

    def restore(self) -> None:
        """Gives the model its best weights."""
        for parameter, value in zip(self.model.get_parameters(), self.weights):
            parameter.set_data(Tensor(value))

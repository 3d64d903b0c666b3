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
"""What the selectors that train have in common: early stopping on held-out rows, masks learned with the weights."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
from mindspore import Parameter, nn

from ...common.compat import make_adam
from ...common.errors import UserError
from ...data.loader import TrainLoader
from ...data.subsets import DataSet, RowSource
from ...evaluation import monitored, task_metrics
from ...models import InputPlan, LearnedMaskModel, MultiTaskModel, fresh_model, plan_inputs
from ...schema import Scale, Schema
from ...settings import Settings
from ...training import BestWeights, make_step, predict_logits, run_epochs
from ..base import Selector

LOG = logging.getLogger(__name__)
MODEL_SETTINGS = ("batch_size", "learning_rate", "embedding_optimizer", "weight_decay", "dropout", "embedding_dim",
                  "bottom_dims", "tower_dims", "experts")


def make_loader(rows: RowSource, plan: InputPlan, model: MultiTaskModel, tasks: Sequence[int],
                config: Settings) -> TrainLoader:
    """Shuffled batches with the model's dropout masks."""
    return TrainLoader(rows, plan.columns, tasks, config.batch_size, config.seed, model.mask_rows, model.dropout)


def repeat_epochs(loader: TrainLoader) -> Iterator[tuple]:
    """The batches of one epoch after another, endlessly."""
    epoch = 1
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


def advice(config: Settings) -> str:
    """What to do when the training of a selector diverges."""
    return (f"selector {config.selector} needs a smaller learning_rate than {config.learning_rate} or a smaller "
            f"weight_decay than {config.weight_decay}")


def train_model(model: MultiTaskModel, plan: InputPlan, parts: tuple[RowSource, RowSource], tasks: Sequence[int],
                config: Settings) -> int:
    """Trains until the mean log loss of the held-out rows has not fallen for ``patience`` epochs, or ``epochs`` are
    done, and leaves the model with its best weights. (Log loss is defined for labels of one class too.)

    Args:
        model: all fields.
        plan: its input plan.
        parts: rows to train on and rows held out.
        tasks: positions of the tasks.
        config: the run's Settings.

    Returns:
        the best epoch, from 1.

    Raises:
        UserError: a loss is not finite.
    """
    best = BestWeights(model, config.patience)

    def after_epoch(epoch: int) -> bool:
        value = held_out_value(model, plan, parts[1], tasks, config)
        LOG.info("%s, epoch %d: held-out log loss %.5f", config.selector, epoch, -value)
        return best.update(epoch, value)

    run_epochs(make_step(model, config), make_loader(parts[0], plan, model, tasks, config), config.epochs,
               f"{config.selector}: epoch", advice(config), config.progress, after_epoch)
    if not best.epoch:  # ReLU hides weights that are not finite from the loss, not from the prediction
        raise UserError(f"the held-out loss is never finite; {advice(config)}")
    best.restore()
    return best.epoch


def held_out_value(model: MultiTaskModel, plan: InputPlan, rows: RowSource, tasks: Sequence[int],
                   config: Settings) -> float:
    """Minus the mean loss over the tasks that have labels among the rows: log loss, or half the squared error.

    Raises:
        UserError: none has.
    """
    logits, labels = predict_logits(model, rows, plan, list(tasks), config.batch_size)
    names, unit = [str(task) for task in tasks], Scale(0.0, 1.0)
    scales = [unit if number else None for number in plan.numbers]
    value = monitored(task_metrics(logits, labels, names, "held-out part of the train", scales), "mean_logloss")
    if value is None:
        raise UserError(f"the {rows.rows} held-out rows of selector {config.selector} have no label of any task; "
                        "prepare more rows, or take another selector")
    return value


def make_search_step(loss: nn.Cell, parameters: Sequence[Parameter], config: Settings,
                     weight_decay: float) -> nn.TrainOneStepCell:
    """Forward, backward and Adam on these parameters; the rest stays as it is."""
    groups = [{"params": list(parameters), "weight_decay": weight_decay}]
    step = nn.TrainOneStepCell(loss, make_adam(groups, config.learning_rate))
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

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        with self.timed("prepare"):
            self.plan, self.model = self.network(data.schema, tasks)
            self.tasks = data.schema.task_indices(tasks)
        with self.timed("search"):
            return self.search(data.split("train")).astype(np.float64)

    def network(self, schema: Schema, tasks: Sequence[str]) -> tuple[InputPlan, MultiTaskModel | LearnedMaskModel]:
        """The plan of all fields, and what is trained, as initialised by the seed."""
        return fresh_model(schema, tasks, self.config)

    def search(self, train: RowSource) -> np.ndarray:
        """Learns the mask on the train split and returns the scores ``[tasks, fields]``."""
        raise TypeError(f"{type(self).__name__} does not say how it searches")

    def loader(self, rows: RowSource) -> TrainLoader:
        """Shuffled batches of these rows."""
        return make_loader(rows, self.plan, self.model, self.tasks, self.config)

    def run_search(self, step, loader: TrainLoader) -> None:
        """Takes the steps of ``search_epochs`` epochs.

        Raises:
            UserError: a loss is not finite.
        """
        config = self.config
        run_epochs(step, loader, config.search_epochs, f"{self.name}: epoch", advice(config), config.progress)

    def settings(self):
        values = self.config.to_dict()
        return {name: values[name] for name in ("search_epochs", *MODEL_SETTINGS)}


class NetworkSearch(MaskSearch):
    """Trains the network that ``end_to_end`` trains to the end for ``search_epochs`` epochs, and takes its mask."""

    def network(self, schema, tasks):
        plan = plan_inputs(self.config.backbone, schema, tasks)
        return plan, LearnedMaskModel(plan, self.config.backbone, len(tasks), self.config, self.name)

    def search(self, train):
        self.run_search(make_step(self.model, self.config), self.loader(train))
        return self.model.mask().asnumpy()

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
"""Lazy Adam for large embedding tables: a step costs what its batch looks up, not what the table holds.

Adam moves every row of a table at every step, those that the batch does not hold too: their moments decay, and the L2
penalty changes them. Lazy Adam leaves them alone until a batch holds them again; then it takes the step that Adam
would take with the moments they had (the bias correction counts all steps, as in MindSpore's LazyAdam
and PyTorch's SparseAdam). Rows of folded fields belong to every batch. It is another optimizer than Adam, though
usually as good.

Several ranks tell each other which rows they look up, and average the gradients of those rows alone: they send what the
global batch touches, not the table, and all of them take the step that one process would take.

Written with plain lookups and updates: MindSpore's sparse kernels exist on the CPU only and are deprecated.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ..common.compat import make_adam, value_and_grad
from ..models import MultiTaskModel
from ..models.embedding import rows_read
from ..models.model import TaskLosses, TaskWeights, TotalLoss
from ..settings import Settings
from .half import ScaledLoss
from .machine.averaging import MeanOverRanks
from .machine.ranks import Ranks
from .weighting import undecayed

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # MindSpore's Adam, whose epsilon is outside the bias correction
CROSSOVER = 16  # rows of the table for every row that a batch can look up; from there lazy is faster


def is_lazy(model: MultiTaskModel, config: Settings) -> bool:
    """Whether ``embedding_optimizer`` means lazy Adam for this model: auto decides by the size of its table."""
    if config.embedding_optimizer == "auto":
        plan = model.plan
        large = sum(len(ids) for ids, size in zip(plan.slot_ids, plan.cardinalities) if size >= config.embedding_dim)
        return model.plan.table_rows >= CROSSOVER * config.batch_size * max(1, large)
    return config.embedding_optimizer == "lazy"


class LossOfVectors(nn.Cell):
    """The loss as a function of the distinct vectors that a batch looks up, ``[touched, dim]``."""

    def __init__(self, model: MultiTaskModel, reduction: str, weights: TaskWeights | None = None):
        super().__init__(auto_prefix=False)
        self.model, self.losses, self.total = model, TaskLosses(model.plan.numbers), TotalLoss(reduction, weights)
        self.gather = ops.Gather()

    def construct(self, vectors, places, ids, labels, keep):
        losses = self.losses(self.model.logits(ids, self.gather(vectors, places, 0), keep), labels)
        return self.total(losses)


class LazyStep(nn.Cell):
    """Forward, backward, lazy Adam on the embedding table and Adam on everything else.

    ``step(ids, labels, keep)`` gives the loss, as ``nn.TrainOneStepCell`` does.

    Args:
        model: the model to train.
        config: anything with learning_rate, weight_decay, loss_reduction, precision.
        ranks: the processes that train together; every one calls the step with its share of a batch.
        weights: of the tasks' losses; None for equal ones.
    """

    def __init__(self, model: MultiTaskModel, config: Settings, ranks: Ranks | None = None,
                 weights: TaskWeights | None = None):
        super().__init__(auto_prefix=False)
        self.ranks = ranks or Ranks()
        self.size = self.ranks.size
        self.half, network = config.precision == "float16", LossOfVectors(model, config.loss_reduction, weights)
        self.network = ScaledLoss(network) if self.half else network
        self.plan, self.dim = model.plan, config.embedding_dim
        self.table = model.embedding.table
        rows, dim = self.table.shape  # both moments of a row side by side: one lookup, one update
        self.moments = Parameter(Tensor.from_numpy(np.zeros((rows, 2 * dim), np.float32)), "lazy.moments",
                                 requires_grad=False)
        self.powers = Parameter(Tensor(np.ones(2, np.float32)), "lazy.powers", requires_grad=False)
        self.betas = Tensor(np.array([BETA1, BETA2], np.float32))
        rest = [parameter for parameter in model.trainable_params() if parameter is not self.table]
        groups = [{"params": rest, "weight_decay": config.weight_decay}, *undecayed(self.network.total)]
        self.weights = ms.ParameterTuple([parameter for group in groups for parameter in group["params"]])
        self.optimizer = make_adam(groups, config.learning_rate)
        self.gradient = value_and_grad(self.network, 0, self.weights)
        self.learning_rate, self.weight_decay = config.learning_rate, config.weight_decay
        self.gather, self.update, self.concat = ops.Gather(), ops.ScatterUpdate(), ops.Concat(1)
        if self.size > 1:
            self.mean = MeanOverRanks(self.size)

    def __call__(self, ids, labels, keep=None):
        mine = rows_read(self.plan, self.dim, ids.asnumpy())
        everyones = self.ranks.gather(mine)
        rows, places, real = touched_rows(everyones, self.plan.table_rows)
        places = places[self.ranks.rank * len(mine):][:len(mine)]
        return super().__call__(ids, labels, keep, Tensor(rows), Tensor(places), Tensor(real))

    def construct(self, ids, labels, keep, rows, places, real):
        vectors = self.gather(self.table, rows, 0)
        loss, gradients = self.gradient(vectors, places, ids, labels, keep)
        gradient, others = gradients
        if self.size > 1:
            means = self.mean((gradient, loss.reshape(1)) + others)
            gradient, loss, others = means[0], means[1].reshape(()), means[2:]
        if not self.half:
            return self.move(loss, vectors, gradient, others, rows, real)
        loss, unscaled, finite = self.network.unscaled(loss, (gradient,) + others)
        if finite:
            loss = self.move(loss, vectors, unscaled[0], unscaled[1:], rows, real)
        return ops.depend(loss, self.network.follow(finite))

    def move(self, loss, vectors, gradient, others, rows, real):
        """Takes a step by gradients of the looked-up vectors and of the other parameters; gives the loss."""
        loss = ops.depend(loss, self.optimizer(others))
        gradient = gradient + self.weight_decay * vectors
        moments = self.gather(self.moments, rows, 0)
        moment1, moment2 = moments[:, :self.dim], moments[:, self.dim:]
        moment1 = moment1 + (1 - BETA1) * real * (gradient - moment1)  # real is 0 for rows that are to stay
        moment2 = moment2 + (1 - BETA2) * real * (gradient * gradient - moment2)
        powers = self.powers * self.betas
        size = self.learning_rate * ops.sqrt(1 - powers[1]) / (1 - powers[0])
        vectors = vectors - size * real * (moment1 / (ops.sqrt(moment2) + EPSILON))
        loss = ops.depend(loss, self.update(self.table, rows, vectors))
        loss = ops.depend(loss, self.update(self.moments, rows, self.concat((moment1, moment2))))
        return ops.depend(loss, ops.assign(self.powers, powers))


def touched_rows(looked_up: np.ndarray, table_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct rows of a batch, always as many, so that the graph is compiled once.

    Args:
        looked_up: rows of the table, with repetitions.
        table_rows: rows of the whole table.

    Returns:
        rows int32 ``[size]``, all different: those of the batch, then others that are not to change;
        places int32, ``rows[places] == looked_up``; real float32 ``[size, 1]``: 1 for rows of the batch, else 0.
        size is ``min(len(looked_up), table_rows)``.
    """
    size = min(len(looked_up), table_rows)
    distinct, places = np.unique(looked_up, return_inverse=True)
    free = np.ones(size, bool)
    free[distinct[distinct < size]] = False
    others = np.flatnonzero(free)[:size - len(distinct)]
    rows = np.concatenate([distinct, others]).astype(np.int32)
    real = (np.arange(size) < len(distinct)).astype(np.float32)
    return rows, places.reshape(-1).astype(np.int32), real.reshape(-1, 1)

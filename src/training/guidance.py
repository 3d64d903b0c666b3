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
"""How CFS-MTL (Chen et al., CIKM 2022) trains its masks: held close to the fields' causal effects.

The paper selects by regularising "the distance between feature ITEs and feature importance" via pseudo-intervention.
Our reading of it, since there is no code of its authors:

- importance: m_t = Softmax(ReLU(tanh θ_t)) over the fields, ``[tasks, fields]``, one distribution per task;
- pseudo-intervention do(x_n): field n's column is permuted within the batch, which keeps its distribution and cuts its
  tie to everything else;
- effect: e_tn = L_t under do(x_n) minus L_t, with the present masks and weights and no gradient, averaged with a
  memory over the steps; one field is intervened on every step, in turn, so that a step's cost does not depend on
  the number of fields;
- distance: with c_t the positive parts of e_t made to sum to 1, the cross-entropy -Σ_n c_tn log m_tn, which is
  KL(c_t ‖ m_t) up to a constant.

The loss is that of the tasks under the masks plus Σ_t distance_t.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops

from ..common.streams import Stream, generator
from ..models import LearnedMaskModel, TaskLosses, TaskWeights, TotalLoss
from ..models.learned_masks import moving_statistics
from ..settings import Settings
from .half import train_step
from .machine.ranks import Ranks

INTERVENTIONS = 1  # fields intervened on at every step
MEMORY = 0.7  # weight of what a field's effect was before; its first effect is taken whole


class GuidedLoss(nn.Cell):
    """The tasks' losses under the masks plus the distance of the masks from the effects' shares ``[tasks, fields]``."""

    def __init__(self, model: LearnedMaskModel, reduction: str = "sum", weights: TaskWeights | None = None):
        super().__init__(auto_prefix=False)
        self.model, self.losses = model, TaskLosses(model.plan.numbers)
        self.total = TotalLoss(reduction, weights)

    def construct(self, ids, labels, keep, shares):
        mask = self.model.mask()
        losses = self.losses(self.model.under(mask * self.model.mask.scale, ids, keep), labels)
        return self.total(losses) - (shares * ops.log(mask)).sum()


class MaskedLosses(nn.Cell):
    """Every task's loss, ``[tasks]``: ``construct(ids, labels, keep)``."""

    def __init__(self, model: LearnedMaskModel):
        super().__init__(auto_prefix=False)
        self.model, self.losses = model, TaskLosses(model.plan.numbers)

    def construct(self, ids, labels, keep=None):
        return self.losses(self.model(ids, keep), labels)


class Effects:
    """What intervening on every field costs every task, and as shares.

    Attributes:
        values: float64 ``[tasks, fields]``; NaN where no intervention was made yet.
    """

    def __init__(self, tasks: int, fields: int):
        self.values = np.full((tasks, fields), np.nan)

    def update(self, field: int, effect: np.ndarray) -> None:
        """Takes in one more intervention's effect, ``[tasks]``."""
        before = self.values[:, field]
        self.values[:, field] = np.where(np.isnan(before), effect, MEMORY * before + (1 - MEMORY) * effect)

    def shares(self) -> np.ndarray:
        """Positive effects as shares, float32 ``[tasks, fields]``; equal ones for a task without any.

        A field not intervened on yet counts as the mean of those that were.
        """
        positive = np.maximum(self.values, 0)
        seen = ~np.isnan(positive[0])
        if not seen.any():
            return np.full(positive.shape, 1 / positive.shape[1], np.float32)
        positive[:, ~seen] = positive[:, seen].mean(1, keepdims=True)
        total = positive.sum(1, keepdims=True)
        share = np.divide(positive, total, out=np.full(positive.shape, 1 / positive.shape[1]), where=total > 0)
        return share.astype(np.float32)


class GuidedStep(nn.Cell):
    """Interventions, then forward, backward and the optimizer's step: ``step(ids, labels, keep)`` gives the loss.

    Args:
        loss: that of the network with its masks.
        optimizer: moves both.
        config: anything with seed and precision.
        ranks: the processes that train together; an effect is the mean of theirs.
    """

    def __init__(self, loss: GuidedLoss, optimizer: nn.Cell, config: Settings, ranks: Ranks | None = None):
        super().__init__(auto_prefix=False)
        self.ranks, model = ranks or Ranks(), loss.model
        self.losses = MaskedLosses(model)
        self.step = train_step(loss, optimizer, self.ranks.size, config.precision)
        self.statistics = moving_statistics(model)
        tasks, fields = model.mask.theta.shape
        self.effects = Effects(tasks, fields)
        self.rng = generator(config.seed, Stream.INTERVENTIONS)
        self.queue: list[int] = []  # fields that this round still intervenes on

    def __call__(self, ids, labels, keep=None):
        remembered = [parameter.asnumpy().copy() for parameter in self.statistics]
        plain = self.losses(ids, labels, keep).asnumpy()
        fields = self.effects.values.shape[1]
        for _ in range(min(INTERVENTIONS, fields)):
            self.queue = self.queue or self.rng.permutation(fields).tolist()
            field = self.queue.pop()
            changed = self.losses(intervene(ids, field, self.rng), labels, keep).asnumpy()
            self.effects.update(field, self.ranks.total(changed - plain) / self.ranks.size)
        for parameter, values in zip(self.statistics, remembered):  # interventions are not what the network will see
            parameter.set_data(Tensor(values))
        return self.step(ids, labels, keep, Tensor(self.effects.shares()))

    @property
    def memory(self) -> dict[str, Any]:
        """What a step remembers in addition to its parameters, for JSON."""
        effects = [[None if np.isnan(value) else value for value in row] for row in self.effects.values.tolist()]
        return {"effects": effects, "rng": self.rng.bit_generator.state, "queue": self.queue}

    @memory.setter
    def memory(self, value: dict[str, Any]) -> None:
        self.effects.values = np.array(value["effects"], np.float64)
        self.rng.bit_generator.state, self.queue = value["rng"], list(value["queue"])


def intervene(ids: Tensor, field: int, rng: np.random.Generator) -> Tensor:
    """do(x_n): the batch with field n's column permuted."""
    changed = ids.asnumpy().copy()
    changed[:, field] = rng.permutation(changed[:, field])
    return Tensor(changed)

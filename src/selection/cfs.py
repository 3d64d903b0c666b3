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
"""CFS-MTL (Chen et al., CIKM 2022): masks that compete over fields, held close to the fields' causal effects.

The paper selects by regularising "the distance between feature ITEs and feature importance" via pseudo-intervention.
Our reading of it, since no code was published:

- importance: m_t = Softmax(ReLU(tanh θ_t)) over the fields, ``[tasks, fields]``, one distribution per task;
- pseudo-intervention do(x_n): field n's column is permuted within the batch, which keeps its distribution and cuts its
  tie to everything else;
- effect: e_tn = L_t under do(x_n) minus L_t, with the present masks and weights and no gradient, averaged with a
  memory over the steps; a few fields are intervened on every step, in turn, so that a step's cost does not depend on
  the number of fields;
- distance: with c_t the positive parts of e_t made to sum to 1, the cross-entropy -Σ_n c_tn log m_tn, which is
  KL(c_t ‖ m_t) up to a constant.

The loss is Σ_t L_t(f_t(N m_t ⊙ E)) + Σ_t distance_t. The factor N, the number of fields, makes the masks of no
preference 1: masks of 1/N would shrink the inputs below the epsilon of batch normalisation.
"""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from src.selection.mask_scores import MaskedTaskLosses
from src.selection.masked_training import FieldMask, MaskSearch, finite, make_search_step

START = 1.0  # θ, as MSSM's
INTERVENTIONS = 4  # fields intervened on at every step
MEMORY = 0.7  # weight of what a field's effect was before; its first effect is taken whole


class CompetingMask(FieldMask):
    """``construct()`` gives Softmax(ReLU(tanh θ)) over the fields, ``[tasks, fields]``, rows summing to 1."""

    def __init__(self, tasks: int, fields: int):
        super().__init__(tasks, fields, START)
        self.relu, self.tanh, self.softmax = ops.ReLU(), ops.Tanh(), ops.Softmax(axis=1)

    def construct(self):
        return self.softmax(self.relu(self.tanh(self.theta)))


class GuidedLoss(nn.Cell):
    """Masked losses plus the distance of the masks from the effects' shares ``[tasks, fields]``."""

    def __init__(self, mask: CompetingMask, losses: MaskedTaskLosses):
        super().__init__(auto_prefix=False)
        self.mask, self.losses = mask, losses
        self.fields = mask.theta.shape[1]

    def construct(self, ids, labels, keep, shares):
        mask = self.mask()
        guide = -(shares * ops.log(mask)).sum()
        return self.losses(mask * self.fields, ids, labels, keep).sum() + guide


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


class CFS(MaskSearch):
    """Competing masks guided by pseudo-interventions; a field is worth its mask at the end.

    Weights and θ take every step together on all train rows. A θ that falls to 0 or below has no gradient and stays:
    such fields share the smallest score of their task.
    """

    name = "cfs"

    def search(self, train) -> np.ndarray:
        fields = len(self.plan.columns)
        mask = CompetingMask(len(self.tasks), fields)
        step = make_search_step(GuidedLoss(mask, self.losses), self.config, self.model, mask)
        effects, rng = Effects(len(self.tasks), fields), np.random.default_rng([self.config.seed, 0xCF5])
        queue: list[int] = []
        for number, (ids, labels, keep) in self.batches(train):
            present = mask() * fields
            plain = self.losses(present, ids, labels, keep).asnumpy()
            for _ in range(min(INTERVENTIONS, fields)):
                queue = queue or rng.permutation(fields).tolist()
                field = queue.pop()
                changed = self.losses(present, intervene(ids, field, rng), labels, keep).asnumpy()
                effects.update(field, changed - plain)
            finite(step(ids, labels, keep, Tensor(effects.shares())), f"step {number + 1}", self.config)
        return mask().asnumpy()


def intervene(ids: Tensor, field: int, rng: np.random.Generator) -> Tensor:
    """do(x_n): the batch with field n's column permuted."""
    changed = ids.asnumpy().copy()
    changed[:, field] = rng.permutation(changed[:, field])
    return Tensor(changed)

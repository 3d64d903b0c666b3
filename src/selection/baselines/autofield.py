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
"""AutoField (Wang et al., WWW 2022): keep-or-drop gates, learned on other rows than the weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from mindspore import Tensor, nn, ops

from ...models.learned_masks import FieldMask
from ..multisfs import fresh_model
from ..paper.mask_scores import MaskedTaskLosses
from .searching import (
    HELD_OUT,
    MaskSearch,
    endless,
    finite,
    hold_out,
    make_loader,
    make_search_step,
)

HOTTEST, COLDEST = 1.0, 0.1  # temperature at the first step and at the last


class Gates(FieldMask):
    """``construct(noise, temperature)`` gives soft gates in (0, 1), ``[tasks, fields]``.

    The Gumbel-softmax over the logits of keep and drop is σ((θ + g_keep - g_drop) / τ) with θ the difference of the
    logits, and the difference of two Gumbel variables is logistic: so one θ a gate, and logistic noise.
    """

    def __init__(self, tasks: int, fields: int):
        super().__init__(tasks, fields, 0.0)  # keep and drop equally likely
        self.sigmoid = ops.Sigmoid()

    def construct(self, noise, temperature):
        return self.sigmoid((self.theta + noise) / temperature)


class GatedLoss(nn.Cell):
    """The loss under sampled gates, summed over the tasks that the gates have rows for."""

    def __init__(self, gates: Gates, losses: MaskedTaskLosses):
        super().__init__(auto_prefix=False)
        self.gates, self.losses = gates, losses

    def construct(self, ids, labels, keep, noise, temperature):
        return self.losses(self.gates(noise, temperature), ids, labels, keep).sum()


class AutoField(MaskSearch):
    """A gate for every field; a field is worth its probability of being kept, σ(θ).

    A method for one task: every task has a search of its own, in a network of its own (backbone single_task), so the
    choice does not depend on the backbone that is trained afterwards.

    Bi-level, to first order as DARTS: every step moves the weights on a batch of the train rows kept, then the gates
    on a batch of rows held out of them, which are gone through again and again. Ours: the temperature falls
    geometrically from HOTTEST to COLDEST over the search, however long that is; and the batch normalisation of every
    field's embedding is left out, since all fields here have one width and one initial scale.
    """

    name = "autofield"

    def fit(self, data, tasks: Sequence[str]) -> AutoField:
        scores, seconds = [], Counter()
        for task in tasks:
            super().fit(data, [task])
            scores.append(self.scores_)
            seconds.update(self.seconds_)
        self.scores_, self.seconds_ = np.concatenate(scores), dict(seconds)
        return self

    def network(self, data, tasks: Sequence[str]):
        return fresh_model(data, tasks, self.config.replace(backbone="single_task"))

    def search(self, train) -> np.ndarray:
        config = self.config
        kept, held = hold_out(train, config.seed)
        gates = Gates(len(self.tasks), len(self.plan.columns))
        loss = GatedLoss(gates, MaskedTaskLosses(self.model, self.plan, len(self.tasks)))
        weight_step = make_search_step(loss, self.model.trainable_params(), config, config.weight_decay)
        gate_step = make_search_step(loss, gates.trainable_params(), config, 0.0)  # decay would pull them to "either"
        others = endless(make_loader(held, self.plan, self.model, self.tasks, config))
        rng = np.random.default_rng([config.seed, 0xAF])
        steps = config.search_epochs * make_loader(kept, self.plan, self.model, self.tasks, config).steps
        for number, batch in self.batches(kept):
            heat = temperature(number, steps)
            finite(weight_step(*batch, draw_noise(rng, gates), heat), f"step {number + 1}", config)
            finite(gate_step(*next(others), draw_noise(rng, gates), heat), f"step {number + 1}", config)
        return ops.Sigmoid()(gates.theta).asnumpy()

    def settings(self):
        return {**super().settings(), "held_out": HELD_OUT}


def temperature(step: int, steps: int) -> Tensor:
    """τ of a step, from 0: geometric from HOTTEST to COLDEST, float32 ``[1]``."""
    return Tensor(np.array([HOTTEST * (COLDEST / HOTTEST) ** (step / max(1, steps - 1))], np.float32))


def draw_noise(rng: np.random.Generator, gates: Gates) -> Tensor:
    """Logistic noise for every gate, float32 ``[tasks, fields]``."""
    return Tensor(rng.logistic(size=gates.theta.shape).astype(np.float32))

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

from collections.abc import Iterator, Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ...common.streams import Stream, generator
from ...data.subsets import HELD_OUT, DataSet, RowSource, hold_out
from ...models import InputPlan, MultiTaskModel, fresh_model
from ...models.learned_masks import FieldMask
from ...schema import Schema
from ...settings import Settings
from ..paper.mask_scores import MaskedTaskLosses
from .searching import MaskSearch, make_search_step, repeat_epochs

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


class BilevelStep:
    """Moves the weights on a batch of the rows kept, then the gates on a batch of the rows held out.

    ``step(ids, labels, keep)`` gives the loss before the weights have moved. To first order, as DARTS: the gates do
    not see how the weights depend on them.

    Args:
        loss: the loss under sampled gates.
        weights: the parameters of the network.
        others: batches of the rows held out, without end.
        steps: of the whole search; the temperature falls with them.
        config: the run's Settings.
    """

    def __init__(self, loss: GatedLoss, weights: Sequence[Parameter], others: Iterator[tuple], steps: int,
                 config: Settings):
        self.gates, self.others, self.steps, self.taken = loss.gates, others, steps, 0
        self.move_weights = make_search_step(loss, weights, config, config.weight_decay)
        self.move_gates = make_search_step(loss, loss.gates.trainable_params(), config, 0.0)  # decay pulls to "either"
        self.rng = generator(config.seed, Stream.GATE_NOISE)

    def set_train(self) -> None:
        """Nothing: both steps always train."""

    def __call__(self, *batch) -> Tensor:
        heat = temperature(self.taken, self.steps)
        loss = self.move_weights(*batch, draw_noise(self.rng, self.gates), heat)
        self.move_gates(*next(self.others), draw_noise(self.rng, self.gates), heat)
        self.taken += 1
        return loss


class AutoField(MaskSearch):
    """A gate for every field; a field is worth its probability of being kept, σ(θ).

    A method for one task: every task has a search of its own, in a network of its own (backbone single_task), so the
    choice does not depend on the backbone that is trained afterwards.

    Bi-level, to first order as DARTS: every step moves the weights on a batch of the train rows kept, then the gates
    on a batch of rows held out of them, over and over. Ours: the temperature falls
    geometrically from HOTTEST to COLDEST over the search, however long that is; and the batch normalisation of every
    field's embedding is left out, since all fields here have one width and one initial scale.
    """

    name = "autofield"

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        return np.concatenate([MaskSearch.score_fields(self, data, [task]) for task in tasks])

    def network(self, schema: Schema, tasks: Sequence[str]) -> tuple[InputPlan, MultiTaskModel]:
        return fresh_model(schema, tasks, self.config.replace(backbone="single_task"))

    def search(self, train: RowSource) -> np.ndarray:
        kept, held = hold_out(train, self.config.seed)
        gates, loader = Gates(len(self.tasks), len(self.plan.columns)), self.loader(kept)
        loss = GatedLoss(gates, MaskedTaskLosses(self.model, self.plan, len(self.tasks)))
        step = BilevelStep(loss, self.model.trainable_params(), repeat_epochs(self.loader(held)),
                           self.config.search_epochs * loader.steps, self.config)
        self.run_search(step, loader)
        return ops.Sigmoid()(gates.theta).asnumpy()

    def settings(self):
        return {**super().settings(), "held_out": HELD_OUT}


def temperature(step: int, steps: int) -> Tensor:
    """τ of a step, from 0: geometric from HOTTEST to COLDEST, float32 ``[1]``."""
    return Tensor(np.array([HOTTEST * (COLDEST / HOTTEST) ** (step / max(1, steps - 1))], np.float32))


def draw_noise(rng: np.random.Generator, gates: Gates) -> Tensor:
    """Logistic noise for every gate, float32 ``[tasks, fields]``."""
    return Tensor(rng.logistic(size=gates.theta.shape).astype(np.float32))

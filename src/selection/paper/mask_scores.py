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
"""Scores from one forward-backward pass at random initialisation: the paper's mask gradient, and what it is made of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from mindspore import Tensor, nn, ops

from ...models import InputPlan, MaskedModel, MultiTaskModel, TaskLosses


class MaskedTaskLosses(nn.Cell):
    """Every L_t(f_t(m_t ⊙ E)), ``[tasks]``, as a function of the mask ``[tasks, fields]``.

    The prediction of task t sees row m_t on every path, those that tasks share included, so one definition serves every
    backbone; it takes one pass a task. ``keep`` is the dropout mask, the same in every pass, or None.
    """

    def __init__(self, model: MultiTaskModel, plan: InputPlan, tasks: int):
        super().__init__(auto_prefix=False)
        self.masked = MaskedModel(model, plan)
        self.losses = TaskLosses(plan.numbers)
        self.tasks, self.paths = tasks, len(plan.paths)
        self.tile, self.concat = ops.Tile(), ops.Concat(0)

    def construct(self, mask, ids, labels, keep=None):
        found = ()
        for t in range(self.tasks):
            masks = self.tile(mask[t:t + 1], (self.paths, 1))
            found += (self.losses(self.masked(ids, masks, keep), labels)[t:t + 1],)
        return self.concat(found) if self.tasks > 1 else found[0]  # MindSpore warns of a concat of one


class MaskedTaskLoss(nn.Cell):
    """Σ_t L_t(f_t(m_t ⊙ E)) as a function of the mask ``[tasks, fields]`` (eq. 9).

    Row t reaches loss t alone: the gradient of the sum holds every ∂L_t/∂m_t exactly.
    """

    def __init__(self, model: MultiTaskModel, plan: InputPlan, tasks: int):
        super().__init__(auto_prefix=False)
        self.losses = MaskedTaskLosses(model, plan, tasks)

    def construct(self, mask, ids, labels):
        return self.losses(mask, ids, labels).sum()


class MaskGradient(nn.Cell):
    """``construct(mask, ids, labels)`` gives ∂Σ_t L_t/∂m, ``[tasks, fields]``."""

    def __init__(self, network: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network
        self.gradient = ops.GradOperation()

    def construct(self, mask, ids, labels):
        return self.gradient(self.network)(mask, ids, labels)


def mask_scores(model: MultiTaskModel, plan: InputPlan, batches: Iterable, tasks: int,
                signed: bool = False) -> np.ndarray:
    """The paper's score (eq. 10): s_tn, ∂L_t/∂m_tn at m = 1; its magnitude, averaged over batches, is ours.

    Batch normalisation works in training mode and dropout is off: a dropped unit would only add noise to one pass.
    A field that helps has a *negative* derivative, so importance is the magnitude; ``signed`` keeps the sign.

    Args:
        model: all fields, as initialised. Its moving statistics are changed.
        plan: the plan of all fields it was built with.
        batches: (ids, labels) Tensors of equal shape.

    Returns:
        float64 ``[tasks, fields]``.
    """
    network = MaskGradient(MaskedTaskLoss(model, plan, tasks))
    network.set_train()
    ones = Tensor(np.ones((tasks, len(plan.columns)), np.float32))
    total, count = 0.0, 0
    for ids, labels in batches:
        gradient = network(ones, ids, labels).asnumpy().astype(np.float64)
        total, count = total + (gradient if signed else np.abs(gradient)), count + 1
    return total / count


class RoutedLosses(nn.Cell):
    """Losses ``[tasks]`` as a function of the embedded fields ``[batch, slots, dim]``."""

    def __init__(self, model: MultiTaskModel):
        super().__init__(auto_prefix=False)
        self.router, self.backbone = model.router, model.backbone
        self.losses = TaskLosses(model.plan.numbers)

    def construct(self, embedded, labels):
        return self.losses(self.backbone(self.router(embedded), None).T, labels)


class FieldGradients(nn.Cell):
    """Every row's gradient by every embedded field: G_t = ∂L_t/∂E, one backward pass a task over one forward pass.

    ``construct(ids, labels)`` gives ``(E, (G_0, .., G_T-1))``, each ``[batch, slots, dim]``. The mask gradient is their
    inner product, s_tn = Σ_b ⟨E_bn, G_tbn⟩, which a test holds against ``mask_scores``.
    """

    def __init__(self, model: MultiTaskModel, tasks: int):
        super().__init__(auto_prefix=False)
        self.embedding = model.embedding
        self.network = RoutedLosses(model)
        self.gradient = ops.GradOperation(sens_param=True)
        self.each = [Tensor(row) for row in np.eye(tasks, dtype=np.float32)]

    def construct(self, ids, labels):
        embedded = self.embedding(ids)
        gradients = ()
        for which in self.each:
            gradients += (self.gradient(self.network)(embedded, labels, which),)
        return embedded, gradients


def field_gradients(network: FieldGradients, plan: InputPlan, ids: Tensor, labels: Tensor) -> np.ndarray:
    """Gradients of every task's loss by the fields its prediction reads, ``[tasks, batch, fields, dim]``."""
    fields = len(plan.columns)
    private = len(plan.slots) > fields  # every task has slots of its own
    gradients = [gradient.asnumpy() for gradient in network(ids, labels)[1]]
    return np.stack([gradient[:, t * fields:(t + 1) * fields] if private else gradient
                     for t, gradient in enumerate(gradients)])

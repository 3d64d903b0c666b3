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
"""Whole models: embedding, router, backbone; and the loss over all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ..schema import Schema
from ..settings import Settings
from .backbone import Sizes
from .backbones import make_backbone
from .building import BuildContext
from .embedding import FieldEmbedding, FieldRouter, FoldedInputs, MaskedRouter, folds
from .naming import natural_values, set_natural
from .plan import InputPlan, PathFields, plan_inputs


class MultiTaskModel(nn.Cell):
    """A backbone over the planned fields only: ``construct(ids, keep)`` gives logits ``[batch, tasks]``.

    Args:
        plan: which fields reach which path; fields outside it cost neither rows nor columns.
        backbone: name, one of ``TRAITS``.
        tasks: number of tasks.
        config: anything with embedding_dim, bottom_dims, tower_dims, experts, dropout, seed.
        ranks: processes that train it together.
        fold: whether small fields may be folded (``FoldedInputs``).

    ``ids`` is ``[batch, sum(plan.widths)]`` int32. ``keep`` is the dropout mask ``[mask_rows, batch]`` bool, or None.
    """

    def __init__(self, plan: InputPlan, backbone: str, tasks: int, config: Settings, ranks: int = 1,
                 fold: bool = True):
        super().__init__()
        context = BuildContext(config.seed, config.dropout, ranks)
        dim = config.embedding_dim
        self.plan = plan
        self.embedding = FieldEmbedding(plan, dim, context)
        self.router = FieldRouter(plan)
        self.folds = fold and folds(plan, dim)
        if self.folds:
            self.folded = FoldedInputs(plan, dim)
        self.backbone = make_backbone(backbone, sizes_of(plan, tasks, config, fold), context)
        self.mask_rows = context.mask_rows
        self.dropout = context.dropout
        self.gather = ops.Gather()

    def construct(self, ids, keep=None):
        return self.logits(ids, self.gather(self.embedding.table, self.rows(ids), 0), keep)

    def rows(self, ids):
        """Rows of the embedding table to look up, in the order that ``logits`` expects them in: flat int32."""
        return self.folded.rows(ids) if self.folds else self.embedding.rows(ids).reshape(-1)

    def logits(self, ids, vectors, keep=None):
        """Logits from vectors ``[rows, dim]`` that were looked up already."""
        if self.folds:
            return self.backbone(self.folded(ids, vectors), keep).T
        vectors = vectors.reshape(ids.shape[0], -1, vectors.shape[1])
        return self.backbone(self.router(self.embedding.of_slots(ids, vectors)), keep).T

    def parameter_count(self) -> int:
        """Number of trained values, the embedding's included."""
        return sum(parameter.size for parameter in self.trainable_params())

    def embedding_parameter_count(self) -> int:
        return self.embedding.table.size


def sizes_of(plan: InputPlan, tasks: int, config: Settings, fold: bool = True) -> Sizes:
    """Fields and widths of the backbone over the planned fields."""
    fields = tuple(PathFields(tuple(plan.cardinalities[slot] for slot in path), config.embedding_dim, fold,
                              tuple(place for place, slot in enumerate(path) if plan.slot_pools[slot]))
                   for path in plan.paths)
    return Sizes(fields, tasks, tuple(config.bottom_dims), tuple(config.tower_dims), config.experts)


def without_folding(model: MultiTaskModel, config: Settings) -> MultiTaskModel:
    """A model of the same weights that stores them as one matrix per layer, for graphs that embed every field."""
    backbone = model.backbone
    plain = MultiTaskModel(model.plan, backbone.name, len(backbone.tower.names), config, fold=False)
    set_natural(plain, natural_values(model))
    return plain


class MaskedModel(nn.Cell):
    """The same parameters as a model of all fields, every path multiplied by a mask: what scoring differentiates.

    ``construct(ids, masks, keep)``: masks ``[paths, fields]``. With masks of 0 and 1 its logits equal those of the
    pruned model with the same weights.
    """

    def __init__(self, model: MultiTaskModel, plan: InputPlan):
        super().__init__(auto_prefix=False)  # the parameters keep the model's names
        self.embedding = model.embedding
        self.router = MaskedRouter(plan)
        self.backbone = model.backbone

    def construct(self, ids, masks, keep=None):
        return self.backbone(self.router(self.embedding(ids), masks), keep).T


class TaskLosses(nn.Cell):
    """The loss of every task: outputs and labels ``[batch, tasks]`` to means over the batch ``[tasks]``.

    It is binary cross-entropy of a logit. Of a task whose label is a number, in units of its train split's deviation,
    it is half the squared error: both are negative log-likelihoods in nats, up to a constant, and both have the
    derivative "prediction less label", so tasks of both kinds balance.

    Args:
        numbers: of every task, whether its label is a number; empty where all are binary.

    Labels ``[batch, tasks, 2]`` hold a label and the share that the entry has in its task's mean, as
    ``src/data/targets.py`` makes them; a task without a known label in the batch has shares, and so a loss, of 0.
    """

    def __init__(self, numbers: Sequence[bool] = ()):
        super().__init__()
        self.mixed = any(numbers)
        if self.mixed:
            self.numbers = Tensor(np.array(numbers, np.float32).reshape(1, -1))
            self.binary = Tensor(1 - np.array(numbers, np.float32).reshape(1, -1))

    def construct(self, logits, labels):
        if len(labels.shape) == 3:
            return (self.terms(logits, labels[:, :, 0]) * labels[:, :, 1]).sum(0)
        return self.terms(logits, labels).mean(0)

    def terms(self, logits, labels):
        """The loss of every entry, ``[batch, tasks]``."""
        ones = ops.ones_like(logits)
        if not self.mixed:
            return ops.binary_cross_entropy_with_logits(logits, labels, ones, ones, "none")
        crossed = ops.binary_cross_entropy_with_logits(logits * self.binary, labels * self.binary, ones, ones, "none")
        errors = (logits - labels) * self.numbers
        return crossed * self.binary + errors * errors / 2


@dataclass(frozen=True)
class TaskWeights:
    """What multiplies the tasks' losses, in task order; ``learned``: where they begin."""

    values: tuple[float, ...]
    learned: bool = False


class TotalLoss(nn.Cell):
    """One loss of the tasks' losses ``[tasks]``: their sum or mean, weighted where there are weights.

    Learned weights are those of Kendall et al. (CVPR 2018): with s_t the logarithm of task t's variance, a parameter
    of the loss and not of the model, it adds exp(-s_t) L_t + s_t / 2.
    """

    def __init__(self, reduction: str = "sum", weights: TaskWeights | None = None):
        super().__init__(auto_prefix=False)
        self.mean, self.weighted = reduction == "mean", weights is not None
        self.learned = self.weighted and weights.learned
        if self.learned:
            start = -np.log(np.array(weights.values, np.float32))
            self.log_variances = Parameter(Tensor(start), name="task_log_variances")
        elif self.weighted:
            self.weights = Tensor(np.array(weights.values, np.float32))

    def construct(self, losses):
        if self.learned:
            losses = ops.exp(-self.log_variances) * losses + self.log_variances / 2
        elif self.weighted:
            losses = losses * self.weights
        return losses.mean() if self.mean else losses.sum()

    def learned_weights(self) -> np.ndarray | None:
        """exp(-s_t) of every task, ``[tasks]``; None where they are not learned."""
        return np.exp(-self.log_variances.asnumpy()) if self.learned else None


class NetWithLoss(nn.Cell):
    """Model and loss in one Cell: the sum (or mean) over tasks of their mean loss."""

    def __init__(self, model: nn.Cell, reduction: str = "sum", weights: TaskWeights | None = None):
        super().__init__(auto_prefix=False)
        self.model = model
        self.losses = TaskLosses(model.plan.numbers)
        self.total = TotalLoss(reduction, weights)

    def construct(self, ids, labels, keep=None):
        return self.total(self.losses(self.model(ids, keep), labels))


def fresh_model(schema: Schema, tasks: Sequence[str], config: Settings) -> tuple[InputPlan, MultiTaskModel]:
    """The plan of all fields, and the backbone over them as initialised by the seed."""
    plan = plan_inputs(config.backbone, schema, tasks)
    return plan, MultiTaskModel(plan, config.backbone, len(tasks), config)


def set_output_bias(model: MultiTaskModel, logits: Sequence[float]) -> None:
    """Sets the output bias of every tower, e.g. to the log odds of the task's positive rate."""
    model.backbone.tower.bias.set_data(Tensor(np.array(logits, np.float32)))

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
"""The seven backbones in plain PyTorch, written from their papers with the structure and names MTReclib gives them.

Every model maps ids ``[batch, N]`` over all fields of the data set to logits ``[batch, T]``; a pruned model reads only
some of the columns. ``scale`` and ``shift`` are for the scores: every path reads ``e_n scale_n + shift_n``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pytorch_reference.networks.layers import Mlp, OffsetEmbedding, mix, softmax_gate


@dataclass(frozen=True)
class Shape:
    """Everything that fixes a model's parameters.

    Attributes:
        cardinalities: ids of every field of the data set, N of them.
        task_fields: positions of the fields every task's own path reads, or None for all; unused where there is none.
        shared_fields: the same for the shared path.
        numerical: width of MTReclib's second input, which goes through one Linear; 0 leaves it out.
        pools, widths: of every field, how its values are pooled (None: it has one), and its columns of ids; empty where
            all have one.
    """

    cardinalities: tuple[int, ...]
    tasks: int
    dim: int = 64
    bottom: tuple[int, ...] = (512, 256)
    tower: tuple[int, ...] = (128, 64)
    experts: int = 8
    dropout: float = 0.2
    task_fields: Sequence[Sequence[int]] | None = None
    shared_fields: Sequence[int] | None = None
    numerical: int = 0
    pools: Sequence[str | None] = ()
    widths: Sequence[int] = ()

    def columns(self, fields: Sequence[int]) -> list[int]:
        """The columns of ids of some fields."""
        if not any(self.pools):
            return list(fields)
        return [sum(self.widths[:field]) + place for field in fields for place in range(self.widths[field])]

    def table(self, fields: Sequence[int]) -> OffsetEmbedding:
        """An embedding of some fields."""
        pooled = [[held[field] for field in fields] for held in (self.pools, self.widths) if any(self.pools)]
        return OffsetEmbedding([self.cardinalities[field] for field in fields], self.dim, *pooled)

    def of_task(self, task: int) -> list[int]:
        everything = list(range(len(self.cardinalities)))
        return everything if self.task_fields is None else sorted(self.task_fields[task])

    def of_shared(self) -> list[int]:
        return list(range(len(self.cardinalities))) if self.shared_fields is None else sorted(self.shared_fields)

    def width(self, fields: Sequence[int]) -> int:
        """Numbers a path reads: one vector a field, and one for the numerical input where there is one."""
        return (len(fields) + (self.numerical > 0)) * self.dim


class Backbone(nn.Module):
    """Embeds, hands every path its fields, adds a tower per task. Subclasses say what lies between."""

    reads_tasks = False  # has a path per task
    reads_shared = False  # has a path all tasks share

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.used = sorted({field for path in self.paths() for field in path})
        self.embedding = shape.table(self.used)
        if shape.numerical:
            self.numerical_layer = nn.Linear(shape.numerical, shape.dim)

    def paths(self) -> list[list[int]]:
        """Fields of every path: one per task, then the shared one, as far as the backbone has them."""
        own = [self.shape.of_task(task) for task in range(self.shape.tasks)] if self.reads_tasks else []
        return own + ([self.shape.of_shared()] if self.reads_shared else [])

    def towers(self) -> nn.ModuleList:
        shape = self.shape
        return nn.ModuleList(Mlp(shape.bottom[-1], shape.tower, shape.dropout, output=True) for _ in range(shape.tasks))

    def forward(self, ids: Tensor, scale: Tensor | None = None, shift: Tensor | None = None,
                numerical: Tensor | None = None) -> Tensor:
        """Logits ``[batch, T]``.

        Args:
            ids: ``[batch, N]`` integers.
            scale: ``[N]``, multiplies every field's vector on every path.
            shift: ``[batch, N, dim]``, is then added to it.
            numerical: ``[batch, numerical]``, only for models built with it.
        """
        return self.body(self.inputs(ids, scale, shift, numerical))

    def inputs(self, ids, scale, shift, numerical) -> list[Tensor]:
        place = {field: index for index, field in enumerate(self.used)}
        vectors = adjust(self.embedding(ids[:, self.shape.columns(self.used)]), self.used, scale, shift)
        extra = [self.numerical_layer(numerical)] if self.shape.numerical else []
        return [torch.cat([vectors[:, [place[field] for field in path]].flatten(1)] + extra, dim=1)
                for path in self.paths()]

    def body(self, inputs: list[Tensor]) -> Tensor:
        """Logits ``[batch, tasks]`` from the input of every path; this is what a subclass is."""
        raise NotImplementedError(f"{type(self).__name__} lacks body")


def adjust(vectors: Tensor, fields: Sequence[int], scale: Tensor | None, shift: Tensor | None) -> Tensor:
    if scale is not None:
        vectors = vectors * scale[list(fields)].reshape(1, -1, 1)
    return vectors if shift is None else vectors + shift[:, list(fields)]


def read_towers(towers: nn.ModuleList, features: Sequence[Tensor]) -> Tensor:
    return torch.cat([tower(feature) for tower, feature in zip(towers, features)], dim=1)


class SharedBottom(Backbone):
    """One bottom for all tasks (Caruana 1997)."""

    reads_shared = True

    def __init__(self, shape: Shape):
        super().__init__(shape)
        self.bottom = Mlp(shape.width(shape.of_shared()), shape.bottom, shape.dropout)
        self.tower = self.towers()

    def body(self, inputs):
        return read_towers(self.tower, [self.bottom(inputs[0])] * self.shape.tasks)


class Omoe(Backbone):
    """Experts mixed by one gate for all tasks (Jacobs et al. 1991)."""

    reads_shared = True

    def __init__(self, shape: Shape):
        super().__init__(shape)
        width = shape.width(shape.of_shared())
        self.expert = nn.ModuleList(Mlp(width, shape.bottom, shape.dropout) for _ in range(shape.experts))
        self.tower = self.towers()
        self.gate = self.make_gate(width)

    def make_gate(self, width: int) -> nn.Module:
        return softmax_gate(width, self.shape.experts)

    def body(self, inputs):
        feature = mix(self.gate(inputs[0]), [expert(inputs[0]) for expert in self.expert])
        return read_towers(self.tower, [feature] * self.shape.tasks)


class Mmoe(Omoe):
    """Experts mixed by a gate per task (Ma et al., KDD 2018)."""

    def make_gate(self, width: int) -> nn.Module:
        return nn.ModuleList(softmax_gate(width, self.shape.experts) for _ in range(self.shape.tasks))

    def body(self, inputs):
        options = [expert(inputs[0]) for expert in self.expert]
        return read_towers(self.tower, [mix(gate(inputs[0]), options) for gate in self.gate])


class Ple(Backbone):
    """Progressive layered extraction (Tang et al., RecSys 2020): one level of experts per bottom width.

    Of ``experts``, one half is shared and every task has as many again as that half. A task's gate weighs its own
    experts, then the shared ones; the shared gate weighs those of all tasks in order, then the shared ones. Nothing
    reads the last level's shared gate, but MTReclib's state_dict holds it: it exists here only in ``numerical`` form,
    where the names must be exactly MTReclib's.
    """

    reads_tasks = True
    reads_shared = True

    def __init__(self, shape: Shape):
        super().__init__(shape)
        self.half = max(shape.experts // 2, 1)
        tasks = range(shape.tasks)
        task_experts, task_gates, share_experts, share_gates = [], [], [], []
        for level, width in enumerate(shape.bottom):
            first = level == 0
            own = [shape.width(shape.of_task(task)) if first else shape.bottom[level - 1] for task in tasks]
            common = shape.width(shape.of_shared()) if first else shape.bottom[level - 1]
            task_experts.append(nn.ModuleList(self.experts(own[task], width) for task in tasks))
            task_gates.append(nn.ModuleList(softmax_gate(own[task], 2 * self.half) for task in tasks))
            share_experts.append(self.experts(common, width))
            if level + 1 < len(shape.bottom) or shape.numerical:
                share_gates.append(softmax_gate(common, (shape.tasks + 1) * self.half))
        self.task_experts, self.task_gates = nn.ModuleList(task_experts), nn.ModuleList(task_gates)
        self.share_experts, self.share_gates = nn.ModuleList(share_experts), nn.ModuleList(share_gates)
        self.tower = self.towers()

    def experts(self, inputs: int, width: int) -> nn.ModuleList:
        return nn.ModuleList(Mlp(inputs, [width], self.shape.dropout) for _ in range(self.half))

    def body(self, inputs):
        own, common = inputs[:-1], inputs[-1]
        last = len(self.shape.bottom) - 1
        for level in range(last + 1):
            shared = [expert(common) for expert in self.share_experts[level]]
            private = [[expert(x) for expert in experts] for experts, x in zip(self.task_experts[level], own)]
            own = [mix(gate(x), options + shared) for gate, x, options in zip(self.task_gates[level], own, private)]
            if level < last:
                common = mix(self.share_gates[level](common), sum(private, []) + shared)
        return read_towers(self.tower, own)


class Esmm(Backbone):
    """Entire-space chain (Ma et al., SIGIR 2018): task t happens when the towers 1 to t all say so."""

    reads_tasks = True

    def __init__(self, shape: Shape):
        super().__init__(shape)
        self.bottom = nn.ModuleList(Mlp(shape.width(path), shape.bottom, shape.dropout) for path in self.paths())
        self.tower = self.towers()

    def body(self, inputs):
        return chain_logits(read_towers(self.tower, [bottom(x) for bottom, x in zip(self.bottom, inputs)]))


def chain_logits(steps: Tensor) -> Tensor:
    """Logit of the product of the sigmoids of steps 1 to t, for every t: ``[batch, T]`` to ``[batch, T]``.

    Not happening by step t is not happening by t - 1, or stopping at t: log(1 - P_t) is the logaddexp of
    log(1 - P_(t-1)) and log P_(t-1) + log σ(-step_t). Neither term cancels, however large the steps.
    """
    happens, fails = F.logsigmoid(steps[:, 0]), F.logsigmoid(-steps[:, 0])
    logits = [steps[:, 0]]
    for step in steps.unbind(1)[1:]:
        fails = torch.logaddexp(fails, happens + F.logsigmoid(-step))
        happens = happens + F.logsigmoid(step)
        logits.append(happens - fails)
    return torch.stack(logits, dim=1)


class Aitm(Backbone):
    """Adaptive information transfer (Xi et al., KDD 2021): task t attends to its own features and to task t - 1's."""

    reads_tasks = True

    def __init__(self, shape: Shape):
        super().__init__(shape)
        width = shape.bottom[-1]
        self.g = nn.ModuleList(nn.Linear(width, width) for _ in range(shape.tasks - 1))
        self.h1, self.h2, self.h3 = (nn.Linear(width, width) for _ in range(3))
        self.bottom = nn.ModuleList(Mlp(shape.width(path), shape.bottom, shape.dropout) for path in self.paths())
        self.tower = self.towers()

    def body(self, inputs):
        own = [bottom(x) for bottom, x in zip(self.bottom, inputs)]
        features = own[:1]
        for transfer, feature in zip(self.g, own[1:]):
            features.append(self.attend([transfer(features[-1]), feature]))
        return read_towers(self.tower, features)

    def attend(self, pair: Sequence[Tensor]) -> Tensor:
        """Value (h1) of both, weighed by the softmax of key (h2) · query (h3) / √width."""
        strength = [(self.h2(x) * self.h3(x)).sum(1) / math.sqrt(x.shape[1]) for x in pair]
        weights = torch.softmax(torch.stack(strength, dim=1), dim=1)
        return mix(weights, [self.h1(x) for x in pair])


class SingleTask(nn.Module):
    """T networks that share nothing, the embedding table included."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        fields = [shape.of_task(task) for task in range(shape.tasks)]
        self.embedding = nn.ModuleList(shape.table(own) for own in fields)
        if shape.numerical:
            self.numerical_layer = nn.ModuleList(nn.Linear(shape.numerical, shape.dim) for _ in fields)
        self.bottom = nn.ModuleList(Mlp(shape.width(own), shape.bottom, shape.dropout) for own in fields)
        self.tower = nn.ModuleList(Mlp(shape.bottom[-1], shape.tower, shape.dropout, output=True) for _ in fields)

    def forward(self, ids, scale=None, shift=None, numerical=None):
        features = []
        for task in range(self.shape.tasks):
            own = self.shape.of_task(task)
            parts = [adjust(self.embedding[task](ids[:, self.shape.columns(own)]), own, scale, shift).flatten(1)]
            if self.shape.numerical:
                parts.append(self.numerical_layer[task](numerical))
            features.append(self.bottom[task](torch.cat(parts, dim=1)))
        return read_towers(self.tower, features)


BACKBONES: dict[str, type[nn.Module]] = {
    "single_task": SingleTask, "shared_bottom": SharedBottom, "omoe": Omoe, "mmoe": Mmoe, "ple": Ple, "esmm": Esmm,
    "aitm": Aitm,
}


def task_losses(logits: Tensor, labels: Tensor, numbers: Sequence[bool] = ()) -> Tensor:
    """Mean binary cross-entropy of every task: ``[batch, T]`` twice to ``[T]``; half the mean squared error of those
    whose label is a number."""
    labels, numbers = labels.to(logits.dtype), numbers or [False] * logits.shape[1]
    return torch.stack([F.mse_loss(output, label) / 2 if number else F.binary_cross_entropy_with_logits(output, label)
                        for output, label, number in zip(logits.T, labels.T, numbers)])


def total_loss(logits: Tensor, labels: Tensor, reduction: str = "sum", numbers: Sequence[bool] = ()) -> Tensor:
    """Sum or mean over tasks of their losses."""
    losses = task_losses(logits, labels, numbers)
    return {"sum": losses.sum, "mean": losses.mean}[reduction]()

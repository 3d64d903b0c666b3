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
"""The multi-task backbones. Structure and widths follow MTReclib, so that weights carry over one to one
(docs/COMPARISON.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from mindspore import nn, ops

from .backbone import BACKBONES, Backbone, Sizes, field_mlps
from .building import BuildContext
from .layers import Dense, Mixture, MLPs
from .plan import PathFields, Traits
from .products import Product


class SingleTask(Backbone):
    """An independent feed-forward network for every task: the baseline without any sharing."""

    name = "single_task"
    traits = Traits(tasks=True, shared=None, private_embedding=True)

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        self.bottom = nn.CellList([field_mlps([f"bottom.{task}"], fields, sizes.bottom, context)
                                   for task, fields in enumerate(sizes.inputs)])

    def hidden(self, inputs, keep=None):
        """Results of the tasks' bottoms, ``[tasks, width, batch]``."""
        made = ()
        for i in range(len(self.bottom)):
            made += (self.bottom[i](inputs[i], keep),)
        return self.joined(made)

    def construct(self, inputs, keep=None):
        return self.tower(self.hidden(inputs, keep), keep)


class SharedBottom(Backbone):
    """One bottom MLP for all tasks (Caruana, 1997)."""

    name = "shared_bottom"
    traits = Traits(tasks=False, shared="union")
    one_input = True

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        self.bottom = field_mlps(["bottom"], sizes.inputs[0], sizes.bottom, context)

    def construct(self, inputs, keep=None):
        return self.tower(self.bottom(inputs[0], keep), keep)


class OMoE(Backbone):
    """Experts mixed by one gate for all tasks (the baseline of Ma et al., KDD 2018)."""

    name = "omoe"
    traits = Traits(tasks=False, shared="union")
    one_input = True

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        self.count = self.gates(sizes)
        self.expert = field_mlps([f"expert.{e}" for e in range(sizes.experts)], sizes.inputs[0], sizes.bottom, context,
                                 gates=[(f"gate.{g}", sizes.experts) for g in range(self.count)])
        self.experts = sizes.experts
        self.softmax, self.mixture = ops.Softmax(axis=1), Mixture(sizes.experts, sizes.bottom[-1])

    def gates(self, sizes: Sizes) -> int:
        """Number of gates."""
        return 1

    def mixtures(self, inputs, keep=None):
        """What every gate makes of the experts, a tuple of ``[1, width, batch]``."""
        experts, gates = self.expert(inputs[0], keep)
        weights = self.softmax(gates.reshape(self.count, self.experts, -1))
        made = ()
        for i in range(self.count):
            made += (self.mixture(experts, weights[i]),)
        return made

    def construct(self, inputs, keep=None):
        return self.tower(self.mixtures(inputs, keep)[0], keep)


class MMoE(OMoE):
    """Experts mixed by one gate per task (Ma et al., KDD 2018)."""

    name = "mmoe"
    one_input = False

    def gates(self, sizes: Sizes) -> int:
        return sizes.tasks

    def construct(self, inputs, keep=None):
        return self.tower(self.joined(self.mixtures(inputs, keep)), keep)


class ExtractionLayer(nn.Cell):
    """One level of PLE: experts of every task and shared ones, mixed by one gate per task (and a shared gate).

    ``construct(inputs, keep)`` maps one input per task and the shared one to as many values ``[1, width, batch]``.

    Args:
        name: of the level in the names of its experts and gates.
        inputs: fields of the task inputs and of the shared one; above the first level, their widths.
        width: output width of every expert.
        experts: number of experts of every task, and of shared ones.
        last: the last level has no shared output, hence no shared gate.
    """

    def __init__(self, name: str, inputs: Sequence[PathFields | int], width: int, experts: int, context: BuildContext,
                 last: bool):
        super().__init__()
        self.tasks, self.experts, self.last = len(inputs) - 1, experts, last

        def of_input(kind: str, source: PathFields | int, gates: list) -> MLPs:
            names = [f"{name}.{kind}.{e}" for e in range(experts)]
            if isinstance(source, PathFields):
                return field_mlps(names, source, [width], context, gates)
            return MLPs(names, Product(source, experts * width + sum(size for _, size in gates), context), [width],
                        context, gates=gates)

        self.task_experts = nn.CellList([
            of_input(f"task_experts.{t}", inputs[t], [(f"{name}.task_gates.{t}", 2 * experts)])
            for t in range(self.tasks)])
        self.share_experts = of_input("share_experts", inputs[-1],
                                      [] if last else [(f"{name}.share_gate", (self.tasks + 1) * experts)])
        self.softmax, self.mixture = ops.Softmax(axis=0), Mixture(experts, width)

    def construct(self, inputs, keep=None):
        found = self.share_experts(inputs[self.tasks], keep)
        if self.last:
            return self.mix_tasks(inputs, found, keep)[0]
        shared, logits = found
        outputs, own = self.mix_tasks(inputs, shared, keep)
        weights, count = self.softmax(logits), self.experts
        common = self.mixture(shared, weights[self.tasks * count:])
        for t in range(self.tasks):
            common = common + self.mixture(own[t], weights[t * count:(t + 1) * count])
        return outputs + (common,)

    def mix_tasks(self, inputs, shared, keep):
        """The mixture of every task, and what its own experts put out."""
        outputs, experts = (), ()
        for t in range(self.tasks):
            own, logits = self.task_experts[t](inputs[t], keep)
            weights, count = self.softmax(logits), self.experts
            outputs += (self.mixture(own, weights[:count]) + self.mixture(shared, weights[count:]),)
            experts += (own,)
        return outputs, experts


class PLE(Backbone):
    """Progressive layered extraction (Tang et al., RecSys 2020): one level per bottom width.

    As in MTReclib, half of ``experts`` are shared and as many belong to every task.
    """

    name = "ple"
    traits = Traits(tasks=True, shared="intersection")

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        levels, inputs = [], sizes.inputs
        for i, width in enumerate(sizes.bottom):
            last = i == len(sizes.bottom) - 1
            levels.append(ExtractionLayer(f"level.{i}", inputs, width, max(1, sizes.experts // 2), context, last))
            inputs = [width] * (sizes.tasks + 1)
        self.level = nn.CellList(levels)

    def construct(self, inputs, keep=None):
        for level in self.level:
            inputs = level(inputs, keep)
        return self.tower(self.joined(inputs), keep)


class ESMM(SingleTask):
    """Entire-space model (Ma et al., SIGIR 2018): the probability of task t is the product of those of towers 1..t.

    Tower t predicts label t given label t - 1. The product is formed as a logit, in log space and without
    cancellation: with P the product so far and p the next probability, log Pp = log P + log p and
    1 - Pp = (1 - P) + P (1 - p).

    It is trained on all rows: a label of rows with label t - 1 alone would be taken for that of the product.
    """

    name = "esmm"
    traits = Traits(tasks=True, shared=None, min_tasks=2, complete=True, probabilities=True)

    def construct(self, inputs, keep=None):
        steps = self.tower(self.hidden(inputs, keep), keep)
        yes, no = log_sigmoid(steps), log_sigmoid(-steps)
        log_yes, log_no = yes[:1], no[:1]
        logits = (steps[:1],)
        for i in range(1, len(self.bottom)):
            log_no = log_add(log_no, log_yes + no[i:i + 1])
            log_yes = log_yes + yes[i:i + 1]
            logits += (log_yes - log_no,)
        return self.joined(logits)

    def probabilities(self, inputs):
        """The products themselves: logits need Log1p, which MindSpore cannot write as ONNX."""
        steps = self.sigmoid(self.tower(self.hidden(inputs)))
        product = steps[:1]
        products = (product,)
        for i in range(1, len(self.bottom)):
            product = product * steps[i:i + 1]
            products += (product,)
        return self.joined(products)

    @staticmethod
    def rate_logits(rates: np.ndarray, rows: int) -> np.ndarray:
        """Those of every task's rate among the positives of the task before it."""
        return Backbone.rate_logits(rates / np.concatenate([[1.0], np.maximum(rates[:-1], 0.5 / rows)]), rows)


class AITM(Backbone):
    """Adaptive information transfer (Xi et al., KDD 2021): every task attends to its own features and to what the task
    before it passes on, with attention scaled by the square root of the width."""

    name = "aitm"
    traits = Traits(tasks=True, shared=None, min_tasks=2)

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        width = sizes.bottom[-1]
        self.bottom = nn.CellList([field_mlps([f"bottom.{task}"], fields, sizes.bottom, context)
                                   for task, fields in enumerate(sizes.inputs)])
        self.transfer = nn.CellList([Dense(width, width, context) for _ in range(sizes.tasks - 1)])
        self.value, self.key, self.query = (Dense(width, width, context) for _ in range(3))
        self.scale = 1 / math.sqrt(width)
        self.sum = ops.ReduceSum(keep_dims=True)

    def affinity(self, x):
        """Attention logit ``[1, batch]`` of one candidate ``[width, batch]``."""
        return self.sum(self.key(x) * self.query(x), 0) * self.scale

    def construct(self, inputs, keep=None):
        hidden = flat(self.bottom[0](inputs[0], keep))
        made = (hidden.expand_dims(0),)
        for i in range(1, len(self.bottom)):
            passed = self.transfer[i - 1](hidden)
            own = flat(self.bottom[i](inputs[i], keep))
            weight = self.sigmoid(self.affinity(passed) - self.affinity(own))  # softmax over two candidates
            hidden = weight * self.value(passed) + (1 - weight) * self.value(own)
            made += (hidden.expand_dims(0),)
        return self.tower(self.joined(made), keep)


def make_backbone(name: str, sizes: Sizes, context: BuildContext) -> Backbone:
    """Builds the named backbone; the name has been checked by ``traits_of``."""
    return BACKBONES[name](sizes, context)


def flat(x):
    """``[1, width, batch]`` as ``[width, batch]``; an index would copy."""
    return x.reshape(x.shape[1], -1)


def log_sigmoid(x):
    """log σ(x), stable for any x."""
    return ops.minimum(x, ops.zeros_like(x)) - ops.log1p(ops.exp(-ops.abs(x)))


def log_add(a, b):
    """log(eᵃ + eᵇ) of finite values, stable."""
    return ops.maximum(a, b) + ops.log1p(ops.exp(-ops.abs(a - b)))

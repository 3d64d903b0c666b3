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

from .backbone import BACKBONES, Backbone, Sizes
from .layers import MLP, BuildContext, Dense, Gate, Mixture
from .plan import Traits


def make_bottoms(inputs: Sequence[int], sizes: Sizes, context: BuildContext) -> nn.CellList:
    """One bottom MLP per given input width."""
    return nn.CellList([MLP(width, sizes.bottom, context, batch_major=True) for width in inputs])


class SingleTask(Backbone):
    """An independent feed-forward network for every task: the baseline without any sharing."""

    name = "single_task"
    traits = Traits(tasks=True, shared=None, private_embedding=True)

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        self.bottom = make_bottoms(sizes.inputs, sizes, context)

    def network_logits(self, inputs, keep=None):
        """The logits of the tasks' own networks, a tuple of ``[1, batch]``."""
        hidden = ()
        for i in range(len(self.bottom)):
            hidden += (self.bottom[i](inputs[i], keep),)
        return self.tower_logits(hidden, keep)

    def construct(self, inputs, keep=None):
        return self.stack(self.network_logits(inputs, keep))


class SharedBottom(Backbone):
    """One bottom MLP for all tasks (Caruana, 1997)."""

    name = "shared_bottom"
    traits = Traits(tasks=False, shared="union")

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        self.bottom = MLP(sizes.inputs[0], sizes.bottom, context, batch_major=True)

    def construct(self, inputs, keep=None):
        return self.stack(self.tower_logits((self.bottom(inputs[0], keep),), keep))


class OMoE(Backbone):
    """Experts mixed by one gate for all tasks (the baseline of Ma et al., KDD 2018)."""

    name = "omoe"
    traits = Traits(tasks=False, shared="union")

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        width, experts = sizes.inputs[0], sizes.experts
        self.expert = make_bottoms([width] * experts, sizes, context)
        self.gate = nn.CellList([Gate(width, experts, context, batch_major=True) for _ in range(self.gates(sizes))])
        self.mixture = Mixture()

    def gates(self, sizes: Sizes) -> int:
        """Number of gates."""
        return 1

    def construct(self, inputs, keep=None):
        experts = ()
        for expert in self.expert:
            experts += (expert(inputs[0], keep),)
        mixtures = ()
        for gate in self.gate:
            mixtures += (self.mixture(experts, gate(inputs[0])),)
        return self.stack(self.tower_logits(mixtures, keep))


class MMoE(OMoE):
    """Experts mixed by one gate per task (Ma et al., KDD 2018)."""

    name = "mmoe"

    def gates(self, sizes: Sizes) -> int:
        """Number of gates."""
        return sizes.tasks


class ExtractionLayer(nn.Cell):
    """One level of PLE: experts of every task and shared ones, mixed by one gate per task (and a shared gate).

    Args:
        inputs: widths of the task inputs and of the shared one.
        width: output width of every expert.
        experts: number of experts of every task, and of shared ones.
        last: the last level has no shared output, hence no shared gate.
    """

    def __init__(self, inputs: Sequence[int], width: int, experts: int, context: BuildContext, first: bool, last: bool):
        super().__init__()
        tasks = len(inputs) - 1
        self.task_experts = nn.CellList([
            nn.CellList([MLP(inputs[t], [width], context, batch_major=first) for _ in range(experts)])
            for t in range(tasks)
        ])
        self.share_experts = nn.CellList([MLP(inputs[-1], [width], context, batch_major=first) for _ in range(experts)])
        self.task_gates = nn.CellList([Gate(inputs[t], 2 * experts, context, batch_major=first) for t in range(tasks)])
        self.last = last
        if not last:
            self.share_gate = Gate(inputs[-1], (tasks + 1) * experts, context, batch_major=first)
        self.mixture = Mixture()

    def construct(self, inputs, keep=None):
        shared = ()
        for expert in self.share_experts:
            shared += (expert(inputs[len(inputs) - 1], keep),)
        outputs = ()
        everything = ()
        for t in range(len(self.task_gates)):
            own = ()
            for expert in self.task_experts[t]:
                own += (expert(inputs[t], keep),)
            everything += own
            outputs += (self.mixture(own + shared, self.task_gates[t](inputs[t])),)
        if not self.last:
            outputs += (self.mixture(everything + shared, self.share_gate(inputs[len(inputs) - 1])),)
        return outputs


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
            levels.append(ExtractionLayer(inputs, width, max(1, sizes.experts // 2), context, first=i == 0, last=last))
            inputs = [width] * (sizes.tasks + 1)
        self.level = nn.CellList(levels)

    def construct(self, inputs, keep=None):
        for level in self.level:
            inputs = level(inputs, keep)
        return self.stack(self.tower_logits(inputs, keep))


class ESMM(SingleTask):
    """Entire-space model (Ma et al., SIGIR 2018): the probability of task t is the product of those of towers 1..t.

    Tower t predicts label t given label t - 1. The product is formed as a logit, in log space and without
    cancellation: with P the product so far and p the next probability, log Pp = log P + log p and
    1 - Pp = (1 - P) + P (1 - p).

    It is trained on all rows: a label of rows with label t - 1 alone would be taken for that of the product.
    """

    name = "esmm"
    traits = Traits(tasks=True, shared=None, min_tasks=2, complete=True)

    def construct(self, inputs, keep=None):
        steps = self.network_logits(inputs, keep)
        log_yes, log_no = log_sigmoid(steps[0]), log_sigmoid(-steps[0])
        logits = (steps[0],)
        for i in range(1, len(steps)):
            log_no = log_add(log_no, log_yes + log_sigmoid(-steps[i]))
            log_yes = log_yes + log_sigmoid(steps[i])
            logits += (log_yes - log_no,)
        return self.stack(logits)

    def probabilities(self, inputs):
        """The products themselves: logits need Log1p, which MindSpore cannot write as ONNX."""
        steps = self.network_logits(inputs)
        product = self.sigmoid(steps[0])
        products = (product,)
        for i in range(1, len(steps)):
            product = product * self.sigmoid(steps[i])
            products += (product,)
        return self.stack(products)

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
        self.bottom = make_bottoms(sizes.inputs, sizes, context)
        self.transfer = nn.CellList([Dense(width, width, context) for _ in range(sizes.tasks - 1)])
        self.value, self.key, self.query = (Dense(width, width, context) for _ in range(3))
        self.scale = 1 / math.sqrt(width)
        self.sum = ops.ReduceSum(keep_dims=True)

    def affinity(self, x):
        """Attention logit ``[1, batch]`` of one candidate ``[width, batch]``."""
        return self.sum(self.key(x) * self.query(x), 0) * self.scale

    def construct(self, inputs, keep=None):
        hidden = self.bottom[0](inputs[0], keep)
        logits = (self.tower[0](hidden, keep),)
        for i in range(1, len(self.tower)):
            passed = self.transfer[i - 1](hidden)
            own = self.bottom[i](inputs[i], keep)
            weight = self.sigmoid(self.affinity(passed) - self.affinity(own))  # softmax over two candidates
            hidden = weight * self.value(passed) + (1 - weight) * self.value(own)
            logits += (self.tower[i](hidden, keep),)
        return self.stack(logits)


def make_backbone(name: str, sizes: Sizes, context: BuildContext) -> Backbone:
    """Builds the named backbone; the name has been checked by ``traits_of``."""
    return BACKBONES[name](sizes, context)


def log_sigmoid(x):
    """log σ(x), stable for any x."""
    return ops.minimum(x, ops.zeros_like(x)) - ops.log1p(ops.exp(-ops.abs(x)))


def log_add(a, b):
    """log(eᵃ + eᵇ) of finite values, stable."""
    return ops.maximum(a, b) + ops.log1p(ops.exp(-ops.abs(a - b)))

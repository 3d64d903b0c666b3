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
"""The multi-task backbones. Each maps its inputs to one logit per task and knows nothing of data or selection.

``construct(inputs, keep)``: inputs is a tuple of ``[batch, width]``, one per task and then the shared one, as far as
the backbone's Traits say it has them; keep is the dropout mask or None. The result is ``[tasks, batch]``.
Structure and widths follow MTReclib, so that weights carry over one to one (docs/COMPARISON.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mindspore import nn, ops

from .layers import MLP, Dense, Draft, Gate, Mixture


@dataclass(frozen=True)
class Sizes:
    """Widths a backbone is built with; ``inputs`` follows the order of the plan's paths."""

    inputs: tuple[int, ...]
    tasks: int
    bottom: tuple[int, ...]
    tower: tuple[int, ...]
    experts: int


def make_towers(sizes: Sizes, draft: Draft) -> nn.CellList:
    """One tower per task, from the last bottom width to a logit."""
    return nn.CellList([MLP(sizes.bottom[-1], sizes.tower, draft, logit=True) for _ in range(sizes.tasks)])


def make_bottoms(inputs: Sequence[int], sizes: Sizes, draft: Draft) -> nn.CellList:
    """One bottom MLP per given input width."""
    return nn.CellList([MLP(width, sizes.bottom, draft, batch_major=True) for width in inputs])


class SingleTask(nn.Cell):
    """An independent feed-forward network for every task: the baseline without any sharing."""

    def __init__(self, sizes: Sizes, draft: Draft):
        super().__init__()
        self.bottom = make_bottoms(sizes.inputs, sizes, draft)
        self.tower = make_towers(sizes, draft)
        self.concat = ops.Concat(0)

    def construct(self, inputs, keep=None):
        logits = ()
        for i in range(len(self.bottom)):
            logits += (self.tower[i](self.bottom[i](inputs[i], keep), keep),)
        return self.concat(logits)


class SharedBottom(nn.Cell):
    """One bottom MLP for all tasks (Caruana, 1997)."""

    def __init__(self, sizes: Sizes, draft: Draft):
        super().__init__()
        self.bottom = MLP(sizes.inputs[0], sizes.bottom, draft, batch_major=True)
        self.tower = make_towers(sizes, draft)
        self.concat = ops.Concat(0)

    def construct(self, inputs, keep=None):
        hidden = self.bottom(inputs[0], keep)
        logits = ()
        for tower in self.tower:
            logits += (tower(hidden, keep),)
        return self.concat(logits)


class MMoE(nn.Cell):
    """Experts mixed by one gate per task (Ma et al., KDD 2018); with ``gates=1``, by one gate for all (OMoE)."""

    def __init__(self, sizes: Sizes, draft: Draft, gates: int = 0):
        super().__init__()
        self.expert = make_bottoms([sizes.inputs[0]] * sizes.experts, sizes, draft)
        self.gate = nn.CellList([
            Gate(sizes.inputs[0], sizes.experts, draft, batch_major=True) for _ in range(gates or sizes.tasks)
        ])
        self.tower = make_towers(sizes, draft)
        self.mixture = Mixture()
        self.concat = ops.Concat(0)

    def construct(self, inputs, keep=None):
        experts = ()
        for expert in self.expert:
            experts += (expert(inputs[0], keep),)
        mixtures = ()
        for gate in self.gate:
            mixtures += (self.mixture(experts, gate(inputs[0])),)
        logits = ()
        for i in range(len(self.tower)):
            logits += (self.tower[i](mixtures[i % len(mixtures)], keep),)
        return self.concat(logits)


class ExtractionLayer(nn.Cell):
    """One level of PLE: experts of every task and shared ones, mixed by one gate per task (and a shared gate).

    Args:
        inputs: widths of the task inputs and of the shared one.
        width: output width of every expert.
        experts: number of experts of every task, and of shared ones.
        last: the last level has no shared output, hence no shared gate.
    """

    def __init__(self, inputs: Sequence[int], width: int, experts: int, draft: Draft, first: bool, last: bool):
        super().__init__()
        tasks = len(inputs) - 1
        self.task_experts = nn.CellList([
            nn.CellList([MLP(inputs[t], [width], draft, batch_major=first) for _ in range(experts)])
            for t in range(tasks)
        ])
        self.share_experts = nn.CellList([MLP(inputs[-1], [width], draft, batch_major=first) for _ in range(experts)])
        self.task_gates = nn.CellList([Gate(inputs[t], 2 * experts, draft, batch_major=first) for t in range(tasks)])
        self.last = last
        if not last:
            self.share_gate = Gate(inputs[-1], (tasks + 1) * experts, draft, batch_major=first)
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


class PLE(nn.Cell):
    """Progressive layered extraction (Tang et al., RecSys 2020): one level per bottom width.

    As in MTReclib, half of ``experts`` are shared and as many belong to every task.
    """

    def __init__(self, sizes: Sizes, draft: Draft):
        super().__init__()
        levels, inputs = [], sizes.inputs
        for i, width in enumerate(sizes.bottom):
            last = i == len(sizes.bottom) - 1
            levels.append(ExtractionLayer(inputs, width, max(1, sizes.experts // 2), draft, first=i == 0, last=last))
            inputs = [width] * (sizes.tasks + 1)
        self.level = nn.CellList(levels)
        self.tower = make_towers(sizes, draft)
        self.concat = ops.Concat(0)

    def construct(self, inputs, keep=None):
        for level in self.level:
            inputs = level(inputs, keep)
        logits = ()
        for i in range(len(self.tower)):
            logits += (self.tower[i](inputs[i], keep),)
        return self.concat(logits)


class ESMM(nn.Cell):
    """Entire-space model (Ma et al., SIGIR 2018): the probability of task t is the product of those of towers 1..t.

    The product is formed as a logit, in log space and without cancellation: with P the product so far and p the next
    probability, log Pp = log P + log p and 1 - Pp = (1 - P) + P (1 - p).
    """

    def __init__(self, sizes: Sizes, draft: Draft):
        super().__init__()
        self.bottom = make_bottoms(sizes.inputs, sizes, draft)
        self.tower = make_towers(sizes, draft)
        self.concat = ops.Concat(0)

    def steps(self, inputs, keep=None):
        """The towers' own logits, a tuple of ``[1, batch]``: task t's is that of its label given the one before."""
        logits = ()
        for i in range(len(self.tower)):
            logits += (self.tower[i](self.bottom[i](inputs[i], keep), keep),)
        return logits

    def construct(self, inputs, keep=None):
        steps = self.steps(inputs, keep)
        log_yes, log_no = log_sigmoid(steps[0]), log_sigmoid(-steps[0])
        logits = (steps[0],)
        for i in range(1, len(steps)):
            log_no = log_add(log_no, log_yes + log_sigmoid(-steps[i]))
            log_yes = log_yes + log_sigmoid(steps[i])
            logits += (log_yes - log_no,)
        return self.concat(logits)


class AITM(nn.Cell):
    """Adaptive information transfer (Xi et al., KDD 2021): every task attends to its own features and to what the task
    before it passes on, with attention scaled by the square root of the width."""

    def __init__(self, sizes: Sizes, draft: Draft):
        super().__init__()
        width = sizes.bottom[-1]
        self.bottom = make_bottoms(sizes.inputs, sizes, draft)
        self.transfer = nn.CellList([Dense(width, width, draft) for _ in range(sizes.tasks - 1)])
        self.value, self.key, self.query = (Dense(width, width, draft) for _ in range(3))
        self.tower = make_towers(sizes, draft)
        self.scale = 1 / math.sqrt(width)
        self.sum = ops.ReduceSum(keep_dims=True)
        self.sigmoid = ops.Sigmoid()
        self.concat = ops.Concat(0)

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
        return self.concat(logits)


def log_sigmoid(x):
    """log σ(x), stable for any x."""
    return ops.minimum(x, ops.zeros_like(x)) - ops.log1p(ops.exp(-ops.abs(x)))


def log_add(a, b):
    """log(eᵃ + eᵇ) of finite values, stable."""
    return ops.maximum(a, b) + ops.log1p(ops.exp(-ops.abs(a - b)))


def make_backbone(name: str, sizes: Sizes, draft: Draft) -> nn.Cell:
    """Builds the named backbone; the name has been checked by ``traits_of``."""
    builders = {
        "single_task": SingleTask, "shared_bottom": SharedBottom, "mmoe": MMoE, "ple": PLE, "esmm": ESMM, "aitm": AITM,
        "omoe": lambda sizes, draft: MMoE(sizes, draft, gates=1),
    }
    return builders[name](sizes, draft)

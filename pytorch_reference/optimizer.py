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
"""Adam as MindSpore steps it, for comparing weights after training step by step."""

from __future__ import annotations

import math

import torch


class MindSporeAdam(torch.optim.Adam):
    """PyTorch's Adam with MindSpore's epsilon.

    Both add ``weight_decay * w`` to the gradient. PyTorch divides by √v̂ + ε with v̂ = v / (1 - β₂ᵗ), MindSpore divides
    m̂ by (√v + ε) / √(1 - β₂ᵗ): its ε counts 1 / √(1 - β₂ᵗ) times as much, 31.6 times in the first step, once in the
    end. That matters only for gradients about as small as ε, such as those of embedding rows that only weight decay
    reaches.
    """

    steps = 0

    def step(self, closure=None):
        self.steps += 1
        given = [group["eps"] for group in self.param_groups]
        for group in self.param_groups:
            group["eps"] /= math.sqrt(1 - group["betas"][1] ** self.steps)
        try:
            return super().step(closure)
        finally:
            for group, eps in zip(self.param_groups, given):
                group["eps"] = eps

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
"""Tiny models and batches, small enough to check by hand or by finite differences."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from pytorch_reference.networks.models import BACKBONES, Shape

CARDINALITIES = (3, 5, 2, 4)
NAMES = sorted(BACKBONES)


def make(name: str, seed: int = 0, **changes) -> nn.Module:
    """A backbone over CARDINALITIES in float64; ``changes`` are fields of its Shape."""
    torch.manual_seed(seed)
    small = dict(cardinalities=CARDINALITIES, tasks=2, dim=3, bottom=(6, 4), tower=(5, 3), experts=4, dropout=0.3)
    return BACKBONES[name](Shape(**{**small, **changes})).double()


def rows(count: int = 12, tasks: int = 2, seed: int = 3) -> tuple[Tensor, Tensor]:
    """Random ids ``[count, N]`` and labels ``[count, tasks]``."""
    random = np.random.default_rng(seed)
    ids = np.stack([random.integers(0, size, count) for size in CARDINALITIES], axis=1)
    return torch.tensor(ids), torch.tensor(random.integers(0, 2, (count, tasks)))

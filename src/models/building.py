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
"""What the Cells of one network share while they are built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mindspore import Tensor

from ..common.streams import Stream, generator


class BuildContext:
    """What the Cells of one network share while they are built: initial values, and rows of the dropout mask.

    Args:
        seed: seed of the initial values. They do not depend on the device or on MindSpore's own generators.
        dropout: probability of dropping a hidden unit while training, taken to the nearest 1/256: the mask is drawn
            from single random bytes.
        ranks: processes that train the network together, each on its share of every batch.
    """

    def __init__(self, seed: int, dropout: float = 0.0, ranks: int = 1):
        self.rng = generator(seed, Stream.WEIGHTS)
        self.ranks = ranks
        self.dropout = min(round(dropout * 256), 255) / 256
        self.mask_rows = 0  # hidden units under dropout so far, of the whole network

    def uniform(self, shape: Sequence[int], bound: float) -> Tensor:
        """Float32 values from U(-bound, bound)."""
        return Tensor.from_numpy(self.draw(shape, bound))  # no second copy: tables can be large

    def draw(self, shape: Sequence[int], bound: float) -> np.ndarray:
        """The same as an array."""
        values = self.rng.random(shape, dtype=np.float32)
        values *= 2 * bound
        values -= bound
        return values

    def reserve_mask(self, units: int) -> int:
        """Gives ``units`` rows of the dropout mask to a layer; returns the first."""
        start = self.mask_rows
        self.mask_rows += units
        return start

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
"""MSSM's field-level masks (Ding et al., SIGIR 2021): sparse, one per (task, field), learned with the weights."""

from __future__ import annotations

import numpy as np
from mindspore import nn, ops

from src.selection.mask_scores import MaskedTaskLosses
from src.selection.masked_training import FieldMask, MaskSearch, finite, make_search_step

START = 1.0  # θ; masks begin at tanh(1) = 0.76, where their gradient is still 0.42 of θ's


class SparseMask(FieldMask):
    """``construct()`` gives ReLU(tanh θ), ``[tasks, fields]`` in [0, 1)."""

    def __init__(self, tasks: int, fields: int):
        super().__init__(tasks, fields, START)
        self.relu, self.tanh = ops.ReLU(), ops.Tanh()

    def construct(self):
        return self.relu(self.tanh(self.theta))


class SparseMaskLoss(nn.Cell):
    """The sum over tasks of the masked losses."""

    def __init__(self, mask: SparseMask, losses: MaskedTaskLosses):
        super().__init__(auto_prefix=False)
        self.mask, self.losses = mask, losses

    def construct(self, ids, labels, keep=None):
        return self.losses(self.mask(), ids, labels, keep).sum()


class MSSM(MaskSearch):
    """Masks ReLU(tanh θ) that the training loss alone shapes; a field is worth its mask at the end.

    Weights and θ take every step together on all train rows. A mask that reaches 0 has no gradient and stays there:
    such fields share the score 0. Of the paper's levels only that of fields selects fields, so the cell-level sparse
    connections are left out.
    """

    name = "mssm"

    def search(self, train) -> np.ndarray:
        mask = SparseMask(len(self.tasks), len(self.plan.columns))
        step = make_search_step(SparseMaskLoss(mask, self.losses), self.config, self.model, mask)
        for number, batch in self.batches(train):
            finite(step(*batch), f"step {number + 1}", self.config)
        return mask().asnumpy()

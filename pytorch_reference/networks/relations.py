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
"""The network that learns, field by field, how the tasks relate (section 3.3 of the MultiSFS paper), after its text.

Rows and tasks are the nodes of a bipartite graph; row i and task t are joined where the row's label of the task is 1
and t is in Aux(i). Symbols are the paper's: V' the embedding table, z the task nodes, W^t, W^d and U the weights of a
layer, D the width. Where the paper is open: the sum of eq. 21 is a mean, eq. 22 has a minus sign and is a mean, and a
node without neighbours receives zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TaskRelation(nn.Module):
    """Eqs. 11-23.

    Parameters:
        value: V', ``[sum of cardinalities, D]``, the fields' tables one below the other.
        task: z, ``[N, T, D]``.
        weight_t, weight_d: W^t and W^d, ``[L, N, D, D]``.
        weight_u: U, ``[L, N, D, 2 D]``; it multiplies [message, state] from the left.
    """

    def __init__(self, cardinalities: Sequence[int], tasks: int, dim: int, layers: int = 1):
        super().__init__()
        fields = len(cardinalities)
        starts = torch.cumsum(torch.tensor([0] + list(cardinalities)), 0)[:-1]
        self.register_buffer("starts", starts, persistent=False)
        self.value = nn.Parameter(torch.randn(sum(cardinalities), dim) / dim ** 0.5)
        self.task = nn.Parameter(torch.randn(fields, tasks, dim) / dim ** 0.5)
        self.weight_t = nn.Parameter(torch.randn(layers, fields, dim, dim) / dim ** 0.5)
        self.weight_d = nn.Parameter(torch.randn(layers, fields, dim, dim) / dim ** 0.5)
        self.weight_u = nn.Parameter(torch.randn(layers, fields, dim, 2 * dim) / (2 * dim) ** 0.5)

    def states(self, ids: Tensor, labels: Tensor, auxiliary: Tensor) -> tuple[Tensor, Tensor]:
        """E_L ``[batch, N, D]`` and Z_L ``[T, N, D]`` (eqs. 14-20).

        Args:
            ids: ``[batch, N]``; labels: ``[batch, T]`` of 0 and 1; auxiliary: ``[batch, T]``, true where t is in
                Aux(i).
        """
        joined = labels.bool() & auxiliary.bool()
        e, z = self.value[ids.long() + self.starts], self.task.transpose(0, 1)
        for w_t, w_d, u in zip(self.weight_t, self.weight_d, self.weight_u):
            to_rows = mean_over_neighbours(joined, torch.relu(rowwise(w_t, z)))
            to_tasks = mean_over_neighbours(joined.T, torch.relu(rowwise(w_d, e)))
            e, z = rowwise(u, torch.cat([to_rows, e], dim=2)), rowwise(u, torch.cat([to_tasks, z], dim=2))
        return e, z

    def probabilities(self, ids: Tensor, labels: Tensor, auxiliary: Tensor) -> Tensor:
        """Eq. 21 as a mean over fields, ``[batch, T]``."""
        e, z = self.states(ids, labels, auxiliary)
        return torch.sigmoid((e.unsqueeze(1) * z.unsqueeze(0)).sum(dim=3)).mean(dim=2)

    def loss(self, ids: Tensor, labels: Tensor, auxiliary: Tensor) -> Tensor:
        """Eq. 22 with a minus sign, as a mean over the pairs (row, task in Test)."""
        test = ~auxiliary.bool()
        p = self.probabilities(ids, labels, auxiliary)[test]
        y = labels.to(p.dtype)[test]
        return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    def relations(self) -> Tensor:
        """Eq. 23: cosines of the parameters z_n^t, ``[N, T, T]``; 1 where both tasks are one."""
        with torch.no_grad():
            cosines = torch.cosine_similarity(self.task.unsqueeze(2), self.task.unsqueeze(1), dim=3)
            cosines.diagonal(dim1=1, dim2=2).fill_(1)
        return cosines


def rowwise(weight: Tensor, state: Tensor) -> Tensor:
    """Every field's matrix times that field's row of a state: ``[N, a, b]``, ``[nodes, N, b]`` to ``[nodes, N, a]``."""
    return torch.einsum("nab,xnb->xna", weight, state)


def mean_over_neighbours(joined: Tensor, messages: Tensor) -> Tensor:
    """Mean(·) of eqs. 16-17: joined ``[receivers, senders]``, messages ``[senders, N, D]``; zeros where none sends."""
    joined = joined.to(messages.dtype)
    return torch.einsum("rs,snd->rnd", joined / joined.sum(dim=1, keepdim=True).clamp(min=1), messages)

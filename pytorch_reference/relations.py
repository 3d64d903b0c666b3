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
"""The network that learns, field by field, how the tasks relate: messages over a graph of samples and tasks.

For every field n the graph has a node per sample of the batch (it starts as the embedding of the sample's value) and
a node per task (it starts as a learned vector). An edge joins sample b and task t where the label is 1 and t is one of
the sample's auxiliary tasks; the sample's other tasks are predicted from what the messages brought.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TaskRelation(nn.Module):
    """Message passing with weights of its own for every field and layer.

    Parameters, rows times matrix as in ``state @ weight``:
        value: ``[sum of cardinalities, dim]``, the data nodes' start V'.
        task: ``[N, T, dim]``, the task nodes' start z.
        task_weight, data_weight: ``[L, N, 2 dim, dim]``; task_bias, data_bias: ``[L, N, dim]``.
    """

    def __init__(self, cardinalities: Sequence[int], tasks: int, dim: int, layers: int = 1):
        super().__init__()
        fields = len(cardinalities)
        starts = torch.cumsum(torch.tensor([0] + list(cardinalities)), 0)[:-1]
        self.register_buffer("starts", starts, persistent=False)
        self.value = nn.Parameter(0.1 * torch.randn(sum(cardinalities), dim))
        self.task = nn.Parameter(torch.randn(fields, tasks, dim))
        self.task_weight = nn.Parameter(torch.randn(layers, fields, 2 * dim, dim) / (2 * dim) ** 0.5)
        self.data_weight = nn.Parameter(torch.randn(layers, fields, 2 * dim, dim) / (2 * dim) ** 0.5)
        self.task_bias = nn.Parameter(torch.zeros(layers, fields, dim))
        self.data_bias = nn.Parameter(torch.zeros(layers, fields, dim))

    def states(self, ids: Tensor, labels: Tensor, auxiliary: Tensor) -> tuple[Tensor, Tensor]:
        """States after the last layer: of data nodes ``[N, batch, dim]`` and of task nodes ``[N, T, dim]``.

        Args:
            ids: ``[batch, N]``; labels: ``[batch, T]`` of 0 and 1; auxiliary: ``[batch, T]``, true where the task is
                in the sample's Aux set.
        """
        edges = (labels.bool() & auxiliary.bool()).to(self.task.dtype)
        data = self.value[ids.long() + self.starts].transpose(0, 1)
        task = self.task
        for layer in range(len(self.task_weight)):
            to_task = mean_of_neighbours(edges.T, data)
            to_data = mean_of_neighbours(edges, task)
            task = update(task, to_task, self.task_weight[layer], self.task_bias[layer])
            data = update(data, to_data, self.data_weight[layer], self.data_bias[layer])
        return data, task

    def probabilities(self, ids: Tensor, labels: Tensor, auxiliary: Tensor) -> Tensor:
        """Mean over fields of σ(<h_b, z_t>), ``[batch, T]``."""
        data, task = self.states(ids, labels, auxiliary)
        return torch.sigmoid(data @ task.transpose(1, 2)).mean(dim=0)

    def loss(self, ids: Tensor, labels: Tensor, auxiliary: Tensor) -> Tensor:
        """Mean cross-entropy of the pairs outside the Aux sets."""
        test = ~auxiliary.bool()
        p = self.probabilities(ids, labels, auxiliary)[test]
        y = labels.to(p.dtype)[test]
        return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    def relations(self, ids: Tensor, labels: Tensor) -> Tensor:
        """Cosines between the task nodes of every field when all labels are known, ``[N, T, T]``; 1 on the diagonal."""
        with torch.no_grad():
            _, task = self.states(ids, labels, torch.ones_like(labels, dtype=torch.bool))
            unit = F.normalize(task, dim=2)
            cosines = unit @ unit.transpose(1, 2)
            cosines.diagonal(dim1=1, dim2=2).fill_(1)
        return cosines


def mean_of_neighbours(edges: Tensor, states: Tensor) -> Tensor:
    """Mean state of every row's neighbours: edges ``[rows, columns]``, states ``[N, columns, dim]``; zero if none."""
    return torch.einsum("rc,ncd->nrd", edges / edges.sum(1, keepdim=True).clamp(min=1), states)


def update(state: Tensor, message: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.tanh(torch.cat([state, message], dim=2) @ weight + bias.unsqueeze(1))

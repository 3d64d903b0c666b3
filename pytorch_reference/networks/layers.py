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
"""The two building blocks every backbone shares: one embedding table with field offsets, and the MLP."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class OffsetEmbedding(nn.Module):
    """One table for several fields: ids ``[batch, columns]`` to vectors ``[batch, fields, dim]``.

    Field ``f`` owns the ``cardinalities[f]`` rows that follow those of field ``f - 1``. Xavier-uniform over the whole
    table, so that its bound is sqrt(6 / (rows + dim)). A field whose ``pools`` entry is mean or sum has several
    columns, as ``widths`` says; its vector is EmbeddingBag's, of the first id and those of the others that are not 0.
    """

    def __init__(self, cardinalities: Sequence[int], dim: int, pools: Sequence[str | None] = (),
                 widths: Sequence[int] = ()):
        super().__init__()
        self.pools, self.widths = list(pools), list(widths)
        rows = [int(count) for count in cardinalities]
        self.embedding = nn.Embedding(sum(rows), dim)
        nn.init.xavier_uniform_(self.embedding.weight)
        starts = torch.cumsum(torch.tensor([0] + rows), 0)[:-1]
        self.register_buffer("starts", starts, persistent=False)  # not a weight: it stays out of the state_dict

    def forward(self, ids: Tensor) -> Tensor:
        if not any(self.pools):
            return self.embedding(ids.long() + self.starts)
        parts = zip(ids.long().split(self.widths, 1), self.starts, self.pools)
        return torch.stack([self.bag(own, start, pool) for own, start, pool in parts], 1)

    def bag(self, ids: Tensor, start: Tensor, pool: str | None) -> Tensor:
        """The vectors ``[batch, dim]`` of one field, of its ids ``[batch, width]``."""
        weights = torch.cat([torch.ones_like(ids[:, :1]), (ids[:, 1:] != 0).long()], 1).to(self.embedding.weight.dtype)
        if pool == "mean":
            weights = weights / weights.sum(1, keepdim=True)
        return F.embedding_bag(ids + start, self.embedding.weight, mode="sum", per_sample_weights=weights)


class Mlp(nn.Module):
    """Blocks of Linear, BatchNorm1d, ReLU, Dropout; then, for a tower, one Linear with a single output.

    The modules sit in one Sequential called ``mlp``: Linear i is ``mlp.{4 i}``, its BatchNorm ``mlp.{4 i + 1}``, and a
    tower's output ``mlp.{4 len(widths)}``.
    """

    def __init__(self, inputs: int, widths: Sequence[int], dropout: float, output: bool = False):
        super().__init__()
        blocks = []
        for width in widths:
            blocks += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]
            inputs = width
        if output:
            blocks.append(nn.Linear(inputs, 1))
        self.mlp = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


def softmax_gate(inputs: int, choices: int) -> nn.Sequential:
    """A gate: ``[batch, inputs]`` to ``[batch, choices]`` of non-negative weights that sum to one."""
    return nn.Sequential(nn.Linear(inputs, choices), nn.Softmax(dim=1))


def mix(weights: Tensor, options: Sequence[Tensor]) -> Tensor:
    """Weighted sum of the experts' outputs: weights ``[batch, experts]``, options experts × ``[batch, width]``."""
    return (weights.unsqueeze(2) * torch.stack(list(options), dim=1)).sum(dim=1)

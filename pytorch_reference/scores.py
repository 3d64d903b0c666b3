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
"""Field scores at random initialisation, computed the plain and slow way: the paper's mask gradient, and uz."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pytorch_reference.networks.models import task_losses

Batch = tuple[Tensor, Tensor]  # ids [batch, N], labels [batch, T]


def mask_scores(model: nn.Module, batches: Iterable[Batch], signed: bool = False, training: bool = True) -> Tensor:
    """The paper's score (eq. 10), ``dL_t(f_t(m_t * E)) / dm_tn`` at m = 1, ``[T, N]``.

    Ours: its magnitude counts, and the mean over batches.

    Task t's prediction sees row t of the mask on every path, so the network runs once per task.

    Args:
        signed: average the derivatives themselves instead of their magnitudes.
        training: BatchNorm normalises by the batch; otherwise by its running statistics. Dropout is off either way.
    """
    shape = model.shape
    gradients: list[Tensor] = []
    with scoring_mode(model, training):
        for ids, labels in batches:
            mask = torch.ones(shape.tasks, len(shape.cardinalities), dtype=dtype_of(model), requires_grad=True)
            losses = [task_losses(model(ids, scale=mask[task]), labels)[task] for task in range(shape.tasks)]
            gradient, = torch.autograd.grad(torch.stack(losses).sum(), mask)
            gradients.append(gradient if signed else gradient.abs())
    return torch.stack(gradients).mean(dim=0)


def field_gradients(model: nn.Module, ids: Tensor, labels: Tensor, task: int) -> Tensor:
    """``dL_t / de_n`` of every row by itself, L_t being that row's cross-entropy: ``[batch, N, dim]``.

    Rows must not influence each other, so BatchNorm has to be in evaluation mode.
    """
    shape = model.shape
    shift = torch.zeros(len(ids), len(shape.cardinalities), shape.dim, dtype=dtype_of(model), requires_grad=True)
    losses = task_losses(model(ids, shift=shift), labels)[task] * len(ids)
    gradient, = torch.autograd.grad(losses, shift)
    return gradient


def calibrate(model: nn.Module, logits: Sequence[float]) -> None:
    """Sets the bias of every tower's output unit."""
    with torch.no_grad():
        for tower, value in zip(model.tower, logits):
            tower.mlp[-1].bias.fill_(value)


def uz_scores(model: nn.Module, batches: Iterable[Batch]) -> np.ndarray:
    """The chance-corrected gradient energy between values of every task and field, ``[T, N]`` float64.

    The model is expected to be calibrated already. BatchNorm uses its running statistics, dropout is off.
    """
    pairs = list(batches)
    values = torch.cat([ids for ids, _ in pairs]).numpy()
    scores = []
    with scoring_mode(model, training=False):
        for task in range(model.shape.tasks):
            rows = torch.cat([field_gradients(model, ids, labels, task) for ids, labels in pairs]).double().numpy()
            scores.append([uz_statistic(rows[:, field], values[:, field]) for field in range(values.shape[1])])
    return np.array(scores)


def uz_statistic(gradients: np.ndarray, values: np.ndarray) -> float:
    """uz of one field: the energy of pairs of rows that share a value, in standard deviations above chance.

    With B the matrix of ones where two different rows share the value and P the centring of rows, the energy is the
    quadratic form of B in the centred gradients. For rows exchangeable between values its mean is tr(PB) tr C and its
    variance 2 tr((PB)²) ‖C‖², C being the gradients' covariance: computed here as written, in rows × rows matrices.

    Args:
        gradients: one vector per row, ``[rows, dim]``.
        values: the field's value in every row, ``[rows]``.

    Returns:
        0 where no value occurs twice, where there is one value only, or where all gradients are equal.
    """
    rows = len(values)
    centred = np.asarray(gradients, np.float64)
    centred = centred - centred.mean(axis=0)
    pairs = (values[:, None] == values[None, :]) & ~np.eye(rows, dtype=bool)
    energy = float((centred * (pairs @ centred)).sum())
    reach = (np.eye(rows) - 1 / rows) @ pairs
    covariance = centred.T @ centred / rows
    spread = float(np.linalg.norm(covariance)) * math.sqrt(max(2 * float((reach * reach.T).sum()), 0.0))
    if len(np.unique(values)) < 2 or not pairs.any() or spread == 0:
        return 0.0
    return (energy - float(np.trace(reach) * np.trace(covariance))) / spread


def dtype_of(model: nn.Module) -> torch.dtype:
    return next(model.parameters()).dtype


@contextlib.contextmanager
def scoring_mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Dropout off, BatchNorm as asked; leaves modes and running statistics as they were."""
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    for module in modes:
        module.training = training and isinstance(module, nn.BatchNorm1d)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)

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

from tests.pytorch_reference.models import task_losses

Batch = tuple[Tensor, Tensor]  # ids [batch, N], labels [batch, T]


def mask_scores(model: nn.Module, batches: Iterable[Batch], signed: bool = False, training: bool = True) -> Tensor:
    """The paper's score: mean over batches of ``|dL_t(f_t(m_t * E)) / dm_tn|`` at m = 1, ``[T, N]``.

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
    """uz of one field, term by term as SELECTION_STUDY section 2 writes it.

    Args:
        gradients: one vector per row, ``[rows, dim]``.
        values: the field's value in every row, ``[rows]``.

    Returns:
        0 where no value occurs twice, or where all gradients are equal.
    """
    centred = np.asarray(gradients, np.float64)
    centred = centred - centred.mean(axis=0)
    between, pairs = 0.0, 0
    for value in np.unique(values):
        members = centred[values == value]
        between += float(np.square(members.sum(axis=0)).sum())
        pairs += len(members) * (len(members) - 1)
    own = float(np.square(centred).sum())
    covariance = centred.T @ centred / len(centred)
    spread = float(np.sqrt(np.square(covariance).sum())) * math.sqrt(2 * pairs)
    return (between - own) / spread if spread > 0 else 0.0


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


def smallest_unit(model: nn.Module, ids: Tensor) -> float:
    """Smallest magnitude that any ReLU of the model sees for these rows."""
    seen: list[float] = []
    hooks = [module.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].abs().min().item()))
             for module in model.modules() if isinstance(module, nn.ReLU)]
    try:
        model(ids)
    finally:
        for hook in hooks:
            hook.remove()
    return min(seen)

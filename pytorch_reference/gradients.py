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
"""Gradients of the reference by every parameter, and what their rounding is relative to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from pytorch_reference.networks.models import total_loss
from pytorch_reference.scores import scoring_mode


def loss_gradients(model: nn.Module, ids: Tensor, labels: Tensor, reduction: str,
                   numbers: Sequence[bool] = ()) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Gradients of the loss with BatchNorm in training mode and dropout off, by parameter name, and their scales.

    Rounding is relative to what is summed, not to what is left: a bias before BatchNorm has a gradient of exactly zero,
    and that of an output unit sums residuals that nearly cancel. So the scale of a gradient is the largest gradient in
    its block of layers, and for a Linear at least the largest sum of magnitudes over the batch.
    """
    sums: dict[str, float] = {}
    hooks = [module.register_forward_hook(_note_terms(name, sums))
             for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    model.zero_grad()
    try:
        with scoring_mode(model, training=True):
            total_loss(model(ids), labels, reduction, numbers).backward()
    finally:
        for hook in hooks:
            hook.remove()
    gradients = {name: weight.grad.numpy().copy() for name, weight in model.named_parameters()}
    largest: dict[str, float] = {}
    for name, gradient in gradients.items():
        largest[_block(name)] = max(largest.get(_block(name), 0.0), float(np.abs(gradient).max()))
    return gradients, {name: max(largest[_block(name)], sums.get(name, 0.0)) for name in gradients}


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


def _note_terms(name: str, sums: dict[str, float]):
    """A forward hook that will add up the magnitudes of a gradient's terms; a Linear may run more than once."""
    def after_forward(_module, inputs, output):
        x = inputs[0].detach().abs()

        def after_backward(gradient):
            terms = gradient.abs()
            for part, found in (("bias", terms.sum(0)), ("weight", terms.T @ x)):
                sums[f"{name}.{part}"] = sums.get(f"{name}.{part}", 0.0) + found.max().item()

        output.register_hook(after_backward)

    return after_forward


def _block(name: str) -> str:
    """The MLP, gate or table a parameter belongs to: ``expert.0`` of ``expert.0.mlp.4.weight``."""
    return name.split(".mlp.")[0] if ".mlp." in name else name.rsplit(".", 1)[0]

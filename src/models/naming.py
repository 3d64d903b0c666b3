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
"""Parameters as everyone else names them: one matrix ``[outputs, inputs]`` per layer of every single MLP and gate.

A network stores the weights of MLPs side by side (layers.py) and those of folded fields by field (products.py). Here
they become ``backbone.expert.3.hidden.0.dense.weight`` and so on, as MTReclib has them one by one, and back. Values may
be weights or their gradients. The names do not depend on which fields are folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from mindspore import Tensor, nn

from .layers import MLPs

NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def natural_values(model: nn.Cell, values: Mapping[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """Values of all parameters of a model by natural name.

    Args:
        model: a MultiTaskModel.
        values: by the parameters' own names; None for their present values. Gradients may lack moving statistics.
    """
    left = dict(values) if values is not None else {each.name: each.asnumpy() for each in model.get_parameters()}
    found = {}
    for cell in _mlps_of(model):
        found.update(_take_out(cell, left))
    return {**left, **found}


def set_natural(model: nn.Cell, natural: Mapping[str, np.ndarray]) -> None:
    """Gives all parameters of a model the values that ``natural_values`` would give by name; the opposite of it.

    A bias before a batch normalisation, which our networks leave out, is taken off the moving mean.
    """
    values = dict(natural)
    for cell in _mlps_of(model):
        values.update(_put_in(cell, natural))
    for parameter in model.get_parameters():
        parameter.set_data(Tensor(np.ascontiguousarray(values[parameter.name], np.float32)))


def _mlps_of(model: nn.Cell) -> Iterator[MLPs]:
    return (cell for _, cell in model.cells_and_names() if isinstance(cell, MLPs))


def _layers(cell: MLPs) -> list[tuple[nn.Cell, int, str]]:
    """Product, outputs of one MLP, and name of every layer."""
    outputs = [*cell.widths, *([1] if cell.logit else [])]
    names = [f"hidden.{i}.dense" for i in range(len(cell.widths))] + ["output"]
    return list(zip([cell.first, *cell.products], outputs, names))


def _take_out(cell: MLPs, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Takes the values of a Cell out of ``values`` and gives them by natural name."""
    found = {}
    for product, size, layer in _layers(cell):
        rows = product.natural(values)
        for e, name in enumerate(cell.names):
            found[f"backbone.{name}.{layer}.weight"] = rows[e * size:(e + 1) * size]
            if layer != "output":
                found[f"backbone.{name}.{layer}.bias"] = np.zeros(size, np.float32)
        if product is cell.first and cell.gates:
            found.update(_gates_out(cell, rows[len(cell.names) * size:], values))
    for i, (hidden, size) in enumerate(zip(cell.hidden, cell.widths)):
        for part in (part for part in NORM if getattr(hidden.norm, part).name in values):
            value = values.pop(getattr(hidden.norm, part).name)
            found.update({f"backbone.{name}.hidden.{i}.norm.norm.{part}": value[e * size:(e + 1) * size]
                          for e, name in enumerate(cell.names)})
    if cell.logit:
        bias = values.pop(cell.bias.name)
        found.update({f"backbone.{name}.output.bias": bias[e:e + 1] for e, name in enumerate(cell.names)})
    return found


def _gates_out(cell: MLPs, rows: np.ndarray, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    bias, found, start = values.pop(cell.gate_bias.name), {}, 0
    for name, size in cell.gates:
        found[f"backbone.{name}.dense.weight"] = rows[start:start + size]
        found[f"backbone.{name}.dense.bias"] = bias[start:start + size]
        start += size
    return found


def _put_in(cell: MLPs, natural: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The opposite of ``_take_out``: values by parameter name."""
    found = {}

    def joined(names, part: str) -> np.ndarray:
        return np.concatenate([natural[f"backbone.{name}.{part}"] for name in names])

    gates = [name for name, _ in cell.gates]
    for product, _, layer in _layers(cell):
        rows = joined(cell.names, f"{layer}.weight")
        if product is cell.first and gates:
            rows = np.concatenate([rows, joined(gates, "dense.weight")])
        found.update(product.stored(rows))
    for i, hidden in enumerate(cell.hidden):
        for part in NORM:
            found[getattr(hidden.norm, part).name] = joined(cell.names, f"hidden.{i}.norm.norm.{part}")
        found[hidden.norm.moving_mean.name] -= joined(cell.names, f"hidden.{i}.dense.bias")
    if cell.logit:
        found[cell.bias.name] = joined(cell.names, "output.bias")
    if gates:
        found[cell.gate_bias.name] = joined(gates, "dense.bias")
    return found

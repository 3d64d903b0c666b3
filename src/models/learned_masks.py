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
"""Masks that are learned with a network's weights, and the network of all fields that they belong to."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ..settings import Settings
from .backbones import make_backbone
from .building import BuildContext
from .embedding import MaskedRouter
from .layers import MOVING
from .model import MultiTaskModel, sizes_of
from .plan import InputPlan

START = 1.0  # θ; masks begin at tanh(1) = 0.76, where their gradient is still 0.42 of θ's


class FieldMask(nn.Cell):
    """A trained θ ``[tasks, fields]`` that begins with one value everywhere, so that no field is preferred."""

    def __init__(self, tasks: int, fields: int, start: float = START):
        super().__init__()
        self.theta = Parameter(Tensor(np.full((tasks, fields), start, np.float32)), name="field_mask.theta")


class SparseMask(FieldMask):
    """MSSM's (Ding et al., SIGIR 2021): ``construct()`` gives ReLU(tanh θ), ``[tasks, fields]`` in [0, 1).

    A mask that reaches 0 has no gradient and stays there. Of MSSM's levels only that of fields selects fields, so
    the cell-level sparse connections are left out.
    """

    guided = False
    scale = 1

    def __init__(self, tasks: int, fields: int):
        super().__init__(tasks, fields)
        self.relu, self.tanh = ops.ReLU(), ops.Tanh()

    def construct(self):
        return self.relu(self.tanh(self.theta))


class CompetingMask(FieldMask):
    """CFS-MTL's (Chen et al., CIKM 2022): ``construct()`` gives Softmax(ReLU(tanh θ)) over the fields, ``[tasks,
    fields]``, rows summing to 1.

    A θ that falls to 0 or below has no gradient and stays. Inputs are multiplied by ``scale``, the number of fields,
    times the mask, which makes the masks of no preference 1: 1/fields would shrink the inputs below the epsilon of
    batch normalisation. The training that guides it is in src/training/guidance.py.
    """

    guided = True

    def __init__(self, tasks: int, fields: int):
        super().__init__(tasks, fields)
        self.scale = fields
        self.relu, self.tanh, self.softmax = ops.ReLU(), ops.Tanh(), ops.Softmax(axis=1)

    def construct(self):
        return self.softmax(self.relu(self.tanh(self.theta)))


MASKS = {"mssm": SparseMask, "cfs": CompetingMask}  # by the selector that learns it


class LearnedMaskModel(nn.Cell):
    """A network of all fields with a learned mask: ``construct(ids, keep)`` gives logits ``[batch, tasks]``.

    The prediction of task t sees row t of the mask on every path of the backbone, those that tasks share included: one
    pass a task. The passes share all weights, but every task has batch statistics of its own, since the activations
    under another task's mask are of another size.

    Args:
        plan: that of all fields.
        backbone: name, one of ``TRAITS``.
        tasks: number of tasks.
        config: as of MultiTaskModel.
        kind: whose mask, a key of ``MASKS``.
        ranks: processes that train it together.
    """

    def __init__(self, plan: InputPlan, backbone: str, tasks: int, config: Settings, kind: str, ranks: int = 1):
        super().__init__(auto_prefix=False)
        model = MultiTaskModel(plan, backbone, tasks, config, ranks, fold=False)
        self.plan, self.mask_rows, self.dropout = plan, model.mask_rows, model.dropout
        self.embedding, self.backbone = model.embedding, model.backbone
        self.mask = MASKS[kind](tasks, len(plan.columns))
        self.router = MaskedRouter(plan)
        sizes = sizes_of(plan, tasks, config, fold=False)
        self.others = nn.CellList([make_backbone(backbone, sizes, BuildContext(config.seed, config.dropout, ranks))
                                   for _ in range(tasks - 1)])
        for t, other in enumerate(self.others, 1):
            share_weights(model.backbone, other)
            for parameter in moving_statistics(other):
                parameter.name = f"task_{t}.backbone.{parameter.name.split('.', 1)[1]}"  # not by its place in the list
        self.tasks, self.paths = tasks, len(plan.paths)
        self.tile, self.concat = ops.Tile(), ops.Concat(0)

    def construct(self, ids, keep=None):
        return self.under(self.mask() * self.mask.scale, ids, keep)

    def under(self, mask, ids, keep=None):
        """Logits ``[batch, tasks]`` under a mask ``[tasks, fields]``."""
        embedded = self.embedding(ids)
        logits = ()
        for t in range(self.tasks):
            inputs = self.router(embedded, self.tile(mask[t:t + 1], (self.paths, 1)))
            found = self.backbone(inputs, keep) if t == 0 else self.others[t - 1](inputs, keep)
            logits += (found[t:t + 1],)
        return self.concat(logits).T

    def parameter_count(self) -> int:
        """Number of trained values, the embedding's and the mask's included."""
        return sum(parameter.size for parameter in self.trainable_params())

    def embedding_parameter_count(self) -> int:
        return self.embedding.table.size


def build_model(plan: InputPlan, tasks: int, config: Settings, ranks: int = 1) -> MultiTaskModel | LearnedMaskModel:
    """The network of a run: over the planned fields, or with ``end_to_end`` over all of them, under a learned mask.

    With ``sync_batch_norm`` its batch normalisations take their moments over all ranks.
    """
    ranks = ranks if config.sync_batch_norm else 1
    if config.end_to_end:
        return LearnedMaskModel(plan, config.backbone, tasks, config, config.selector, ranks)
    return MultiTaskModel(plan, config.backbone, tasks, config, ranks)


def share_weights(first: nn.Cell, other: nn.Cell) -> None:
    """Puts the parameters of ``first`` in the place of those of ``other``, but for the moving statistics."""
    for (_, own), (_, cell) in zip(first.cells_and_names(), other.cells_and_names()):
        for attribute, value in own_parameters(own).items():
            if attribute not in MOVING:
                setattr(cell, attribute, value)


def own_parameters(cell: nn.Cell) -> dict[str, Parameter]:
    """A Cell's own parameters, not those of the Cells in it, by attribute."""
    return {parameter.name.rsplit(".", 1)[-1]: parameter for parameter in cell.get_parameters(expand=False)}


def moving_statistics(cell: nn.Cell) -> list[Parameter]:
    """What the batch normalisations in a Cell remember."""
    return [parameter for parameter in cell.get_parameters() if parameter.name.rsplit(".", 1)[-1] in MOVING]

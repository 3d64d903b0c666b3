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
"""What every multi-task backbone is: its name, the fields it reads, its towers and what its logits mean.

A backbone maps its inputs to one logit per task and knows nothing of data or selection. A subclass is known by its
``name`` as soon as it is defined; nothing else lists backbones but the choices in default_config.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mindspore import nn, ops

from .building import BuildContext
from .layers import MLPs
from .plan import TRAITS, PathFields, Traits
from .products import FieldProduct, Product, SeparateProducts

BACKBONES: dict[str, type[Backbone]] = {}  # filled by the subclasses of Backbone


@dataclass(frozen=True)
class Sizes:
    """What a backbone is built with: the fields of every input, in the order of the plan's paths, and widths."""

    inputs: tuple[PathFields, ...]
    tasks: int
    bottom: tuple[int, ...]
    tower: tuple[int, ...]
    experts: int


class Backbone(nn.Cell):
    """Base of all backbones: layers of its own, then one tower per task.

    ``construct(inputs, keep)``: inputs is a tuple of what ``FieldProduct`` reads, one per task and then the shared one,
    as far as its traits say it has them; keep is the dropout mask or None. The result is ``[tasks, batch]``.

    A subclass sets ``name`` and ``traits``, makes its layers in ``make_layers`` and gives what its towers read to
    ``self.tower``.

    Attributes:
        tower: the MLPs with a logit per task: ``self.tower(hidden, keep)`` maps ``[tasks, width, batch]``, or
            ``[width, batch]`` if ``one_input``, to ``[tasks, batch]``.
        one_input: all towers read the same values.
    """

    name = ""
    traits: Traits
    one_input = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        BACKBONES[cls.name], TRAITS[cls.name] = cls, cls.traits

    def __init__(self, sizes: Sizes, context: BuildContext):
        super().__init__()
        self.concat, self.sigmoid = ops.Concat(0), ops.Sigmoid()
        self.make_layers(sizes, context)
        self.tower = self.make_towers(sizes, context)

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        """Makes everything below the towers."""

    def make_towers(self, sizes: Sizes, context: BuildContext) -> MLPs:
        """One tower per task, from the last bottom width to a logit."""
        names = [f"tower.{task}" for task in range(sizes.tasks)]
        inputs, outputs = sizes.bottom[-1], [*sizes.tower, 1][0]
        first = Product(inputs, sizes.tasks * outputs, context) if self.one_input else SeparateProducts(
            sizes.tasks, inputs, outputs, context)
        return MLPs(names, first, sizes.tower, context, logit=True)

    def joined(self, parts):
        """A tuple of tensors below each other; one alone as it is, since MindSpore warns of a concat of one."""
        return self.concat(parts) if len(parts) > 1 else parts[0]

    def probabilities(self, inputs):
        """Probabilities ``[tasks, batch]``, with operators that MindSpore can write as ONNX."""
        return self.sigmoid(self.construct(inputs))

    @staticmethod
    def rate_logits(rates: np.ndarray, rows: int) -> np.ndarray:
        """Output biases of the towers ``[tasks]`` that make the network predict every task's positive rate.

        Rates, counted in ``rows`` rows, are kept half a row away from 0 and 1.
        """
        rates = np.clip(rates, 0.5 / rows, 1 - 0.5 / rows)
        return np.log(rates) - np.log1p(-rates)


def field_mlps(names: Sequence[str], fields: PathFields, widths: Sequence[int], context: BuildContext,
               gates: Sequence[tuple[str, int]] = ()) -> MLPs:
    """MLPs and gates over the fields of one path."""
    outputs = len(names) * widths[0] + sum(size for _, size in gates)
    return MLPs(names, FieldProduct(fields, outputs, context), widths, context, gates=gates)

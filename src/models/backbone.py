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

from dataclasses import dataclass

import numpy as np
from mindspore import nn, ops

from .layers import MLP, BuildContext
from .plan import TRAITS, Traits

BACKBONES: dict[str, type[Backbone]] = {}  # filled by the subclasses of Backbone


@dataclass(frozen=True)
class Sizes:
    """Widths a backbone is built with; ``inputs`` follows the order of the plan's paths."""

    inputs: tuple[int, ...]
    tasks: int
    bottom: tuple[int, ...]
    tower: tuple[int, ...]
    experts: int


class Backbone(nn.Cell):
    """Base of all backbones: layers of its own, then one tower per task.

    ``construct(inputs, keep)``: inputs is a tuple of ``[batch, width]``, one per task and then the shared one, as far
    as its traits say it has them; keep is the dropout mask or None. The result is ``[tasks, batch]``.

    A subclass sets ``name`` and ``traits``, makes its layers in ``make_layers`` and puts the logits of its towers
    together with ``stack``.

    Attributes:
        tower: one MLP with a logit per task, in task order.
    """

    name = ""
    traits: Traits

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        BACKBONES[cls.name], TRAITS[cls.name] = cls, cls.traits

    def __init__(self, sizes: Sizes, context: BuildContext):
        super().__init__()
        self.concat, self.sigmoid = ops.Concat(0), ops.Sigmoid()
        self.make_layers(sizes, context)
        self.tower = nn.CellList(self.make_towers(sizes, context))

    def make_layers(self, sizes: Sizes, context: BuildContext) -> None:
        """Makes everything below the towers."""

    def make_towers(self, sizes: Sizes, context: BuildContext) -> list[MLP]:
        """One tower per task, from the last bottom width to a logit."""
        return [MLP(sizes.bottom[-1], sizes.tower, context, logit=True) for _ in range(sizes.tasks)]

    def tower_logits(self, hidden, keep=None):
        """The towers' logits, a tuple of ``[1, batch]``; hidden has what each of them reads, or one value for all."""
        logits = ()
        for i in range(len(self.tower)):
            logits += (self.tower[i](hidden[i % len(hidden)], keep),)
        return logits

    def stack(self, logits):
        """One ``[1, batch]`` per task to ``[tasks, batch]``."""
        return self.concat(logits)

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

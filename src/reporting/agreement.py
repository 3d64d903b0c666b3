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
"""How far two programs' numbers are apart: relative differences, and a table of the largest of every kind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from src.errors import UserError


class Agreement:
    """Collects differences between our numbers and the reference's.

    Args:
        tolerance: largest relative difference that counts as agreement.

    A difference is relative to the largest magnitude of the reference's array, not entry by entry: an entry near zero
    is a sum of larger terms, and those carry its rounding.
    """

    def __init__(self, tolerance: float):
        self.tolerance = tolerance
        self.records: list[tuple[str, str, float, float]] = []  # kind, name, absolute, relative

    def add(self, kind: str, name: str, ours: np.ndarray, reference: np.ndarray, scale: float | None = None) -> None:
        """Compares two arrays.

        Args:
            kind: row of the table it counts in.
            name: what the arrays are.
            scale: what the difference is relative to, instead of the reference's largest magnitude.

        Raises:
            UserError: the shapes differ.
        """
        if ours.shape != reference.shape:
            raise UserError(f"{kind} of {name} has shape {ours.shape}; the reference's has {reference.shape}")
        ours, reference = ours.astype(np.float64), reference.astype(np.float64)
        absolute = float(np.max(np.abs(ours - reference), initial=0.0))
        scale = float(np.max(np.abs(reference), initial=0.0)) if scale is None else scale
        relative = absolute / scale if scale > 0 else (0.0 if absolute == 0 else np.inf)
        self.records.append((kind, name, absolute, relative))

    @property
    def holds(self) -> bool:
        """True when every difference is within tolerance; NaN never is."""
        return all(relative <= self.tolerance for *_, relative in self.records)

    def worst(self, kind: str) -> tuple[str, float, float]:
        """(name, absolute, relative) of the largest relative difference of a kind."""
        found = [record[1:] for record in self.records if record[0] == kind]
        return max(found, key=lambda record: np.inf if np.isnan(record[2]) else record[2])

    def table(self) -> str:
        """One line per kind: how many arrays, the largest difference and where it is."""
        lines = [f"{'compared':<10}{'arrays':>7}{'largest':>11}{'relative':>11}   where"]
        for kind in dict.fromkeys(record[0] for record in self.records):
            name, absolute, relative = self.worst(kind)
            count = sum(record[0] == kind for record in self.records)
            mark = "" if relative <= self.tolerance else "   <- beyond tolerance"
            lines.append(f"{kind:<10}{count:>7}{absolute:>11.2e}{relative:>11.2e}   {name}{mark}")
        return "\n".join(lines)


def gradient_scales(gradients: Mapping[str, np.ndarray]) -> dict[str, float]:
    """What the rounding of every gradient is relative to: the largest gradient in its block of layers.

    A bias before BatchNorm has a gradient of exactly zero, and the bias of an output unit sums residuals that nearly
    cancel: what is left of either is rounding of terms as large as the gradients of the weights beside it.
    """
    largest: dict[str, float] = {}
    for name, gradient in gradients.items():
        block = block_of(name)
        largest[block] = max(largest.get(block, 0.0), float(np.max(np.abs(gradient), initial=0.0)))
    return {name: largest[block_of(name)] for name in gradients}


def block_of(name: str) -> str:
    """The MLP, gate or table a parameter belongs to: ``expert.0`` of ``expert.0.mlp.4.weight``."""
    return name.split(".mlp.")[0] if ".mlp." in name else name.rsplit(".", 1)[0]

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

import numpy as np

from src.common.errors import UserError


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

    def add(self, kind: str, name: str, ours: np.ndarray, reference: np.ndarray, scale: float | None = None,
            slack: float = 0.0) -> None:
        """Compares two arrays.

        Args:
            kind: row of the table it counts in.
            name: what the arrays are.
            scale: what the difference is relative to, instead of the reference's largest magnitude.
            slack: absolute difference that is no disagreement.

        Raises:
            UserError: the shapes differ.
        """
        if ours.shape != reference.shape:
            raise UserError(f"{kind} of {name} has shape {ours.shape}; the reference's has {reference.shape}")
        ours, reference = ours.astype(np.float64), reference.astype(np.float64)
        absolute = float(np.max(np.abs(ours - reference), initial=0.0))
        scale = float(np.max(np.abs(reference), initial=0.0)) if scale is None else scale
        beyond = absolute if np.isnan(absolute) else max(absolute - slack, 0.0)
        relative = beyond / scale if scale > 0 else (0.0 if beyond == 0 else np.inf)
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


def auc_slack(logits: np.ndarray, labels: np.ndarray, rounding: float) -> float:
    """Share of (positive, negative) pairs that differences of up to ``rounding`` in the logits could reorder.

    The AUC is that of a ranking: logits that are equal but for rounding are ordered, or tied, by rounding alone.
    """
    positive, negative = logits[labels == 1], np.sort(logits[labels == 0])
    near = np.searchsorted(negative, positive + 2 * rounding, "right") - np.searchsorted(
        negative, positive - 2 * rounding, "left")
    return float(near.sum() / max(len(positive) * len(negative), 1))

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
"""The calibrated score: which fields carry information of their own about a task, and how much it is worth.

Per task, on the rows that the gradient pass saw:

1. Evidence. A field matters if its values differ: z of gradient energy (uz), with the chance distribution of its own
   cardinality (chance.py). 3 is exceeded by about one field of noise in 700.
2. Forward selection. Among the fields with z >= 3, the one of largest leave-one-out gain is taken; its effect, shrunken
   by the λ of largest gain, is removed from the residual y - rate; the others are judged again. So of two copies, or of
   a cause and its shadow, one is kept, and the other falls to chance.
3. Pairs. On what is left, pairs whose crossed value has an effect beyond both own effects (pairs.py) bring in their
   two fields, the strongest pair first, each judged after the effects of those before it.
4. Gain. The order is by what a field is worth to a model that has the others: its leave-one-out gain g in nats of
   log-likelihood over these rows. A field of noise with many values has a negative gain, the cost of memorising it.

One score says it all: 3 + g for fields with evidence, and 3 g / (1 + |g|) < 3 for the rest, so that plain top k takes
the fields with evidence first, most valuable first, and fills up with the most harmless ones.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from src.selection.additive import AdditiveFit
from src.selection.gradient_energy import GradientEnergy
from src.selection.pairs import PairTable
from src.selection.value_table import SHRINKAGE, Residual, ValueTable

__all__ = ["CHANCE", "CalibratedScores", "GradientEnergy", "calibrated_scores"]
LOG = logging.getLogger(__name__)
CHANCE = 3.0  # standard deviations
FALSE = 0.02  # share of noise among the fields taken that we accept
MEMORY = 20.0  # λ of a model that has not learned how much to trust a field


@dataclass(frozen=True)
class CalibratedScores:
    """Scores of every (task, field) and what they are made of, arrays ``[tasks, fields]``.

    Attributes:
        scores: larger is more important; above ``chance`` exactly where ``significant``.
        chance: level that a field without information of its own does not exceed.
        significant: fields with evidence of their own.
        parts: "uz" (raw), "z" (on its own, before other fields are taken into account), "gain" (nats), "pair" (z of the
            best pair, corrected for the number of pairs).
    """

    scores: np.ndarray
    chance: float
    significant: np.ndarray
    parts: Mapping[str, np.ndarray]


def calibrated_scores(ids: np.ndarray, labels: np.ndarray, cardinalities: Sequence[int],
                      uz: np.ndarray | None = None) -> CalibratedScores:
    """Scores every (task, field).

    Args:
        ids: integers ``[rows, fields]``.
        labels: 0 or 1, ``[rows, tasks]``.
        cardinalities: ids of every field.
        uz: gradient energy ``[tasks, fields]`` of a network on these rows; None takes that of the residual y - rate,
            to which it is equal at initialisation up to noise.
    """
    table = ValueTable(ids, cardinalities)
    targets = labels.astype(np.float64)
    if uz is None:
        uz = np.stack([table.energy(Residual(column - column.mean())) for column in targets.T])
    paths = [_Path(table, column, given) for column, given in zip(targets.T, uz)]
    for path in paths:
        path.take_fields()
    pairs = PairTable(table)
    best = np.zeros(uz.shape)
    for path, found, row in zip(paths, pairs.scan([path.fit.standardized() for path in paths]), best):
        path.take_pairs(pairs, found)
        for z, pair in zip(found, pairs.pairs):
            row[list(pair)] = np.maximum(row[list(pair)], z)
    gain = np.stack([path.final_gain() for path in paths])
    significant = np.stack([path.taken for path in paths])
    scores = np.where(significant, CHANCE + np.maximum(gain, 1e-6), CHANCE * gain / (1 + np.abs(gain)))
    return CalibratedScores(scores, CHANCE, significant,
                            {"uz": uz, "z": np.stack([path.alone for path in paths]), "gain": gain, "pair": best})


def level(taken: int, fields: int) -> float:
    """z that the next field must reach after ``taken`` of ``fields`` were taken.

    The step-down rule of Gavrilov, Benjamini and Sarkar (2009): of the fields taken, a share of at most FALSE is
    expected to be noise. The level is strict where nothing matters and low where nearly everything does.
    """
    step = taken + 1
    return float(-ndtri(step * FALSE / (fields + 1 - step * (1 - FALSE))))


class _Path:
    """Forward selection for one task."""

    def __init__(self, table: ValueTable, labels: np.ndarray, uz: np.ndarray):
        self.table, self.uz = table, uz
        self.fit = AdditiveFit(labels)
        self.taken = np.zeros(table.fields, bool)
        self.worth = np.zeros(table.fields)  # nats of the fields taken
        self.alone = np.zeros(table.fields)

    def take_fields(self) -> None:
        """Takes fields one by one while one has evidence."""
        uz, table = self.uz, self.table
        while True:
            residual = self.fit.residual
            sums, squares = table.sums(residual)
            z = table.evidence(residual, sums, squares, uz)
            if uz is not None:
                self.alone, uz = z, None  # the network's energy is that of the residual before any field is taken
            open_ = (z >= level(int(self.taken.sum()), table.fields)) & ~self.taken
            if not open_.any():
                return
            gains = table.gains(residual, sums, squares, SHRINKAGE)
            best = gains.max(0)
            n = int(np.argmax(np.where(open_, best, -np.inf)))
            self.taken[n], self.worth[n] = True, max(best[n], 0.0)
            size = table.offsets[n + 1] - table.offsets[n]
            self.fit.add(n, table.slots[n] - table.offsets[n], size, SHRINKAGE[int(np.argmax(gains[:, n]))])
            count = int(self.taken.sum())
            if count % -(-count // 8) == 0:  # every time at first, then seldom enough to stay linear in the fields
                self.fit.sweep()

    def take_pairs(self, pairs: PairTable, found: np.ndarray) -> None:
        """Takes both fields of every pair that has evidence after the pairs before it."""
        for p in np.argsort(-found, kind="stable"):
            if found[p] < CHANCE:
                return
            pair = pairs.pairs[p]
            crossing = pairs.cross(pair)
            if crossing.evidence(self.fit.standardized(), len(pairs.pairs)) < CHANCE:
                continue
            lam, gain = crossing.best_shrinkage(self.fit.residual)
            self.taken[list(pair)] = True
            self.worth[list(pair)] += max(gain, 0.0)
            self.fit.add(pair, crossing.cells, crossing.counts.size, lam)

    def final_gain(self) -> np.ndarray:
        """Nats of every field: of those taken when they were taken, of the others on what is left."""
        residual = self.fit.residual
        gains = self.table.gains(residual, *self.table.sums(residual), [MEMORY])[0]
        return np.where(self.taken, self.worth, gains)

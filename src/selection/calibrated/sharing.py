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
"""Evidence that tasks share, field by field (ours): what one task knows of a field's values is tried on the others.

A field that decides a frequent task often decides a rare one in the same way. Alone, the rare task cannot tell the
effects of a field of many values from chance; along the *known* effects there is one number to find instead of one per
value (``share_fields``, for the calibrated score). The same agreement, as a number from 0 to 1 per field and pair of
tasks, is a relation that any score can be merged along (``CommonRows.relations``).

In both, the effects that a row is held against are those of other rows, so that nothing comes from labels which tasks
share within a row. Tasks whose labels are known for different rows share, too: what a click says of a field can be held
against the conversions, which are known where there was a click.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.stats import norm

from ...pooling import Pool
from .chance import harmonic_tail, normal_score
from .forward import ForwardPath, level
from .pairs import PairTable
from .sampling import ScoredRows
from .value_sums import ValueTable

FALSE_TOLD = 0.01  # share of noise, on top of forward.FALSE, among the fields that a task takes because others have
ROUNDS = 50  # of the estimate of how many fields agree
FARTHEST = 8.0  # z above this tells no more


class CommonRows:
    """The rows that all tasks are scored on as one table, in which the effects of one task's rows meet another's.

    Args:
        parts: rows of tasks; a train row may be in several.
        cardinalities, pools, widths: of every field, as for ValueTable.
        tables: the fields' values in every part, if they are there already.

    Attributes:
        table: the fields' values in all rows.
        at: of every task of the parts, in turn, the places of its rows in the table.
    """

    def __init__(self, parts: Sequence[ScoredRows], cardinalities: Sequence[int],
                 pools: Sequence[Pool | None] | None = None, widths: Sequence[int] | None = None,
                 tables: Sequence[ValueTable] = ()):
        self.parts = parts
        if len(parts) == 1 and tables:
            self.table, at = tables[0], [np.arange(tables[0].rows)]
        else:
            found = np.unique(np.concatenate([part.places for part in parts]), return_index=True, return_inverse=True)
            ids = np.concatenate([part.ids for part in parts])[found[1]]
            self.table = ValueTable(ids, cardinalities, pools, widths)
            at = np.split(found[2].ravel(), np.cumsum([len(part.places) for part in parts])[:-1])
        self.at = [places for places, part in zip(at, parts) for _ in part.tasks]

    def effect(self, n: int, residuals: np.ndarray, lam: float, source: int, target: int) -> np.ndarray:
        """What the rows of one task say of field n, about every row of another, its own label left out.

        Args:
            n: the field.
            residuals: in the source's rows, ``[rows of the source]``.
            lam: λ of the shrunken effect S_v / (n_v + λ).
            source, target: the tasks.

        Returns:
            float32 ``[rows of the target]``.
        """
        weights = 1 / (self.table.counts_in(n, self.at[source]) - 1 + lam)
        return self.table.others(n, self._spread(residuals, source), weights)[self.at[target]].astype(np.float32)

    def relations(self) -> np.ndarray:
        """How much tasks' effects agree on every field, ``[fields, tasks, tasks]`` from 0 to 1, 1 on the diagonal.

        With S_v the sum of a task's residuals (label minus rate) over the rows of value v, the energy of two tasks'
        effects is C_ij = Σ_v w_v (S_iv S_jv - Σ_b r_ib r_jb), free of what rows bring by chance
        (``ValueTable.agreement``); C_ij / √(C_ii C_jj) is the cosine of their effects, 0 where it is negative. It is
        multiplied by the chance that they agree at all, which is estimated from all fields together
        (``agreement_chances``): where nothing is known, it is 0.
        """
        used, residuals = [], []
        for part in self.parts:
            rates = np.mean(part.labels, 0, np.float64, where=part.used)
            for left, own in zip(((part.labels - rates) * part.used).T, part.used.T):
                residuals.append(self._spread(left, len(used)))
                used.append(self._spread(own, len(used)))
        energies, scores = self.table.agreement(np.stack(residuals), np.stack(used))
        relations = np.tile(np.eye(len(used)), (self.table.fields, 1, 1))
        for i, j in combinations(range(len(used)), 2):
            scale = np.sqrt(np.maximum(energies[:, i, i], 0) * np.maximum(energies[:, j, j], 0))
            cosine = np.divide(energies[:, i, j], scale, out=np.zeros(self.table.fields), where=scale > 0)
            relations[:, i, j] = relations[:, j, i] = np.clip(cosine, 0, 1) * agreement_chances(scores[:, i, j])
        return relations

    def _spread(self, values: np.ndarray, task: int) -> np.ndarray:
        """A task's values ``[rows of the task]`` at its places among all rows; 0 elsewhere."""
        spread = np.zeros(self.table.rows, values.dtype)
        spread[self.at[task]] = values
        return spread


def share_fields(paths: Sequence[ForwardPath], common: CommonRows) -> None:
    """Lets every task take fields that others have taken, where it agrees with their effects.

    They are judged as some of the few told of, by the step-down level of as many. A task that disagrees, with effects
    of the other sign or none, takes nothing.
    """
    known = [dict(path.found) for path in paths]
    for t, path in enumerate(paths):
        told: dict[int, list[np.ndarray]] = {}
        for other in range(len(paths)):
            for n, found in known[other].items():
                if other != t and path.table.varies[n] and not path.taken[n]:
                    told.setdefault(n, []).append(common.effect(n, *found, other, t))
        _take_told(path, dict(sorted(told.items())))


def _take_told(path: ForwardPath, told: dict[int, list[np.ndarray]]) -> None:
    for step in range(len(told)):
        path.told = {n: float(normal_score(harmonic_tail([path.fit.along(effect) for effect in effects])))
                     for n, effects in told.items() if not path.taken[n]}
        n = max(path.told, key=path.told.__getitem__)
        if path.told[n] < level(step, len(told), FALSE_TOLD):
            return
        path.take_told(n, path.told[n])
    path.told = {}


def share_pairs(tasks: Sequence[tuple[ForwardPath, PairTable]]) -> None:
    """Lets every task take pairs that others have taken, judged as some of the few told of; then tells every task what
    the others have taken in all."""
    own = [{table.pairs[p] for p in path.pairs} for path, table in tasks]
    for t, (path, table) in enumerate(tasks):
        told = set().union(*own[:t], *own[t + 1:]) - own[t]
        crossings = {p: table.cross(pair) for p, pair in enumerate(table.pairs) if pair in told}
        first = {p: crossing.evidence(path.fit.standardized(), 1) for p, crossing in crossings.items()}
        taken = 0
        for p in sorted(first, key=lambda p, z=first: -z[p]):
            z = crossings[p].evidence(path.fit.standardized(), 1) if taken else first[p]
            if z >= level(taken, len(first), FALSE_TOLD):
                path.take_pair(table, p, crossings[p])
                taken += 1
            else:
                path.told_pairs.append(p)
    taken = np.stack([path.taken for path, _ in tasks])
    for t, (path, _) in enumerate(tasks):
        path.others = np.delete(taken, t, 0).any(0)


def agreement_chances(z: np.ndarray) -> np.ndarray:
    """The chance, for every field, that two tasks agree on it: empirical Bayes from the z of all fields, ``[fields]``.

    A share of the fields has z from N(0, 1), the others from N(0, 1 + τ²); both unknowns by expectation-maximisation
    (Efron's local false discovery rate). Nothing agrees where z is negative.
    """
    z = np.minimum(z, FARTHEST)
    share, spread = 0.5, 4.0
    for _ in range(ROUNDS):
        agree = share * norm.pdf(z, scale=np.sqrt(1 + spread))
        chances = agree / (agree + (1 - share) * norm.pdf(z))
        share = float(np.clip(chances.mean(), 1e-3, 1 - 1e-3))
        spread = max(float(chances @ z ** 2 / chances.sum()) - 1, 1.0)
    return np.where(z > 0, chances, 0.0)

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
   cardinality (chance.py), at three weightings of frequent against rare values.
2. Forward selection. Among the fields whose z reaches the step-down level (forward.py: about 3.3 for the first field
   of 41, falling as fields are found), the one of largest leave-one-out gain is taken; its shrunken effects join a
   logistic fit (a linear one where the label is a number), and the others are judged again on what that leaves. So of
   two copies, or of a cause and its shadow, one is kept and the other falls to chance.
3. Sharing. A task is asked again about the fields that others took, along the effects these have there
   (sharing.py): agreement takes far less evidence to see.
4. Pairs. On what is left, pairs whose crossed value has an effect beyond both own effects (pairs.py) bring in their
   two fields, the strongest pair first, each judged after the effects of those before it. A pair that one task has
   taken is tried on the others, as one of few.
5. Gain. The order is by what a network gains by a field that has those before it: the leave-one-out gain g, in nats of
   log-likelihood over these rows, of one that believes a value after ten rows of it. So weak effects of thousands of
   values (a flight's number) come after all that can be learned. The two fields of a pair share what it gains.
6. The others, by the log odds that they matter (forward.py): the gain of a model that expects effects as large as those
   of fields that matter, and how many fields do, counted apart for those that another task has taken. Effects are
   thought as large on the log-odds whether the label is common or rare. Where a field more likely does not matter,
   what a network loses by it counts, too: noise of many values comes last.

One score holds it all (``one_scale``): fields with evidence of their own first, most valuable first; then those that
more likely matter than not; those whose evidence is carried by others; the rest. Plain top k takes them in this order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from ...pooling import Pool
from .additive import AdditiveFit, NumberFit
from .forward import ForwardPath
from .gradient_energy import GradientEnergy
from .pairs import PairTable
from .sampling import ScoredRows
from .sharing import CommonRows, share_fields, share_pairs
from .value_sums import ValueTable

__all__ = ["CHANCE", "CalibratedScores", "GradientEnergy", "calibrated_scores"]
CHANCE = 3.0
WEAK_FROM = 2.0  # score of fields without evidence of their own which more likely matter than not
LEVELS = (CHANCE, 0.0)  # above them: evidence of its own; and what likely matters or has evidence that others carry
COPY = 0.1  # share of a field's entropy that may be left, given another which then counts as its copy


@dataclass(frozen=True)
class CalibratedScores:
    """Scores of every (task, field) and what they are made of, arrays ``[tasks, fields]``.

    Attributes:
        scores: larger is more important; above ``chance`` exactly where ``significant``.
        chance: level that a field without information of its own does not exceed.
        significant: fields with evidence of their own.
        parts: "uz" (raw), "z" (on its own, before other fields are taken into account), "gain" (nats), "pair" (z of the
            best pair, corrected for the number of pairs).
        relations: how far tasks agree, ``[fields, tasks, tasks]`` (sharing.py), where they share; else None.
    """

    scores: np.ndarray
    chance: float
    significant: np.ndarray
    parts: Mapping[str, np.ndarray]
    relations: np.ndarray | None = None


def calibrated_scores(parts: Sequence[ScoredRows], cardinalities: Sequence[int],
                      pools: Sequence[Pool | None] | None = None, widths: Sequence[int] | None = None,
                      share: bool = False) -> CalibratedScores:
    """Scores every (task, field).

    Args:
        parts: tasks whose labels are known for the same rows, and these rows. The result has their tasks in turn.
        cardinalities: ids of every field.
        pools, widths: of every field, where some are pooled: as for ValueTable.
        share: whether tasks tell each other which fields they found (sharing.py).
    """
    tables = [ValueTable(part.ids, cardinalities, pools, widths) for part in parts]
    groups = [_paths(part, table) for part, table in zip(parts, tables)]
    uz = [np.stack([table.energy(path.fit.residual) for path in paths]) if part.uz is None else part.uz
          for part, table, paths in zip(parts, tables, groups)]
    paths = list(chain(*groups))
    for path in paths:
        path.take_fields()
    common = CommonRows(parts, cardinalities, pools, widths, tables) if share else None
    if common:
        share_fields(paths, common)
    pairs = [PairTable(table) for table in tables]
    found = _take_pairs(groups, pairs, share)
    scored = [_on_one_scale(*group) for group in zip(tables, groups, pairs, found)]
    scores, gain, pair = (np.concatenate(kind) for kind in zip(*scored))
    made_of = {"uz": np.concatenate(uz), "z": np.stack([path.alone for path in paths]), "gain": gain, "pair": pair}
    return CalibratedScores(scores, CHANCE, np.stack([path.taken for path in paths]), made_of,
                            common.relations() if common else None)


def _paths(part: ScoredRows, table: ValueTable) -> list[ForwardPath]:
    """Of every task of a part, before any field is taken."""
    given = [None] * len(part.tasks) if part.uz is None else part.uz
    fits = [NumberFit if number else AdditiveFit for number in part.numbers]
    return [ForwardPath(table, *task) for task in zip(part.labels.T.astype(np.float64), part.used.T, given, fits)]


def _on_one_scale(table: ValueTable, paths: Sequence[ForwardPath], pairs: PairTable,
                  found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of a part's tasks, their gains, and the z of every field's best pair, each ``[tasks, fields]``."""
    gain = np.stack([path.gain(pairs, row) for path, row in zip(paths, found)])
    significant = np.stack([path.taken for path in paths])
    weak = np.stack([path.weak for path in paths])
    shadows = np.stack([(path.alone >= CHANCE) & ~path.taken for path in paths])
    copies, twins = np.stack([copies_of(table, np.flatnonzero(row), np.flatnonzero(path.taken))
                              for path, row in zip(paths, shadows)], axis=1)
    scores = one_scale(gain, significant, weak, shadows & ~copies, twins, table.entropies())
    scores[:, ~table.varies] = -CHANCE  # a constant has no information: last of all
    return scores, gain, np.stack([_best_pair(pairs, row) for row in found])


def one_scale(gain: np.ndarray, significant: np.ndarray, weak: np.ndarray, shadows: np.ndarray, twins: np.ndarray,
              entropies: np.ndarray) -> np.ndarray:
    """Puts five kinds of fields on one scale, ``[tasks, fields]``.

    Above 4: fields with evidence of their own, 4 + gain in nats; 3 to 4, if a network would lose by them: 3 + 1 /
    (1 - gain). 2 to 3: fields without, which more likely matter than not, by their log odds. 0 to 2: *shadows*, whose
    evidence other fields already carry (the age of a user whose id is taken). They are harmless, and can add through
    interactions only, which the entropy h of the field bounds: 2 h / (1 + h). 0: *twins*, fields that say the same as
    one taken: they cannot add, but there is no noise in them. Below 0: the others, by log odds and cost.
    """
    bounded = gain / (1 + np.abs(gain))
    evident = CHANCE + np.where(gain > 0, 1 + gain, 1 / (1 - np.minimum(gain, 0)))
    shadowed = WEAK_FROM * np.broadcast_to(entropies / (1 + entropies), gain.shape)
    return np.select([significant, weak, twins, shadows],
                     [evident, WEAK_FROM + bounded * (CHANCE - WEAK_FROM), 0.0, shadowed], CHANCE / 2 * (bounded - 1))


def copies_of(table: ValueTable, fields: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Which of ``fields`` determine the value of a ``taken`` one (nearly): they add nothing to it.

    Returns:
        bool ``[2, fields of the table]``: these; and the *twins* among them, which the taken one determines as well.
    """
    entropies = table.entropies()
    copies, twins = np.zeros((2, table.fields), bool)
    for n in fields:
        for other in taken[entropies[taken] <= entropies[n] * (1 + COPY) + COPY]:
            if table.joint_entropy(n, other) - entropies[n] <= COPY * entropies[other]:  # H(other | n)
                copies[n] = True
                twins[n] |= entropies[n] <= entropies[other] * (1 + COPY) + COPY
    return np.stack([copies, twins])


def _take_pairs(groups: Sequence[Sequence[ForwardPath]], tables: Sequence[PairTable], share: bool) -> list[np.ndarray]:
    """Lets every path take pairs; returns the z of all pairs before any was taken, per group ``[tasks, pairs]``."""
    found = [table.scan([path.fit.standardized() for path in paths]) for paths, table in zip(groups, tables)]
    for paths, table, rows in zip(groups, tables, found):
        for path, row in zip(paths, rows):
            path.take_pairs(table, row)
    if share:
        share_pairs([(path, table) for paths, table in zip(groups, tables) for path in paths])
    return found


def _best_pair(table: PairTable, found: np.ndarray) -> np.ndarray:
    """The z of the best pair of every field, at least 0, ``[fields]``."""
    best = np.zeros(table.fields)
    for pair, z in zip(table.pairs, found):
        best[list(pair)] = np.maximum(best[list(pair)], z)
    return best

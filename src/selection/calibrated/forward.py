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
"""Forward selection for one task: fields, then pairs of fields, that have evidence after those taken before them."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_ndtr, logit, ndtri

from .additive import AdditiveFit
from .pairs import Crossing, PairTable
from .value_sums import SHRINKAGE, ValueTable

FALSE = 0.02  # share of noise among the fields taken that we accept
PAIR_LEVEL = 3.0  # z of a pair, corrected for all pairs looked at
TRIED = 2.0  # z, corrected likewise, from which a pair that was not taken is looked at once more
LEARNED = int(np.flatnonzero(SHRINKAGE == 10)[0])  # place of λ = 10: a network believes a value after about ten rows
MEMORY = 40.0  # λ of a field that matters, for a label that is 1 half of the time: ten such make log-odds of variance 1
ALONG = 3.0  # z that an effect as in another task shows along that task's, about
ROUNDS = 50  # of the estimate of how many fields matter


def level(taken: int, fields: int, false: float = FALSE) -> float:
    """z that the next field must reach after ``taken`` of ``fields`` were taken.

    The step-down rule of Gavrilov, Benjamini and Sarkar (2009): of the fields taken, a share of at most ``false`` is
    expected to be noise. The level is strict where nothing matters and low where nearly everything does.
    """
    step = taken + 1
    return float(-ndtri(step * false / (fields + 1 - step * (1 - false))))


def nats(z: float) -> float:
    """What an effect of one degree of freedom with this z is worth on other rows, in nats over as many rows."""
    return max(z * abs(z) - 1, 0.0) / 2


def along_nats(z: float) -> float:
    """Log of how much likelier z is where the effect is as another task's, whose z is half-normal of scale ALONG, than
    by chance."""
    share = ALONG ** 2 / (1 + ALONG ** 2)
    return float(np.log(2) + log_ndtr(z * share ** 0.5) + np.log1p(-share) / 2 + share * z * z / 2)


def prior_odds(evidence: np.ndarray, taken: np.ndarray) -> float:
    """Log odds that one of some fields matters, before its evidence is seen: empirical Bayes from all of them.

    Args:
        evidence: how much more likely the labels are if it matters, log, ``[fields]``.
        taken: which are known to matter, bool ``[fields]``.
    """
    share = 0.5
    for _ in range(ROUNDS):
        chances = np.where(taken, 1.0, expit(evidence + logit(share)))
        share = (chances.sum() + 1) / (len(taken) + 2)
    return float(logit(share))


class ForwardPath:
    """Which fields are taken, and what every field is worth.

    Args:
        table: the fields' values.
        labels: 0 or 1, or numbers, ``[rows]``.
        used: rows that count, bool ``[rows]``.
        uz: gradient energy of a network on these rows, ``[fields]``, or None for that of the residual.
        fit: what the labels are explained by: AdditiveFit, or NumberFit for numbers.

    Attributes:
        fit: that of what was taken.
        taken: bool ``[fields]``.
        alone: z of every field before any was taken, ``[fields]``.
        found: field taken -> the residuals that it was taken by, ``[rows]``, and its shrinkage λ.
        told: field that other tasks have taken -> z of its effect along theirs; set by sharing.py.
        pairs: the pairs taken, as places in PairTable.pairs.
        told_pairs: pairs that other tasks have taken and this one has not, like ``pairs``; set by sharing.py.
        others: fields that other tasks have taken, alone or in pairs, bool ``[fields]``; set by sharing.py.
        weak: fields not taken that more likely matter than not, bool ``[fields]``; set by ``gain``.
    """

    def __init__(self, table: ValueTable, labels: np.ndarray, used: np.ndarray, uz: np.ndarray | None,
                 fit: type[AdditiveFit] = AdditiveFit):
        self.table = table
        self.fit = fit(labels, used)
        self.taken = np.zeros(table.fields, bool)
        self.found: dict[int, tuple[np.ndarray, float]] = {}
        self.told: dict[int, float] = {}
        self.pairs: list[int] = []
        self.told_pairs: list[int] = []
        self.others = np.zeros(table.fields, bool)
        self.alone = self._evidence(uz)[0]
        self._given = uz
        self._worth = np.zeros(table.fields)

    @property
    def level(self) -> float:
        """z that the next field must reach."""
        return level(int(self.taken.sum()), self.table.fields)

    def _evidence(self, uz: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """z ``[fields]`` and gains at every shrinkage ``[shrinkages, fields]``, on what is left."""
        residual = self.fit.residual
        sums, squares = self.table.sums(residual)
        return (self.table.evidence(residual, sums, squares, uz),
                self.table.gains(residual, sums, squares, SHRINKAGE))

    def take_fields(self) -> None:
        """Takes fields one by one, of those with evidence the one of largest gain, while there is one."""
        uz = self._given  # the network's energy is that of the residual before any field is taken
        while True:
            z, gains = self._evidence(uz)
            uz = None
            open_ = (z >= self.level) & ~self.taken
            if not open_.any():
                return
            n = int(np.argmax(np.where(open_, gains.max(0), -np.inf)))
            self._take_field(n, gains[:, n], gains[LEARNED, n])

    def take_told(self, n: int, z: float) -> None:
        """Takes a field that another task has told of, with this z along that task's effects."""
        gains = self._evidence()[1][:, n]
        self._take_field(n, gains, max(gains[LEARNED], nats(z)))

    def _take_field(self, n: int, gains: np.ndarray, worth: float) -> None:
        """Takes field n, whose leave-one-out gains are ``[shrinkages]``."""
        table, first = self.table, self.table.offsets[n]
        lam = SHRINKAGE[int(np.argmax(gains))]
        self.taken[n], self._worth[n] = True, worth
        self.found[n] = self.fit.residual.values, lam
        places = table.several[n] if n in table.several else table.slots[n] - first
        self.fit.add(n, places, table.offsets[n + 1] - first, lam)
        count = int(self.taken.sum())
        if count % -(-count // 8) == 0:  # every time at first, then seldom enough to stay linear in the fields
            self.fit.sweep()

    def take_pairs(self, table: PairTable, found: np.ndarray) -> None:
        """Takes both fields of every pair that has evidence after the pairs before it, strongest first.

        Args:
            table: the pairs.
            found: z of every pair before any was taken, corrected for their number, ``[pairs]``.
        """
        strong = np.flatnonzero(found >= PAIR_LEVEL)
        for p in strong[np.argsort(-found[strong], kind="stable")]:
            crossing = table.cross(table.pairs[p])
            if crossing.evidence(self.fit.standardized(), len(table.pairs)) >= PAIR_LEVEL:
                self.take_pair(table, p, crossing)

    def take_pair(self, table: PairTable, p: int, crossing: Crossing) -> None:
        """Takes both fields of pair p."""
        lam, gain = crossing.best_shrinkage(self.fit.residual)
        self.taken[list(table.pairs[p])] = True
        self._credit(table.pairs[p], max(gain, 0.0))
        self.fit.add(table.pairs[p], crossing.cells, crossing.counts.size, lam)
        self.pairs.append(p)

    def _credit(self, pair: tuple[int, int], gain: float) -> None:
        """Adds what a pair gains to the worth of its fields.

        It takes both of them, so it comes with the one that is worth less and so is the later one in the order; if that
        one then is worth more, they come together and share. (If both had all of it, two fields of a pair would be
        kept before two others of twice the gain.)
        """
        later, first = sorted(pair, key=lambda n: self._worth[n])
        self._worth[later] += gain
        if self._worth[later] > self._worth[first]:
            self._worth[[later, first]] = (self._worth[later] + self._worth[first]) / 2

    def gain(self, table: PairTable, found: np.ndarray) -> np.ndarray:
        """What every field is worth, in nats over these rows, ``[fields]``.

        A field taken is worth what a network would have gained by it when it was taken, plus what its pairs gained; a
        network shrinks less than is best for weak effects of many values, so this can be negative. Another field is
        worth the log odds that it matters; where it more likely does not, less what a network loses that learns it by
        heart, of which there is less in a row of a rare label (ours).

        Args:
            table: the pairs.
            found: z of every pair before any was taken, corrected, ``[pairs]``.
        """
        residual, rarity = self.fit.residual, self.fit.rarity
        shrinkage = (MEMORY * rarity, SHRINKAGE[LEARNED] * rarity)
        expected, learned = self.table.gains(residual, *self.table.sums(residual), shrinkage)
        odds = self._odds(expected, table, found)
        self.weak = (odds > 0) & ~self.taken
        return np.where(self.taken, self._worth, np.where(odds > 0, odds, odds + np.minimum(learned / rarity, 0)))

    def _odds(self, evidence: np.ndarray, table: PairTable, found: np.ndarray) -> np.ndarray:
        """The log odds that a field which was not taken matters, alone or in a pair, ``[fields]``.

        The ``evidence`` ``[fields]`` is what a model would gain that expects effects as large as those of fields that
        matter (MEMORY); where another task has told of the field, that or an effect as there. So a field of few values
        that shows little probably does not matter, one of many may, and one of noise costs what its values do.
        """
        for n, along in self.told.items():
            evidence[n] = np.logaddexp(evidence[n], along_nats(along)) - np.log(2)
        prior = np.zeros(len(evidence))
        for group in (self.others, ~self.others):  # fields that matter elsewhere are likelier to matter here
            prior[group] = prior_odds(evidence[group], self.taken[group])
        odds = evidence + prior
        for p in {*np.flatnonzero(found >= TRIED), *self.told_pairs}:
            new = [n for n in table.pairs[p] if not self.taken[n]]
            if new:
                gain, = table.cross(table.pairs[p]).gains(self.fit.residual, (MEMORY * self.fit.rarity,))
                one = prior[new] if p in self.told_pairs else -np.log(len(table.pairs))
                odds[new] = np.maximum(odds[new], gain + one)
        return odds

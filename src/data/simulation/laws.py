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
"""The laws by which simulated labels depend on fields.

Formula, for task t and a row x:

    P(label_t = 1 | x) = sigmoid( b_t + sum_f a e_tf(x_f) + sum_(f,g) a e_tfg(x_f, x_g) ),   a = sqrt(V / effects of t)

e_tf is a table of N(0, 1) draws, one per value, with mean 0 and variance 1 over the rows; e_tfg likewise, with the
mean over either field 0 for every value of the other, so that neither field alone says anything. V is the variance of
the whole logit (the law's ``strength``), b_t makes the share of positives the law's ``rates``. Which fields act is
drawn from the seed, over small, middle and large fields in turn; a copy is its original, coarsened to the copy's own
number of values and permuted, with 5% of the rows redrawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...common.errors import UserError, nearest
from ...common.streams import SimulationStream, generator
from .columns import BY_NAME, COLUMNS


@dataclass(frozen=True)
class Law:
    """A recipe: how many fields of which sort; :func:`draw_plan` makes a plan of it."""

    mains: int = 0  # main effects per task
    shared: int = 0  # of which in every task
    pairs: int = 0  # pairs per task, of which the first is in every task
    copies: int = 0  # columns that copy others, relevant ones first
    rates: tuple[float, ...] = (0.35, 0.02)
    strength: float = 1.0
    agreement: int = 0  # shared effects: 0 every task its own, 1 the same, -1 of opposite sign in every second task
    groups: int = 0  # groups of correlated fields, one relevant field in each
    largest: int = 100_000  # most values a relevant field has


LAWS = {
    "mix": Law(mains=8, shared=4, pairs=2, copies=6),
    "additive": Law(mains=12, shared=6),
    "pairwise": Law(mains=2, shared=1, pairs=4),
    "copies": Law(mains=6, shared=3, copies=12),
    "noise": Law(mains=6, shared=3, largest=50),
    "opposed": Law(mains=10, shared=8, agreement=-1),
    "three_tasks": Law(mains=8, shared=3, pairs=1, copies=3, rates=(0.35, 0.05, 0.02)),
    "seven_tasks": Law(mains=6, shared=3, rates=(0.35, 0.02, 0.05, 0.1, 0.02, 0.01, 0.2)),
    "rare": Law(mains=8, shared=4, pairs=1, rates=(0.35, 0.002)),
    "rare_agreeing": Law(mains=8, shared=6, pairs=1, rates=(0.35, 0.002), agreement=1),
    "correlated": Law(mains=8, shared=4, groups=8),
    "all": Law(mains=39, shared=39),
    "none": Law(),
}
TASKS = ("click", "like", "follow", "comment", "forward", "hate", "profile_enter")


@dataclass(frozen=True)
class Plan:
    """What is planted.

    Attributes:
        mains: task -> fields with a main effect.
        pairs: task -> pairs of fields that act together.
        copies: copy -> original.
        groups: field -> number of its group of correlated fields.
    """

    tasks: tuple[str, ...]
    law: Law
    mains: dict[str, list[str]]
    pairs: dict[str, list[tuple[str, str]]]
    copies: dict[str, str] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)

    def relevant(self, task: str) -> list[str]:
        """Fields that act on a task, in the order of the columns."""
        acting = {*self.mains[task], *(name for pair in self.pairs[task] for name in pair)}
        return [column.name for column in COLUMNS if column.name in acting]


def find_law(name: str) -> Law:
    """Returns a law by name.

    Raises:
        UserError: there is none of this name.
    """
    if name not in LAWS:
        raise UserError(f"law is {name!r}; expected one of {', '.join(LAWS)}{nearest(str(name), LAWS)}")
    return LAWS[name]


def law_tasks(name: str) -> tuple[str, ...]:
    """Returns the tasks a law plants."""
    return TASKS[:len(find_law(name).rates)]


def draw_plan(name: str, seed: int) -> Plan:
    """Draws which fields act on which task."""
    law, tasks = find_law(name), law_tasks(name)
    draw = generator(seed, SimulationStream.LAW)
    pool = _interleaved(draw, law.largest)
    shared, pool = pool[:law.shared], pool[law.shared:]
    mains = {}
    for task in tasks:
        mains[task], pool = shared + pool[:law.mains - law.shared], pool[max(law.mains - law.shared, 0):]
    pairs: dict[str, list[tuple[str, str]]] = {task: [] for task in tasks}
    for number in range(law.pairs):
        both = number == 0
        for task in tasks[:1] if both else tasks:
            pair = _take_pair(pool)
            for target in tasks if both else (task,):
                pairs[target].append(pair)
    acting = [name for task in tasks for name in mains[task]]
    acting = list(dict.fromkeys(acting))
    rest = [column.name for column in COLUMNS if column.size > 1 and column.name not in acting
            and not any(column.name in pair for task in tasks for pair in pairs[task])]
    rest = [rest[place] for place in draw.permutation(len(rest))]
    return Plan(tasks, law, mains, pairs, _draw_copies(law, acting, rest), _draw_groups(law, acting, rest))


def _interleaved(draw: np.random.Generator, largest: int) -> list[str]:
    """Returns fields in random order, one small, one middle, one large in turn."""
    sorts = ([], [], [])
    for column in COLUMNS:
        if 1 < column.size <= largest:
            sorts[0 if column.size <= 10 else 1 if column.size <= 60 else 2].append(column.name)
    queues = [[names[place] for place in draw.permutation(len(names))] for names in sorts]
    mixed = []
    while any(queues):
        mixed += [queue.pop() for queue in queues if queue]
    return mixed


def _take_pair(pool: list[str]) -> tuple[str, str]:
    """Removes and returns the two fields of the pool whose numbers of values are closest to 10."""
    small = sorted(pool, key=lambda name: abs(BY_NAME[name].size - 10))[:2]
    for name in small:
        pool.remove(name)
    first, second = small
    return first, second


def _draw_copies(law: Law, acting: list[str], rest: list[str]) -> dict[str, str]:
    """Takes columns of ``rest`` as copies, half of acting fields and half of noise, none with more values."""
    copies: dict[str, str] = {}
    free = list(rest)
    for number in range(law.copies):
        originals = acting if number % 2 == 0 and acting else [name for name in free if name not in copies.values()]
        options = [(copy, original) for original in originals for copy in free
                   if copy != original and BY_NAME[copy].entity == BY_NAME[original].entity
                   and 2 < BY_NAME[copy].size <= BY_NAME[original].size and copy not in copies.values()
                   and list(copies.values()).count(original) < 2]
        if options:
            copy, original = options[(7 * number) % len(options)]
            copies[copy] = original
            free.remove(copy)
    return copies


def _draw_groups(law: Law, acting: list[str], rest: list[str]) -> dict[str, int]:
    """Puts one acting field and up to three of the rest (of the same entity) into each group."""
    groups: dict[str, int] = {}
    free = list(rest)
    for number, name in enumerate(acting[:law.groups]):
        fellows = [other for other in free if BY_NAME[other].entity == BY_NAME[name].entity][:3]
        free = [other for other in free if other not in fellows]
        groups.update(dict.fromkeys([name, *fellows], number))
    return groups

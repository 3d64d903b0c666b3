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
"""How many fields to keep where nobody says: as few as a small network predicts held-out rows with no worse.

The chance level says which fields carry information of their own. It does not say whether a network is better off
without the others: the genre of a movie whose number is known adds no information of its own, yet users differ in how
they like it; a field of pure noise is memorised. So one small network is trained with all fields, and asked what it
loses when all fields behind the best few are blank (probe.py), in nested steps (the *ladder*). ``keep_ratio=auto``
keeps the first step, from the fewest fields up, at which its held-out loss is smaller by a standard error; where all
fields that are dropped are without any evidence, it must only not be larger. If there is none, all fields are kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..data.subsets import DataSet
from ..settings import Settings
from .probe import Probe, draw_parts, relative_change
from .shared import fields_read

LOG = logging.getLogger(__name__)
TENTHS = 10  # steps are the tenths of the fields, besides those of a score's levels
SURE = 1.0  # standard errors by which the loss must be smaller where fields with some evidence are dropped
FEWEST_ROWS = 200  # train rows below which held-out losses say nothing


@dataclass(frozen=True)
class Step:
    """One step of the ladder.

    Attributes:
        counts: how many fields every task keeps.
        losses: every task's mean held-out loss; None for a step that was not tried, because a smaller one was enough.
        change: by how much they are larger than those of all fields: mean over tasks of the share.
        error: its standard error, from the held-out rows.
    """

    counts: tuple[int, ...]
    losses: tuple[float, ...] | None = None
    change: float | None = None
    error: float | None = None


@dataclass(frozen=True)
class Ladder:
    """The steps in rising order, the last with all fields, and which of them is kept."""

    steps: tuple[Step, ...]
    kept: int

    @property
    def counts(self) -> list[int]:
        """How many fields every task keeps."""
        return list(self.steps[self.kept].counts)

    def to_json(self, tasks: Sequence[str]) -> list[dict[str, Any]]:
        """The steps as selection.json has them."""
        return [{"fields": dict(zip(tasks, step.counts)), "kept": place == self.kept, "change": step.change,
                 "error": step.error, "losses": None if step.losses is None else dict(zip(tasks, step.losses))}
                for place, step in enumerate(self.steps)]


def ladder_counts(scores: np.ndarray, levels: Sequence[float]) -> list[tuple[int, ...]]:
    """How many fields every task keeps at every step, rising, all fields last.

    Args:
        scores: ``[tasks, fields]``.
        levels: of the score; a step keeps the fields above one of them, at least one.
    """
    tasks, fields = scores.shape
    found = [tuple(max(1, int(n)) for n in (scores > level).sum(1)) for level in levels]
    found += [(max(1, tenth * fields // TENTHS),) * tasks for tenth in range(1, TENTHS + 1)]
    return sorted(dict.fromkeys(found), key=lambda counts: (sum(counts), counts))


def climb(counts: Sequence[tuple[int, ...]], losses_of: Callable[[tuple[int, ...]], np.ndarray],
          shares: np.ndarray, evident: Sequence[int]) -> Ladder:
    """Tries the steps from the fewest fields up, until one is no worse than all fields.

    Args:
        counts: of ``ladder_counts``.
        losses_of: the losses of the held-out rows with as many fields, ``[rows, tasks]``.
        shares: what part every loss has in its task's mean, ``[rows, tasks]``; 0 where the label is not known.
        evident: for how many fields every task has some evidence.
    """
    steps = [Step(step) for step in counts]
    everything = losses_of(counts[-1])
    steps[-1] = Step(counts[-1], tuple((everything * shares).sum(0).tolist()), 0.0, 0.0)
    for place, step in enumerate(counts[:-1]):
        losses = losses_of(step)
        change, error = relative_change(losses, everything, shares)
        steps[place] = Step(step, tuple((losses * shares).sum(0).tolist()), change, error)
        LOG.info("trying %s of %s fields: held-out loss %+.2f %% ± %.2f %%", "/".join(map(str, step)),
                 "/".join(map(str, counts[-1])), 100 * change, 100 * error)
        has_evident = all(k >= known for k, known in zip(step, evident))
        if change <= (0 if has_evident else -SURE * error):
            return Ladder(tuple(steps), place)
    return Ladder(tuple(steps), len(steps) - 1)


def find_ladder(scores: np.ndarray, levels: Sequence[float], data: DataSet, tasks: Sequence[str],
                config: Settings) -> Ladder:
    """The ladder of a data set's fields in the order of their scores, from its train split.

    Args:
        scores: ``[tasks, fields]``, finite.
        levels: see ``ladder_counts``.
        data: the data set.
        tasks: names of the tasks.
        config: the run's Settings.
    """
    counts, train = ladder_counts(scores, levels), data.split("train")
    if len(counts) == 1 or train.rows < FEWEST_ROWS:
        LOG.info("every task keeps all fields: %d train rows, of which at least %d are needed to try fewer out",
                 train.rows, FEWEST_ROWS)
        return Ladder((Step(counts[-1]),), 0)
    probe = Probe(draw_parts(train, data.schema, tasks, config.seed), tasks, config)
    probe.train()
    order = np.argsort(-scores, axis=1, kind="stable")
    ask = cache(probe.losses)

    def losses_of(counts: tuple[int, ...]) -> np.ndarray:
        read = fields_read(config, [row[:k].tolist() for row, k in zip(order, counts)], scores.shape[1])
        return np.stack([ask(fields)[:, task] for task, fields in enumerate(read)], 1)

    evident = (scores > min(levels)).sum(1) if levels else counts[-1]
    return climb(counts, losses_of, probe.shares, evident)

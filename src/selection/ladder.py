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
"""How many fields to keep where nobody says: all, unless a small network predicts held-out rows better with fewer.

The chance level says which fields carry information of their own. It does not say whether a network is better off
without the others: the genre of a movie whose number is known adds no information of its own, yet users differ in how
they like it; a field of pure noise is memorised. So the fields are tried out, in the order of their scores, in a few
nested steps (the *ladder*). ``keep_ratio=auto`` keeps the first step, from the fewest fields up, whose network has a
clearly smaller held-out loss than the one of all fields; if there is none, all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.subsets import DataSet
from ..settings import Settings
from .probe import Probe, draw_parts

LOG = logging.getLogger(__name__)
SHARES = (0.25, 0.5, 0.75)  # steps of scores that have no levels of their own
SURE = 2.0  # standard errors by which a loss must be smaller; nearer ones differ from training to training
FEWEST_ROWS = 200  # train rows below which held-out losses say nothing


@dataclass(frozen=True)
class Step:
    """One step of the ladder.

    Attributes:
        counts: how many fields every task keeps.
        losses: every task's mean held-out loss; None for a step that was not tried, because a smaller one was better.
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
        levels: falling scores; a step keeps the fields above one of them, at least one. Without levels, steps are
            shares of the fields.
    """
    fields = scores.shape[1]
    found = [tuple(max(1, int(n)) for n in (scores > level).sum(1)) for level in levels]
    found += [(max(1, int(share * fields)),) * len(scores) for share in SHARES if not levels]
    return list(dict.fromkeys([*found, (fields,) * len(scores)]))


def climb(counts: Sequence[tuple[int, ...]], losses_of: Callable[[tuple[int, ...]], np.ndarray],
          shares: np.ndarray) -> Ladder:
    """Tries all fields, then the steps from the fewest fields up, until one is better than all fields for sure.

    Args:
        counts: of ``ladder_counts``.
        losses_of: trains a network on as many fields; the losses of the held-out rows, ``[rows, tasks]``.
        shares: what part every loss has in its task's mean, ``[rows, tasks]``; 0 where the label is not known.
    """
    steps = [Step(step) for step in counts]
    everything = losses_of(counts[-1])
    whole = (everything * shares).sum(0)
    steps[-1] = Step(counts[-1], tuple(whole.tolist()), 0.0, 0.0)
    for place, step in enumerate(counts[:-1]):
        losses = losses_of(step)
        change, error = relative_change(losses, everything, shares)
        steps[place] = Step(step, tuple((losses * shares).sum(0).tolist()), change, error)
        LOG.info("%s of %s fields: held-out loss %+.2f %% ± %.2f %%", "/".join(map(str, step)),
                 "/".join(map(str, counts[-1])), 100 * change, 100 * error)
        if change < -SURE * error:
            return Ladder(tuple(steps), place)
    return Ladder(tuple(steps), len(steps) - 1)


def relative_change(losses: np.ndarray, reference: np.ndarray, shares: np.ndarray) -> tuple[float, float]:
    """By which share the tasks' losses exceed those of a reference, the mean over tasks; and its standard error.

    In shares, so that a task with few positives, whose loss is small, counts as much as the others.

    Args:
        losses, reference, shares: ``[rows, tasks]``; the shares of a task add up to 1, or to 0 where it has no label.
    """
    means = (reference * shares).sum(0)
    scale = np.where(means > 0, 1 / np.where(means > 0, means, 1), 0) / max(1, np.count_nonzero(means > 0))
    parts = ((losses - reference) * shares * scale).sum(1)
    return float(parts.sum()), float(parts.std() * np.sqrt(len(parts)))


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
    parts = draw_parts(train, data.schema, tasks, config.seed)
    probe = Probe(parts, tasks, config)
    order = np.argsort(-scores, axis=1, kind="stable")
    return climb(counts, lambda step: probe.losses([row[:k].tolist() for row, k in zip(order, step)]), probe.shares)

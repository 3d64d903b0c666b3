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
"""Which train rows a score sees: a random draw, and for tasks of few positives more of these on top."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...common.streams import Stream, generator
from ...data.subsets import BLOCK, RowSource

LOG = logging.getLogger(__name__)
POSITIVES = 2000  # rows with label 1 that a task should have; so many find about what the paper's 41 fields hold
MOST_EXTRA = 0.25  # rows added for their label, as a share of the rows drawn
MOST_SCANNED = 1 << 23  # rows whose labels are looked at


@dataclass(frozen=True)
class ScoredRows:
    """The rows that some tasks are scored on.

    Attributes:
        tasks: which tasks, as places among those of the run.
        places: which train rows they are, int64 ``[rows]``, each once.
        ids: integers ``[rows, columns]``.
        labels: 0 or 1, or numbers in units of their train split's deviation, ``[rows, tasks]``.
        used: which task's evidence a row is, bool ``[rows, tasks]``.
        numbers: of every task, whether its label is a number.
        uz: gradient energy ``[tasks, fields]`` of a network on these rows; None takes that of the residual y - rate, to
            which it is equal at initialisation up to noise.
    """

    tasks: Sequence[int]
    places: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    used: np.ndarray
    numbers: Sequence[bool]
    uz: np.ndarray | None = None


def draw_rows(split: RowSource, tasks: Sequence[int], count: int, seed: int,
              positives: int | Sequence[int] = POSITIVES) -> tuple[np.ndarray, np.ndarray]:
    """Draws train rows without replacement, and adds positives for tasks that have fewer than wanted among them.

    The rows drawn serve every task, whatever their labels. A row added for its label serves that task alone. For this
    task it changes nothing but the rate, since which fields matter for the odds of a label does not depend on how often
    the label is 1; for another task, whose label may depend on this one, it would make this task's fields look like its
    own. For the same reason no row drawn gives way to one that is added: which rows stay would depend on their labels.

    Args:
        split: the train Split.
        tasks: positions of the tasks.
        count: rows to draw, at most those of the split.
        seed: seed of the draw.
        positives: rows with label 1 that every task should have, one number for all or each; 0 adds none, as is right
            for labels that are numbers.

    Returns:
        rows, int64 ``[count + added]``: those drawn in random order, then those added in random order; and which task
        uses which row, bool ``[count + added, tasks]``.
    """
    rng = generator(seed, Stream.SCORED_ROWS)
    drawn = rng.permutation(split.rows) if count == split.rows else rng.choice(split.rows, count, replace=False)
    wanted = np.broadcast_to(positives, len(tasks))
    found = np.count_nonzero(split.take(drawn, [], tasks)[1] == 1, axis=0)
    missing = np.where(wanted > 0, wanted - found, 0)
    short = np.flatnonzero(missing > 0)
    if count == split.rows or not len(short):
        return drawn, np.ones((count, len(tasks)), bool)
    found = _positives(split, [tasks[t] for t in short], np.sort(drawn))
    most = int(count * MOST_EXTRA) // len(short)
    chosen = {t: rng.choice(rows, min(missing[t], len(rows), most), replace=False) for t, rows in zip(short, found)}
    added = rng.permutation(np.unique(np.concatenate(list(chosen.values()))))
    used = np.ones((count + len(added), len(tasks)), bool)
    used[count:] = False
    for t, own in chosen.items():
        used[count:, t] = np.isin(added, own)
    return np.concatenate([drawn, added]), used


def _positives(split: RowSource, tasks: Sequence[int], drawn: np.ndarray) -> list[np.ndarray]:
    """Rows with label 1 of every task that are not among the ``drawn`` (sorted), of up to MOST_SCANNED rows."""
    starts = np.arange(0, split.rows, BLOCK)
    if split.rows > MOST_SCANNED:
        LOG.info("looking for rare positives in %d of %d rows", MOST_SCANNED, split.rows)
        starts = starts[np.linspace(0, len(starts) - 1, MOST_SCANNED // BLOCK).astype(int)]
    found = [[np.empty(0, np.int64)] for _ in tasks]
    for start in starts:
        labels = split.read_labels(start, start + BLOCK, tasks)
        for rows, label in zip(found, labels.T):
            rows.append(start + np.flatnonzero(label == 1))
    whole = [np.concatenate(rows) for rows in found]
    place = [np.minimum(np.searchsorted(drawn, rows), len(drawn) - 1) for rows in whole]
    return [rows[drawn[at] != rows] for rows, at in zip(whole, place)]

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
"""Rows of a data set, wherever they are: what every split can do, some rows of one, and one with a field shuffled."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ..common.errors import UserError
from ..common.streams import Stream, generator
from ..labels import known_labels
from ..pooling import id_columns
from ..schema import Schema

LOG = logging.getLogger(__name__)
HELD_OUT = 0.1  # share of the train rows held out
MOST_HELD_OUT = 100_000  # rows; permutation importance predicts them once a field
FEWEST_ROWS = 20  # of a split that is divided
BLOCK = 1 << 18  # labels read at a time


class RowSource(Protocol):
    """Rows with the ids of their fields and the labels of their tasks: a split on disk or in memory, or a part of one.

    ``columns`` and ``tasks`` are positions of fields and tasks, in the order wanted; None means all. Ids are int32
    ``[rows, columns]``, where a pooled field has several columns (src/pooling.py), labels ``[rows, tasks]`` as
    src/labels.py says, not known only where ``partial`` says so of the task.
    """

    rows: int
    partial: tuple[bool, ...]
    widths: Sequence[int]  # columns of ids of every field
    weights: np.ndarray | None  # float32 [rows]: how much every row counts; None for all alike

    def take(self, rows: np.ndarray, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Ids and labels of the rows with these numbers, in this order."""

    def read(self, start: int, stop: int, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Ids and labels of rows ``start`` to ``stop - 1``, cut to those there are."""

    def read_labels(self, start: int, stop: int, tasks: Sequence[int] | None = None) -> np.ndarray:
        """Labels of rows ``start`` to ``stop - 1``, cut to those there are."""


class DataSet(Protocol):
    """A schema and its splits: a PreparedData, or a MemoryData.

    ``path`` is what messages call it, ``fingerprint`` a checksum of all it holds.
    """

    path: Path | str
    schema: Schema
    fingerprint: str

    def split(self, name: str) -> RowSource:
        """The rows of "train", "valid" or "test"."""


class Subset:
    """Some rows of a source, as a source of their own.

    Args:
        source: the rows they are among.
        numbers: int64 ``[rows]``, which rows, in the order they have here.
    """

    def __init__(self, source: RowSource, numbers: np.ndarray):
        self.source, self.numbers, self.rows = source, numbers, len(numbers)
        self.partial, self.widths = source.partial, source.widths
        self.weights = None if source.weights is None else source.weights[numbers]

    def take(self, rows: np.ndarray, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As RowSource.take."""
        return self.source.take(self.numbers[rows], columns, tasks)

    def read(self, start: int, stop: int, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As RowSource.read."""
        return self.take(np.arange(max(start, 0), min(stop, self.rows)), columns, tasks)

    def read_labels(self, start: int, stop: int, tasks: Sequence[int] | None = None) -> np.ndarray:
        """As RowSource.read_labels."""
        return self.read(start, stop, [], tasks)[1]


class Shuffled(Subset):
    """Rows of which one field has the values of other rows.

    Args:
        source: the rows.
        field: position of the field.
        order: int64 ``[rows]``, the row whose value every row gets.
    """

    def __init__(self, source: RowSource, field: int, order: np.ndarray):
        super().__init__(source, np.arange(source.rows))
        self.field, self.order = field, order

    def take(self, rows: np.ndarray, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As RowSource.take."""
        ids, labels = self.source.take(rows, columns, tasks)
        places = self._places(columns)
        if places:
            ids[:, places] = self.source.take(self.order[rows], [self.field])[0]
        return ids, labels

    def _places(self, columns: Sequence[int] | None) -> list[int]:
        """Where the field's ids are among those of ``columns``."""
        fields = range(len(self.widths)) if columns is None else list(columns)
        held = [place for place, field in enumerate(fields) if field == self.field]
        return id_columns([self.widths[field] for field in fields], held)


def sample_by_weight(source: RowSource, seed: int) -> RowSource:
    """Rows that all count alike in place of weighted ones: each is kept with the chance weight / largest weight.

    So every statistic of the rows, its chance level included, is that of rows as the weights say they come, without
    repetitions; very unequal weights cost rows. Without weights it is the source itself.

    Raises:
        UserError: less than two rows are left.
    """
    if source.weights is None:
        return source
    chances = source.weights / source.weights.max()
    kept = np.flatnonzero(generator(seed, Stream.WEIGHTED_ROWS).random(source.rows) < chances)
    LOG.info("scores see %d of %d train rows, drawn by their weights", len(kept), source.rows)
    if len(kept) < 2:
        raise UserError(f"the largest row weight is {1 / chances.mean():.3g} times the mean: scores see {len(kept)} of "
                        f"{source.rows} train rows; expected at least 2; cut the largest weights down")
    sample = Subset(source, kept)
    sample.weights = None
    return sample


def label_groups(source: RowSource, tasks: Sequence[int]) -> list[tuple[RowSource, list[int]]]:
    """Rows for statistics that need a label in every row: each task's rows whose label is known.

    Tasks whose labels are known for all rows share these; every other task has rows of its own. (Rows without a label
    that counted as rows would make a field that says which rows have one look as if it told the label.)

    Args:
        source: the rows.
        tasks: positions of tasks.

    Returns:
        rows, and for which of ``tasks`` they are, as places in that list.
    """
    whole = [place for place, task in enumerate(tasks) if not source.partial[task]]
    groups: list[tuple[RowSource, list[int]]] = [(source, whole)] if whole else []
    return groups + [(Subset(source, _known(source, task)), [place]) for place, task in enumerate(tasks)
                     if source.partial[task]]


def _known(source: RowSource, task: int) -> np.ndarray:
    """Numbers of the rows whose label of a task is known, ascending."""
    return np.concatenate([np.empty(0, np.int64), *(
        start + np.flatnonzero(known_labels(source.read_labels(start, start + BLOCK, [task])[:, 0]))
        for start in range(0, source.rows, BLOCK))])


def hold_out(source: RowSource, seed: int) -> tuple[Subset, Subset]:
    """Divides rows by seed into those to train on and those held out, each in the source's order.

    Raises:
        UserError: there are too few rows to divide.
    """
    if source.rows < FEWEST_ROWS:
        raise UserError(f"the train split has {source.rows} rows; this selector holds some out and needs at least "
                        f"{FEWEST_ROWS}; prepare more rows, or take another selector")
    order = generator(seed, Stream.HELD_OUT_ROWS).permutation(source.rows)
    count = min(math.ceil(source.rows * HELD_OUT), MOST_HELD_OUT)
    return Subset(source, np.sort(order[count:])), Subset(source, np.sort(order[:count]))

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
"""Labels that are numbers: reading their cells, and the mean and standard deviation that they are measured in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ...common.errors import UserError
from ...schema import Scale
from ..description.options import TaskSpec
from ..reading.cells import MISSING, numbers, texts

LARGEST = float(np.finfo(np.float32).max)


def read_numbers(part: pl.DataFrame, task: TaskSpec, first_row: int, known: np.ndarray | None,
                 missing: Sequence[str] = MISSING) -> np.ndarray:
    """The numbers of a task of kind regression, float64 ``[rows]``; NaN for rows that are not ``known``.

    Args:
        part: raw facts.
        task: whose column is read.
        first_row: number of rows before this part, for messages.
        known: rows that have a label, bool ``[rows]``; None for all.
        missing: spellings of "missing".

    Raises:
        UserError: a cell of a row with a label is missing, or is no finite number.
    """
    (column,) = task.columns
    found = numbers(part[column]).fill_null(float("nan")).to_numpy()
    known = np.ones(len(found), bool) if known is None else known
    bad = known & ~(np.isfinite(found) & (np.abs(found) <= LARGEST))
    if task.missing != "masked":
        bad |= known & task.rule.absent(part, missing)
    if bad.any():
        row = int(np.argmax(bad))
        cell = texts(part[column][row:row + 1])[0]
        hint = ("; if the labels of some rows are not known, give the task missing: masked"
                if cell is None or cell in missing else "")
        raise UserError(f"label column {column!r} of task {task.name!r} holds {part[column][row]!r:.60} in data row "
                        f"{first_row + row + 1}; expected a finite number in every row{hint}")
    return np.where(known, found, np.nan)


class Moments:
    """Mean and variance of numbers that come in parts, each part about its own mean (Chan et al., 1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, values: np.ndarray) -> None:
        """Takes in numbers, float64 ``[n]``, none of them NaN."""
        if not len(values):
            return
        mean, both = float(values.mean()), self.count + len(values)
        apart = mean - self.mean
        self.squares += float(np.square(values - mean).sum()) + apart ** 2 * self.count * len(values) / both
        self.mean += apart * len(values) / both
        self.count = both

    def scale(self) -> Scale:
        """Mean and standard deviation; 0 and 0 where there are no numbers."""
        return Scale(self.mean, float(np.sqrt(self.squares / max(self.count, 1))))

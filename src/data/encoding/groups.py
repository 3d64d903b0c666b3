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
"""The group, such as the user, of every valid and test row, for metrics within groups."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ...common.files import naming, sha256
from ...schema import SPLITS, Group, GroupFile
from ..reading.cells import canonical, texts
from ..staging.stage import Stage

NONE = -1  # the group of a row whose cell is missing


class _Numbers:
    """Numbers values in the order in which they come."""

    def __init__(self, missing: Collection[str]):
        self.missing = [canonical(cell) for cell in missing]
        self.known: dict[str, int] = {}

    def of(self, column: pl.Series) -> np.ndarray:
        """The number of every cell, int32 ``[rows]``; NONE where it is missing."""
        cells = texts(column)
        values = [cell for cell in cells.drop_nulls().unique(maintain_order=True) if cell not in self.missing]
        for value in values:
            self.known.setdefault(value, len(self.known))
        if not values:
            return np.full(len(cells), NONE, np.int32)
        numbers = [self.known[value] for value in values]
        return cells.replace_strict(values, numbers, default=NONE, return_dtype=pl.Int32).fill_null(NONE).to_numpy()


def write_groups(stage: Stage, column: str, codes: np.ndarray, missing: Collection[str], folder: Path) -> Group:
    """Writes groups-valid.npy and groups-test.npy, int32 ``[rows]`` in the order of the split's rows.

    Args:
        stage: the rows.
        column: the raw column that names the groups.
        codes: split of every row.
        missing: spellings of "missing".
        folder: where to write.

    Raises:
        UserError: there is no such column, or its type is not supported.
    """
    numbers, files, home = _Numbers(missing), {}, stage.home(column)
    table = None if home is None else np.append(numbers.of(stage.entities[home][column]), NONE)  # -1: the last
    arrays = {}
    for code, split in enumerate(SPLITS[1:], 1):
        path, rows = folder / f"groups-{split}.npy", int((codes == code).sum())
        with naming(path):
            arrays[code] = np.lib.format.open_memmap(path, mode="w+", dtype=np.int32, shape=(rows,)) if rows else None
            if not rows:  # nothing can be mapped
                np.save(path, np.empty(0, np.int32))
    done = dict.fromkeys(arrays, 0)
    for part, code_of in _parts(stage, home or column, codes):
        found = numbers.of(part) if table is None else table[part.to_numpy()]
        for code, array in arrays.items():
            here = found[code_of == code]
            if len(here):
                array[done[code]:done[code] + len(here)] = here
                done[code] += len(here)
    for code, array in arrays.items():
        if array is not None:
            array.flush()
        name = f"groups-{SPLITS[code]}.npy"
        files[SPLITS[code]] = GroupFile(name, sha256(folder / name))
    return Group(column, len(numbers.known), files)


def _parts(stage: Stage, column: str, codes: np.ndarray) -> Iterator[tuple[pl.Series, np.ndarray]]:
    start = 0
    for part in stage.parts([column]):
        yield part[column], codes[start:start + len(part)]
        start += len(part)

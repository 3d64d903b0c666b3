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
"""The weight of every train row: how much it counts in losses and scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...common.errors import UserError
from ...common.files import naming, sha256
from ...schema import RowWeights
from ..reading.cells import numbers
from ..staging.split import TRAIN
from ..staging.stage import Stage

FILE = "weights-train.npy"


def write_weights(stage: Stage, column: str, codes: np.ndarray, folder: Path) -> RowWeights:
    """Writes weights-train.npy, float32 ``[rows]`` in the order of the train rows.

    Args:
        stage: the rows.
        column: the raw column that holds the weights.
        codes: split of every row.
        folder: where to write.

    Raises:
        UserError: there is no such column in the log itself; a cell is no finite number of at least 0, in any split; or
            all weights of train are 0.
    """
    if stage.home(column) is not None:
        raise UserError(f"weight column {column!r} is not a column of the log itself")
    rows, done, first, largest = int((codes == TRAIN).sum()), 0, 0, 0.0
    with naming(folder / FILE):
        array = np.lib.format.open_memmap(folder / FILE, mode="w+", dtype=np.float32, shape=(rows,))
    for part in stage.parts([column]):
        found = numbers(part[column]).fill_null(float("nan")).to_numpy()
        bad = ~(np.isfinite(found) & (found >= 0) & (found <= np.finfo(np.float32).max))
        if bad.any():
            row = int(np.argmax(bad))
            raise UserError(f"weight column {column!r} holds {part[column][row]!r:.60} in data row {first + row + 1}; "
                            "expected a finite number of at least 0 in every row")
        here = found[codes[first:first + len(part)] == TRAIN].astype(np.float32)
        array[done:done + len(here)] = here
        done, first, largest = done + len(here), first + len(part), max(largest, here.max(initial=0.0))
    if not largest:
        raise UserError(f"weight column {column!r} is 0 in all train rows; expected some above 0")
    array.flush()
    return RowWeights(column, FILE, sha256(folder / FILE))

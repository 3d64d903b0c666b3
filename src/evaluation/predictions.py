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
"""A run's predictions.npz: logits and labels of the valid and test split, for intervals and curves. No MindSpore."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..common.errors import UserError
from ..common.files import NUMPY_ERRORS, naming
from ..schema import Scale

FILE = "predictions.npz"
MOST_ROWS = 1_000_000  # of a split; of a longer one this many are kept, evenly spaced


class Predictions(NamedTuple):
    """What a model predicts of a split.

    Attributes:
        logits: float32 ``[rows, tasks]``; of a label that is a number, what is predicted in units of its scale.
        labels: ``[rows, tasks]`` as src/labels.py says.
        scales: of every task, None for a binary one; empty where all are binary.
    """

    logits: np.ndarray
    labels: np.ndarray
    scales: tuple[Scale | None, ...] = ()

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Logits and labels."""
        return self.logits, self.labels


def write_predictions(folder: Path, splits: Mapping[str, Predictions]) -> None:
    """Writes predictions.npz into a run folder; the file is there whole, or not at all."""
    arrays = {}
    for split, found in splits.items():
        rows = np.linspace(0, len(found.labels) - 1, min(MOST_ROWS, len(found.labels))).astype(np.int64)
        arrays.update({f"{split}_logits": found.logits[rows], f"{split}_labels": found.labels[rows]})
        if any(found.scales):
            arrays["scales"] = np.array([(scale.mean, scale.std) if scale else (np.nan, np.nan)
                                         for scale in found.scales])
    temporary = folder / f".{FILE}.{os.getpid()}.tmp"
    with naming(temporary), open(temporary, "wb") as file:
        np.savez(file, **arrays)
    os.replace(temporary, folder / FILE)


def read_predictions(folder: Path, tasks: Sequence[str]) -> dict[str, Predictions]:
    """The predictions of a run by split; none for a run that has no file, as those before version 2.

    Raises:
        UserError: the file is damaged or that of other tasks.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            scales = tuple(None if np.isnan(mean) else Scale(float(mean), float(std))
                           for mean, std in arrays.get("scales", ()))
            found = {split: Predictions(arrays[f"{split}_logits"], arrays[f"{split}_labels"], scales)
                     for split in ("valid", "test")}
    except NUMPY_ERRORS as error:
        raise UserError(f"{path} is damaged: {error}; delete it, and start report.py again") from None
    if any(array.shape != (len(item.labels), len(tasks)) for item in found.values() for array in item.arrays):
        raise UserError(f"{path} is not of the tasks {', '.join(tasks)}; delete it, and start report.py again")
    return found

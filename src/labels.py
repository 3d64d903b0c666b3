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
"""Labels in arrays ``[rows, tasks]``: what they are stored as, and which of them are known.

A data set whose tasks are all binary has uint8: 0, 1 or UNKNOWN. One with a task whose label is a number (kind:
regression) has float32 for all tasks: 0 and 1 for binary tasks, numbers in units of their Scale for the others, and NaN
where a label is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .schema import UNKNOWN, Scale


def label_type(scales: Sequence[Scale | None]) -> type:
    """The type of the labels of tasks with these scales; None for a binary task."""
    return np.uint8 if all(scale is None for scale in scales) else np.float32


def known_labels(labels: np.ndarray) -> np.ndarray:
    """Where labels are known, bool of the same shape."""
    return ~np.isnan(labels) if labels.dtype.kind == "f" else labels != UNKNOWN


def forget(labels: np.ndarray, rows: np.ndarray) -> None:
    """Makes the labels of some rows, bool ``[rows]``, unknown in place."""
    labels[rows] = np.nan if labels.dtype.kind == "f" else UNKNOWN


def same_labels(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays hold the same labels, unknown ones included."""
    return np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f")

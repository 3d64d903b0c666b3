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
"""Fields that hold several values a row: where their ids are in an id matrix, and what every value counts.

A pooled field has ``width`` columns. The ids of a row's known values come first, and 0 fills up what is left; a row
without a known value has the one value 0, as in any other field. So the first id always counts, a later one where it is
not 0, and a field of one column is a plain field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

Pool = Literal["mean", "sum"]  # of the vectors of a row's values
POOLS = get_args(Pool)


def id_columns(widths: Sequence[int], fields: Sequence[int] | None = None) -> list[int]:
    """Positions of the id columns of some fields (None: of all), field after field.

    Args:
        widths: columns of every field.
        fields: positions of fields, in the order wanted.
    """
    ends = np.cumsum(widths)
    fields = range(len(widths)) if fields is None else fields
    return [column for field in fields for column in range(int(ends[field]) - widths[field], int(ends[field]))]


def field_columns(fields: Sequence[int] | None, widths: Sequence[int]) -> Sequence[int] | None:
    """As ``id_columns``; where every field has one column, or all are asked for, the fields as they are."""
    return fields if fields is None or len(widths) == sum(widths) else id_columns(widths, fields)


def blocks(ids: np.ndarray, widths: Sequence[int]) -> list[np.ndarray]:
    """The columns of every field: views ``[rows, width]`` of ids ``[rows, Σ widths]``."""
    return np.split(ids, np.cumsum(widths)[:-1], axis=1)


def counted(block: np.ndarray) -> np.ndarray:
    """Which ids of a field's columns ``[rows, width]`` are values of the row, bool of the same shape."""
    found = block > 0
    found[:, 0] = True
    return found


def packed(block: np.ndarray) -> np.ndarray:
    """A field's columns ``[rows, width]`` with the ids of every row in front again, after some became 0."""
    return np.take_along_axis(block, np.argsort(block == 0, axis=1, kind="stable"), 1)


def value_weights(block: np.ndarray, pool: Pool | None) -> np.ndarray:
    """What every id of a field's columns ``[rows, width]`` counts in the row's vector, float64 of the same shape.

    That is 1 for a sum, 1 / (values of the row) for a mean, and 0 where there is no value.
    """
    weights = counted(block).astype(np.float64)
    return weights / weights.sum(1, keepdims=True) if pool == "mean" else weights

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
"""What the prepared data holds of every field: the share of missing values, and the most frequent ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..common.files import read_json
from ..pooling import blocks, counted
from ..schema import Field

BLOCKS, BLOCK_ROWS = 100, 10_000  # of a longer train split these are counted, evenly spaced


class FieldValues(NamedTuple):
    """Of the train rows, all shares between 0 and 1.

    Attributes:
        missing: share of id 0, which means missing, unseen or rare.
        top: the most frequent other values and the shares of rows that have them, as text.
    """

    missing: float
    top: Sequence[tuple[str, float]]


def field_values(data, most: int = 3) -> dict[str, FieldValues]:
    """The values of every field of a prepared set, with the ``most`` frequent ones.

    Raises:
        UserError: a vocabulary file is missing or damaged.
    """
    split, fields = data.split("train"), data.schema.fields
    counts, rows = [np.zeros(field.cardinality, np.int64) for field in fields], 0
    for start in range(0, split.rows, max(BLOCK_ROWS, split.rows // BLOCKS)):
        ids, _ = split.read(start, start + BLOCK_ROWS)
        rows += len(ids)
        for block, count in zip(blocks(ids, data.schema.widths), counts):
            count += _rows_with(block, len(count))
    return {field.name: _values(data.path, field, count / max(1, rows), most) for field, count in zip(fields, counts)}


def _rows_with(block: np.ndarray, size: int) -> np.ndarray:
    """Rows that have each of a field's ids, ``[size]``; of a pooled field a row may have several, or one twice."""
    if block.shape[1] == 1:
        return np.bincount(block[:, 0], minlength=size)
    rows, columns = np.nonzero(counted(block))
    pairs = np.unique(rows * np.int64(size) + block[rows, columns])
    return np.bincount(pairs % size, minlength=size)


def _values(folder, field: Field, shares: np.ndarray, most: int) -> FieldValues:
    vocabulary = read_json(folder / field.vocabulary) if field.vocabulary else {}
    best = [place for place in np.argsort(-shares[1:], kind="stable")[:most] + 1 if shares[place]]
    return FieldValues(float(shares[0]), [(_name(vocabulary, place), float(shares[place])) for place in best])


def _name(vocabulary: dict, place: int) -> str:
    """The value behind an id."""
    if "edges" not in vocabulary:
        return vocabulary["values"][place - 1] if "values" in vocabulary else f"id {place}"
    edges = vocabulary["edges"]
    if not edges:
        return "any number"
    if place == 1:
        return f"below {edges[0]:g}"
    return f"from {edges[-1]:g}" if place > len(edges) else f"{edges[place - 2]:g} to {edges[place - 1]:g}"

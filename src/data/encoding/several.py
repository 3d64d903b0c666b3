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
"""Cells of several values, all of which count: the ids of a pooled field."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from ..description.options import MAX_LENGTH, FieldSpec
from ..reading.cells import all_items

LOG = logging.getLogger(__name__)


class Lengths:
    """How many values the cells of the train rows have: it sets how many columns of ids the field gets."""

    def __init__(self, spec: FieldSpec):
        self.spec = spec
        self._rows: Counter[int] = Counter()  # by number of values

    def add(self, counts: pl.DataFrame, missing: Sequence[str]) -> pl.DataFrame:
        """Takes in cells, columns "raw" and "n" (rows that have it), and returns their values as "value" and "n"."""
        items = all_items(counts["raw"].alias(self.spec.column), self.spec.separator, missing)
        items = items.select(pl.col("cell").alias("value"), "row", n=counts["n"].gather(items["row"]))
        for length, rows in items.group_by("row").agg(pl.len(), pl.col("n").first()).select("len", "n").iter_rows():
            self._rows[length] += rows
        return items.select("value", "n")

    def finish(self) -> int:
        """Returns the number of columns; says how many values do not fit in."""
        most = self.spec.max_length or MAX_LENGTH
        width = min(most, max(self._rows, default=1))
        beyond = sum(rows * (length - width) for length, rows in self._rows.items() if length > width)
        if beyond:
            LOG.warning("field %s: %d of the %d values of the train rows come after the %d that are read of a cell; "
                        "max_length sets how many", self.spec.name, beyond,
                        sum(rows * length for length, rows in self._rows.items()), width)
        return width


def several_ids(raw: pl.Series, spec: FieldSpec, missing: Sequence[str], look_up: Callable[[pl.Series], pl.Series],
                width: int) -> np.ndarray:
    """Ids of the first ``width`` known values of every cell, int32 ``[rows, width]``, 0 where there are no more.

    Args:
        raw: cells of any type.
        spec: how they are read.
        missing: canonical spellings of "missing".
        look_up: gives the ids of values, 0 for those that are not known.
        width: columns.
    """
    items = all_items(raw.alias(spec.column), spec.separator, missing)
    items = items.select("row", id=look_up(items["cell"])).filter(pl.col("id") > 0)
    items = items.with_columns(place=pl.int_range(pl.len()).over("row")).filter(pl.col("place") < width)
    ids = np.zeros((len(raw), width), np.int32)
    ids[items["row"].to_numpy(), items["place"].to_numpy()] = items["id"].to_numpy()
    return ids

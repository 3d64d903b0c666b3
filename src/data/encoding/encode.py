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
"""Turning raw values into ids, by vocabularies and buckets learnt from the train rows alone.

Id 0 always means missing, unseen or rare. Ids from 1 on are given by falling count (ties by value), or, for numbers,
by rising bucket. One vocabulary file holds all that is needed to encode a raw value again.
"""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
import polars as pl

from ...common.errors import UserError
from ..description.options import DataOptions, FieldSpec
from ..reading.cells import (
    FEW,
    CellError,
    as_text,
    canonical,
    first_item,
    first_items,
    items_of,
    number_of,
    numbers,
    texts,
)
from ..reading.times import moment_of, moments
from .several import Lengths, several_ids

LOG = logging.getLogger(__name__)
_MOST_NUMBERS = 4_000_000  # distinct numbers of one field kept while its quantiles are being found


@dataclass(frozen=True)
class FieldEncoder:
    """One field's mapping from raw values to ids.

    Attributes:
        spec: how the raw column is read.
        missing: spellings of "missing".
        values: text of every value in id order (id 1 first); None for numbers.
        edges: rising bucket edges, id = 1 + number of edges <= value; None for everything else.
        width: columns of ids that the field has; more than one for a pooled field alone.
    """

    spec: FieldSpec
    missing: tuple[str, ...]
    values: tuple[str, ...] | None = None
    edges: tuple[float, ...] | None = None
    width: int = 1

    @property
    def cardinality(self) -> int:
        return 1 + (len(self.values) if self.edges is None else len(self.edges) + 1)

    def columns(self, raw: pl.Series) -> np.ndarray:
        """Returns the field's columns of ids, int32 [rows, width], of a raw column of any type.

        Raises:
            UserError: as :meth:`encode`.
        """
        if self.spec.pool is None:
            return self.encode(raw)[:, None]
        raw = raw.alias(self.spec.column)
        if len(raw) <= FEW and _is_groupable(raw):
            return np.array([self._ids_of(cell) for cell in raw.to_list()], np.int32).reshape(len(raw), self.width)
        cells = raw.unique().drop_nulls() if _is_groupable(raw) else raw
        ids = several_ids(cells, self.spec, self.missing, lambda items: _look_up(items, *self._table), self.width)
        if cells is raw:
            return ids
        rows = _look_up(raw, cells, pl.Series(np.arange(1, len(cells) + 1, dtype=np.int32)))
        return np.concatenate([np.zeros((1, self.width), np.int32), ids])[rows.to_numpy()]

    def encode(self, column: pl.Series) -> np.ndarray:
        """Returns int32 ids [rows] of a raw column of any type, of a field that is not pooled.

        Raises:
            UserError: a cell cannot be read as the field's kind (a CellError), or the column's type is not supported.
        """
        column = column.alias(self.spec.column)
        if len(column) <= FEW and _is_groupable(column):
            ids = [self._id_of(cell) for cell in column.to_list()]
            if None not in ids:
                return np.array(ids, np.int32)
        if self.edges is not None:
            found = to_numbers(column, self.spec, self.missing).to_numpy()
            ids = 1 + np.searchsorted(np.asarray(self.edges, np.float64), found, side="right")
            return np.where(np.isnan(found), 0, ids).astype(np.int32)
        values, known = self._table
        if not _is_groupable(column):
            return _look_up(to_text(column, self.spec, self.missing), values, known).to_numpy()
        raw = column.unique()
        ids = _look_up(to_text(raw, self.spec, self.missing), values, known)
        return _look_up(column, raw, ids).to_numpy()

    def _id_of(self, cell: str | int | None) -> int | None:
        """The id of one cell as :meth:`encode` gives it, without the cost of a table; None where it has to be asked."""
        spec, cell = self.spec, None if cell is None else str(cell)
        if cell is None or cell in self._absent:
            return 0
        if spec.kind == "multi":
            return self._ids.get(first_item(cell, spec.separator, self._absent, spec.column), 0)
        if spec.kind == "timestamp":
            moment = None if self._absent_numbers or self._absent_dates else moment_of(cell, spec.clock)
            if moment is None:
                return None
            return self._ids.get(str(moment.isoweekday() if spec.part == "weekday" else getattr(moment, spec.part)), 0)
        text = canonical(cell)
        if self.edges is None:
            return 0 if text in self._absent else self._ids.get(text, 0)
        number = number_of(text)
        if number is None:
            return 0 if text in self._absent else None
        return 0 if number in self._absent_numbers or not isfinite(number) else 1 + bisect_right(self.edges, number)

    def _ids_of(self, cell: str | int | None) -> list[int]:
        """The ids of one cell of a pooled field, as :meth:`columns` gives them."""
        items = () if cell is None else items_of(str(cell), self.spec.separator, self._absent, self.spec.column)
        ids = [found for found in map(self._ids.get, items) if found][:self.width]
        return ids + [0] * (self.width - len(ids))

    @cached_property
    def _table(self) -> tuple[pl.Series, pl.Series]:
        """The values, and their ids."""
        return pl.Series(list(self.values), dtype=pl.String), pl.Series(np.arange(1, len(self.values) + 1,
                                                                                  dtype=np.int32))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {value: place for place, value in enumerate(self.values or (), 1)}

    @cached_property
    def _absent(self) -> frozenset[str]:
        return frozenset(("", *self.missing))

    @cached_property
    def _absent_numbers(self) -> frozenset[float]:
        return frozenset(number for number in map(number_of, self.missing) if number is not None and isfinite(number))

    @cached_property
    def _absent_dates(self) -> bool:
        return any(re.match(r"\d{4}[-/]\d", item) for item in self.missing)

    def to_json(self) -> dict[str, Any]:
        spec = self.spec
        body: dict[str, Any] = {"field": spec.name, "kind": spec.kind, "source": [spec.column],
                                "missing": list(self.missing)}
        for key in ("part", "unit", "format", "timezone", "separator", "pool"):
            if getattr(spec, key) is not None:
                body[key] = getattr(spec, key)
        if spec.pool is not None:
            body["width"] = self.width
        if self.edges is not None:
            return {**body, "edges": list(self.edges)}
        return {**body, "values": list(self.values)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str) -> FieldEncoder:
        """Builds an encoder from a parsed vocabulary file.

        Raises:
            UserError: a key is missing or has the wrong form.
        """
        try:
            spec = FieldSpec(name=str(value["field"]), column=str(value["source"][0]), kind=str(value["kind"]),
                             **{key: value.get(key) for key in ("part", "unit", "format", "timezone", "separator",
                                                                "pool")})
            numbers = "edges" in value
            return cls(spec, tuple(str(item) for item in value["missing"]),
                       None if numbers else tuple(str(item) for item in value["values"]),
                       tuple(float(item) for item in value["edges"]) if numbers else None, int(value.get("width", 1)))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UserError(f"{where} is damaged: {type(error).__name__} {error}; prepare the data set again") from None


class FieldCounter:
    """Counts one field's train values part by part, in memory bounded by its distinct values."""

    def __init__(self, spec: FieldSpec, options: DataOptions):
        self.spec = spec
        self.options = options
        self.values = None if spec.values is None else tuple(map(canonical, spec.values))
        listed = set(self.values or ())  # a value that is named is not missing by default
        self.missing = tuple(dict.fromkeys(map(canonical, (*options.missing, *spec.missing))))
        self.missing = tuple(item for item in self.missing if item not in listed or item in spec.missing)
        self._counts: list[pl.DataFrame] = []
        self._lengths = None if spec.pool is None else Lengths(spec)

    def add(self, column: pl.Series, weights: np.ndarray | None = None) -> None:
        """Adds raw values; ``weights`` [rows] says how often each occurs (default once)."""
        counts = pl.DataFrame({"raw": column, "n": np.ones(len(column), np.int64) if weights is None else weights})
        counts = counts.filter(pl.col("n") > 0)
        if _is_groupable(column):
            counts = counts.group_by("raw").agg(pl.col("n").sum())
        if self._lengths is not None:
            counts = self._lengths.add(counts, self.missing)
        else:
            convert = to_numbers if self.spec.kind == "number" else to_text
            value = convert(counts["raw"].alias(self.spec.column), self.spec, self.missing)
            counts = counts.select(value.alias("value"), "n").drop_nulls()
        self._counts = [_sum_up(pl.concat([*self._counts, counts]))]
        if self.spec.kind == "number" and len(self._counts[0]) > _MOST_NUMBERS:
            self._counts = [_halve(self._counts[0])]

    def finish(self) -> FieldEncoder:
        """Returns the fitted encoder; warns where none of the field's allowed values occurs."""
        counts = self._counts[0] if self._counts else pl.DataFrame(schema={"value": pl.String, "n": pl.Int64})
        if self.spec.kind == "number":
            edges = quantile_edges(counts, self.spec.buckets or self.options.buckets)
            return FieldEncoder(self.spec, self.missing, edges=edges)
        least = self.spec.min_count or self.options.min_count
        counts = counts.filter(pl.col("n") >= least)
        if self.values is not None:
            found, counts = counts, counts.filter(pl.col("value").is_in(list(self.values)))
            if len(found) and not len(counts):
                often = found.sort(["n", "value"], descending=[True, False])["value"].head(5)
                LOG.warning("field %s: none of its values (%s) occurs in the train rows of column %s, which has %s; "
                               "every row is id 0", self.spec.name, ", ".join(self.values)[:200], self.spec.column,
                               ", ".join(often)[:200])
        counts = counts.sort(["n", "value"], descending=[True, False]).head(self.spec.max_values or len(counts))
        return FieldEncoder(self.spec, self.missing, values=tuple(counts["value"].to_list()),
                            width=1 if self._lengths is None else self._lengths.finish())


def quantile_edges(counts: pl.DataFrame, buckets: int) -> tuple[float, ...]:
    """Returns rising edges that cut weighted numbers into about equally full buckets.

    Equal numbers always share a bucket; where there are no more distinct numbers than buckets, each gets its own. So
    does a number that holds two buckets' worth of the rows (the zeros of a gain, say): the others are then cut among
    themselves, or they would all fall into one bucket.

    Args:
        counts: columns value (float) and n, one row per distinct value.
        buckets: largest number of buckets wanted.
    """
    counts = counts.sort("value")
    values, weights = counts["value"].cast(pl.Float64).to_numpy(), counts["n"].to_numpy()
    if len(values) <= buckets:
        return tuple(float(value) for value in values[1:])
    heavy = np.flatnonzero(weights * buckets >= 2 * weights.sum())
    light = np.where(np.isin(np.arange(len(values)), heavy), 0, weights)
    below = np.cumsum(light) - light  # light rows under each value
    parts = max(buckets - 2 * len(heavy), 1)
    targets = np.arange(1, parts) * (light.sum() / parts)
    after = np.searchsorted(below, targets, side="left").clip(1, len(values) - 1)
    nearer = np.where(targets - below[after - 1] < below[after] - targets, after - 1, after)
    starts = np.unique(np.concatenate([nearer, heavy, heavy + 1]).astype(np.int64))
    return tuple(float(values[start]) for start in starts if 0 < start < len(values))


def to_text(raw: pl.Series, spec: FieldSpec, missing: Sequence[str]) -> pl.Series:
    """Returns the canonical text of raw values, null where missing: of a timestamp its part, of a list its first value.

    Args:
        raw: cells of any type.
        spec: how they are read.
        missing: canonical spellings of "missing".
    """
    if spec.kind == "timestamp":  # a part is of the clock's zone, UTC by default; weekday 1 is Monday
        return getattr(moments(raw, spec.clock, missing).dt, spec.part)().cast(pl.String)
    if spec.kind == "multi":
        return first_items(raw, spec.separator, missing)
    text = texts(raw)
    return pl.select(pl.when(~text.is_in(list(missing))).then(text)).to_series()


def to_numbers(raw: pl.Series, spec: FieldSpec, missing: Sequence[str]) -> pl.Series:
    """Returns raw values as float64; missing, NaN and infinite ones as null.

    Raises:
        CellError: a value is neither a number nor missing.
    """
    found = numbers(raw)
    unread = raw.filter(found.is_null() & raw.is_not_null())
    if len(unread):
        text = texts(unread)
        wrong = as_text(unread).filter(text.is_not_null() & ~text.is_in(list(missing)))
        if len(wrong):
            raise CellError(spec.column, wrong[0], "; expected a number",
                            f"correct it, list it under missing, or make field {spec.name!r} categorical")
    absent = found.is_in([number for number in map(number_of, missing) if number is not None])
    return pl.select(pl.when(found.is_finite() & ~absent).then(found)).to_series()


def _is_groupable(column: pl.Series) -> bool:
    """True for cells of which the distinct ones are found fast and looked up again without loss."""
    return column.dtype == pl.String or column.dtype.is_integer()


def _look_up(keys: pl.Series, known: pl.Series, ids: pl.Series) -> pl.Series:
    if len(known) == 0:
        return pl.Series(np.zeros(len(keys), np.int32))
    return keys.replace_strict(known, ids, default=0, return_dtype=pl.Int32).fill_null(0)


def _sum_up(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.group_by("value").agg(pl.col("n").sum())


def _halve(counts: pl.DataFrame) -> pl.DataFrame:
    """Merges neighbours two by two: the quantiles move by less than one part in a million."""
    return (counts.sort("value").with_row_index("row").group_by(pl.col("row") // 2)
            .agg(pl.col("value").first(), pl.col("n").sum()).select("value", "n"))

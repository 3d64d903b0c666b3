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
"""Fitting one encoder per field on the train rows, and encoding all rows with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

import numpy as np
import polars as pl

from ...labels import known_labels, label_type
from ...pooling import blocks, id_columns
from ...schema import SPLITS, Scale
from ..description.options import DataOptions
from ..encoding.encode import FieldCounter, FieldEncoder
from ..encoding.labels import known_rows, make_labels
from ..encoding.leaks import LeakGuard
from ..encoding.scales import Moments, read_numbers
from ..staging.split import TRAIN
from ..staging.stage import Stage, progress
from .write import PreparedWriter


def fit_encoders(stage: Stage, options: DataOptions, homes: Sequence[str | None],
                 codes: np.ndarray) -> list[FieldEncoder]:
    """Fits one encoder per field on the rows whose code is train."""
    counters = [FieldCounter(spec, options) for spec in options.fields]
    seen = {name: np.zeros(len(table), np.int64) for name, table in stage.entities.items() if name in homes}
    own = [place for place, home in enumerate(homes) if home is None]
    columns = list(dict.fromkeys([counters[place].spec.column for place in own] + list(seen)))
    for part, code in _walk(stage, columns, codes, "fit"):
        train = code == TRAIN
        part = part.filter(train)
        for place in own:
            counters[place].add(part[counters[place].spec.column])
        for name, counts in seen.items():
            pointers = part[name].to_numpy()
            counts += np.bincount(pointers[pointers >= 0], minlength=len(counts))
    for counter, home in zip(counters, homes):
        if home is not None:
            counter.add(stage.entities[home][counter.spec.column], seen[home])
    return [counter.finish() for counter in counters]


def fit_scales(stage: Stage, options: DataOptions, codes: np.ndarray) -> list[Scale | None]:
    """The scale of every task of kind regression, from the train rows that have a label; None for binary tasks.

    Raises:
        UserError: a cell, in any split, is no number.
    """
    found: list[Scale | None] = []
    for task in options.tasks:
        if task.kind != "regression":
            found.append(None)
            continue
        moments, first = Moments(), 0
        for part, code in _walk(stage, list(dict.fromkeys(task.all_columns)), codes, f"fit {task.name}"):
            known = known_rows(part, task, first, options.missing) if task.partial else None
            values = read_numbers(part, task, first, known, options.missing)[code == TRAIN]
            moments.add(values[~np.isnan(values)])
            first += len(part)
        found.append(moments.scale())
    return found


def row_encoder(stage: Stage, encoders: Sequence[FieldEncoder],
                homes: Sequence[str | None]) -> Callable[[pl.DataFrame], np.ndarray]:
    """Returns a function from a part of facts to its ids, int32 [rows, columns]. Entities are encoded here, once."""
    widths = [encoder.width for encoder in encoders]
    tables: dict[str, tuple[slice | list[int], np.ndarray]] = {}
    for name in dict.fromkeys(home for home in homes if home is not None):
        places = [place for place, home in enumerate(homes) if home == name]
        own = id_columns(widths, places)
        table = np.zeros((len(stage.entities[name]) + 1, len(own)), np.int32)  # the last row, -1, stays missing
        found = (encoders[place].columns(stage.entities[name][encoders[place].spec.column]) for place in places)
        table[:-1] = np.concatenate(list(found), axis=1)
        tables[name] = (_side_by_side(own), table)

    def encode(part: pl.DataFrame) -> np.ndarray:
        ids = np.empty((len(part), sum(widths)), np.int32)
        for place, home in enumerate(homes):
            if home is None:
                ids[:, own[place]] = encoders[place].columns(part[encoders[place].spec.column])
        for name, (places, table) in tables.items():
            ids[:, places] = np.take(table, part[name].to_numpy(), axis=0)  # takes half as long as table[...]
        return ids

    own = [_side_by_side(id_columns(widths, [place])) for place in range(len(widths))]
    return encode


def _side_by_side(columns: list[int]) -> slice | list[int]:
    """The columns as a slice where they follow one another: it is written several times as fast."""
    first, last = columns[0], columns[-1]
    return slice(first, last + 1) if columns == list(range(first, last + 1)) else columns


def write_rows(stage: Stage, options: DataOptions, homes: Sequence[str | None], codes: np.ndarray,
               encoders: Sequence[FieldEncoder], scales: Sequence[Scale | None],
               writer: PreparedWriter) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Encodes and writes every row.

    Returns:
        rows with label 1 and rows with a label per split and task, both int64 [3, T], and the names of the fields with
        one id in all train rows.
    """
    encode, widths = row_encoder(stage, encoders, homes), [encoder.width for encoder in encoders]
    guard = LeakGuard([spec.name for spec in options.fields], [task.name for task in options.tasks],
                      [encoder.cardinality for encoder in encoders], [scale is not None for scale in scales], widths)
    rows = np.bincount(codes, minlength=3)
    writer.begin(dict(zip(SPLITS, rows.tolist())), sum(widths), len(options.tasks), label_type(scales))
    positives, known = np.zeros((2, 3, len(options.tasks)), np.int64)
    lowest, highest = np.full(sum(widths), np.iinfo(np.int32).max), np.zeros(sum(widths), np.int64)
    columns = [spec.column for spec, home in zip(options.fields, homes) if home is None]
    columns += [column for task in options.tasks for column in task.all_columns]
    columns += [home for home in homes if home is not None]
    first = 0
    for part, code in _walk(stage, list(dict.fromkeys(columns)), codes, "encode"):
        order = np.argsort(code, kind="stable")  # the rows of a split side by side, so that no id is copied again
        ids, labels = encode(part[order]), make_labels(part, options.tasks, first, options.missing, scales)[order]
        first += len(part)
        stops = np.cumsum(np.bincount(code, minlength=3))
        ids_of, labels_of = np.split(ids, stops[:-1]), np.split(labels, stops[:-1])
        for split, name in enumerate(SPLITS):
            writer.append(name, ids_of[split], labels_of[split])
            positives[split] += np.count_nonzero(labels_of[split] == 1, axis=0)
            known[split] += np.count_nonzero(known_labels(labels_of[split]), axis=0)
        train = ids_of[TRAIN]
        guard.add(train, labels_of[TRAIN])
        if len(train):
            lowest, highest = np.minimum(lowest, train.min(axis=0)), np.maximum(highest, train.max(axis=0))
    guard.check(options.keep_leaks)
    same = blocks((lowest == highest)[None], widths)
    return positives, known, [spec.name for spec, columns in zip(options.fields, same) if columns.all()]


def _walk(stage: Stage, columns: list[str], codes: np.ndarray, what: str):
    """Yields (part, its split codes) under a progress bar that shows rows per second."""
    start = 0
    with progress(what, stage.rows) as bar:
        for part in stage.parts(columns):
            yield part, codes[start:start + len(part)]
            start += len(part)
            bar.update(len(part))

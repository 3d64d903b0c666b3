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
"""From staged raw rows to a prepared data set: split, fit on train, encode, write."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Callable

import numpy as np
import polars as pl

from ...errors import UserError
from ...files import sha256, write_json
from ...schema import SPLITS, Field, Schema, Task
from ..prepared import ENCODER_VERSION
from ..reading.cells import CellError
from .encode import FieldCounter, FieldEncoder
from .labels import LeakGuard, make_labels, positive_rates, refuse_label_columns
from .options import DataOptions
from .split import TRAIN, assign_splits
from .stage import Stage, progress
from .write import PreparedWriter

logger = logging.getLogger(__name__)


def prepare_stage(stage: Stage, options: DataOptions, writer: PreparedWriter, dataset: str) -> Schema:
    """Encodes staged rows into ``writer`` and returns the schema, ready for ``writer.commit``.

    Raises:
        UserError: there are no rows, a column is absent or malformed, or a field gives a label away.
    """
    if not stage.rows:
        raise UserError(f"the raw data of {dataset} has no rows left; expected at least one")
    try:
        return _prepare(stage, options, writer, dataset)
    except CellError as error:
        raise UserError(f"{error}; it is in {stage.place_of(error.column, error.cell)}; {error.advice}") from None


def _prepare(stage: Stage, options: DataOptions, writer: PreparedWriter, dataset: str) -> Schema:
    refuse_label_columns(options.fields, options.tasks)
    homes = [stage.home(spec.column) for spec in options.fields]
    for task in options.tasks:
        for column in task.columns:
            if stage.home(column) is not None:
                raise UserError(f"label column {column!r} is not a column of the log itself")
    codes = assign_splits(stage, options.split)
    rows = np.bincount(codes, minlength=3)
    for name, count in zip(SPLITS, rows):
        stage.step(f"rows of {name}", count)
    encoders = fit_encoders(stage, options, homes, codes)
    positives, constant = _write_rows(stage, options, homes, codes, encoders, writer)
    _warn_of_labels(options, positives[TRAIN], int(rows[TRAIN]))
    if constant:
        stage.step(f"fields that are constant on train: {', '.join(constant)}", len(constant), fields=constant)
    return _schema(stage, options, encoders, positives, rows, writer, dataset)


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


def row_encoder(stage: Stage, encoders: Sequence[FieldEncoder],
                homes: Sequence[str | None]) -> Callable[[pl.DataFrame], np.ndarray]:
    """Returns a function from a part of facts to its ids, int32 [rows, N]. Entities are encoded here, once."""
    tables: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name in dict.fromkeys(home for home in homes if home is not None):
        places = np.array([place for place, home in enumerate(homes) if home == name], np.intp)
        table = np.zeros((len(stage.entities[name]) + 1, len(places)), np.int32)  # the last row, -1, stays missing
        for column, place in enumerate(places):
            table[:-1, column] = encoders[place].encode(stage.entities[name][encoders[place].spec.column])
        tables[name] = (places, table)

    def encode(part: pl.DataFrame) -> np.ndarray:
        ids = np.empty((len(part), len(encoders)), np.int32)
        for place, home in enumerate(homes):
            if home is None:
                ids[:, place] = encoders[place].encode(part[encoders[place].spec.column])
        for name, (places, table) in tables.items():
            ids[:, places] = table[part[name].to_numpy()]
        return ids

    return encode


def _write_rows(stage, options, homes, codes, encoders, writer) -> tuple[np.ndarray, list[str]]:
    """Encodes and writes every row.

    Returns:
        positives per split and task, int64 [3, T], and the names of the fields with one id in all train rows.
    """
    encode = row_encoder(stage, encoders, homes)
    guard = LeakGuard([spec.name for spec in options.fields], [task.name for task in options.tasks],
                      [encoder.cardinality for encoder in encoders])
    rows = np.bincount(codes, minlength=3)
    writer.begin(dict(zip(SPLITS, rows.tolist())), len(encoders), len(options.tasks))
    positives = np.zeros((3, len(options.tasks)), np.int64)
    lowest, highest = np.full(len(encoders), np.iinfo(np.int32).max), np.zeros(len(encoders), np.int64)
    columns = [spec.column for spec, home in zip(options.fields, homes) if home is None]
    columns += [column for task in options.tasks for column in task.columns]
    columns += [home for home in homes if home is not None]
    first = 0
    for part, code in _walk(stage, list(dict.fromkeys(columns)), codes, "encode"):
        ids, labels = encode(part), make_labels(part, options.tasks, first, options.missing)
        first += len(part)
        for split, name in enumerate(SPLITS):
            here = code == split
            writer.append(name, ids[here], labels[here])
            positives[split] += labels[here].sum(axis=0, dtype=np.int64)
        train = ids[code == TRAIN]
        guard.add(train, labels[code == TRAIN])
        if len(train):
            lowest, highest = np.minimum(lowest, train.min(axis=0)), np.maximum(highest, train.max(axis=0))
    guard.check(options.keep_leaks)
    return positives, [spec.name for spec, same in zip(options.fields, lowest == highest) if same]


def _walk(stage: Stage, columns: list[str], codes: np.ndarray, what: str):
    """Yields (part, its split codes) under a progress bar that shows rows per second."""
    start = 0
    with progress(what, stage.rows) as bar:
        for part in stage.parts(columns):
            yield part, codes[start:start + len(part)]
            start += len(part)
            bar.update(len(part))


def _warn_of_labels(options: DataOptions, positives: np.ndarray, rows: int) -> None:
    for task, count in zip(options.tasks, positives.tolist()):
        if count in (0, rows):
            logger.warning("task %s has one class only on train (%d of %d rows positive): it cannot be trained",
                           task.name, count, rows)


def _schema(stage, options, encoders, positives, rows, writer, dataset) -> Schema:
    vocabulary = writer.folder / "vocab"
    vocabulary.mkdir()
    fields = []
    for place, encoder in enumerate(encoders):
        spec = encoder.spec
        name = f"vocab/{place:03d}-{''.join(c if c.isalnum() else '_' for c in spec.name)[:60]}.json"
        write_json(writer.folder / name, encoder.to_json())
        fields.append(Field(spec.name, encoder.cardinality, spec.kind, (spec.column,), name,
                            sha256(writer.folder / name)))
    rates = positive_rates(positives, rows.tolist())
    return Schema(
        dataset=dataset, fields=tuple(fields),
        tasks=tuple(Task(task.name, rate) for task, rate in zip(options.tasks, rates)),
        rows=dict(zip(SPLITS, rows.tolist())), shards=writer.finish_shards(), encoder_version=ENCODER_VERSION,
        steps=tuple(stage.steps), settings=options.to_json())

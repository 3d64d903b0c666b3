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
"""A data set held in memory, used as a prepared one: what selectors and trainers are measured on."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np

from ..common.streams import Stream, generator
from ..labels import known_labels
from ..pooling import Pool, field_columns
from ..schema import SPLITS, Field, Scale, Schema, Task


class MemorySplit:
    """Rows in memory: a RowSource.

    Args:
        ids: int32 ``[rows, columns]``.
        labels: ``[rows, tasks]`` as src/labels.py says.
        weights: float32 ``[rows]``, or None.
        widths: columns of every field; None for one each.
    """

    def __init__(self, ids: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None,
                 widths: Sequence[int] | None = None):
        self.weights = weights
        self.widths = [1] * ids.shape[1] if widths is None else list(widths)
        self.ids, self.labels, self.rows = ids, labels, len(ids)
        self.partial = tuple((~known_labels(labels)).any(0).tolist())

    def take(self, rows, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As RowSource.take."""
        return _columns(self.ids[rows], field_columns(columns, self.widths)), _columns(self.labels[rows], tasks)

    def read(self, start: int, stop: int, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As RowSource.read."""
        return self.take(slice(max(start, 0), stop), columns, tasks)

    def read_labels(self, start: int, stop: int, tasks: Sequence[int] | None = None) -> np.ndarray:
        """As RowSource.read_labels."""
        return _columns(self.labels[max(start, 0):stop], tasks)


class MemoryData:
    """A data set in memory, for whatever takes a PreparedData.

    Args:
        name: name of the data set.
        fields: names of the fields.
        cardinalities: ids of every field.
        tasks: names of the tasks.
        splits: (ids, labels) of "train", "valid" and "test".
        weights: of the train rows, float32 ``[rows]``; None for all alike.
        pools: of every field None, or how its values are pooled; None for no pooled field.
        widths: columns of ids of every field; None for one each.
        scales: of every task, None for a binary one; None where all are binary.
    """

    def __init__(self, name: str, fields: Sequence[str], cardinalities: Sequence[int], tasks: Sequence[str],
                 splits: Mapping[str, tuple[np.ndarray, np.ndarray]], weights: np.ndarray | None = None,
                 pools: Sequence[Pool | None] | None = None, widths: Sequence[int] | None = None,
                 scales: Sequence[Scale | None] | None = None):
        self.path = name  # it has no folder; messages name it so
        pools, widths = pools or [None] * len(fields), widths or [1] * len(fields)
        scales = [None] * len(tasks) if scales is None else scales
        self._splits = {split: MemorySplit(*splits[split], weights if split == "train" else None, widths)
                        for split in SPLITS}
        self.schema = Schema(name, tuple(Field(field, size, pool=pool, width=width) for field, size, pool, width
                                         in zip(fields, cardinalities, pools, widths)),
                             tuple(_task(task, {split: labels[:, t] for split, (_, labels) in splits.items()}, scale)
                                   for t, (task, scale) in enumerate(zip(tasks, scales))),
                             {split: self._splits[split].rows for split in SPLITS}, {split: () for split in SPLITS}, 1)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the schema and all rows."""
        digest = hashlib.sha256(json.dumps(self.schema.to_json()).encode())
        for split in self._splits.values():
            digest.update(np.ascontiguousarray(split.ids))
            digest.update(np.ascontiguousarray(split.labels))
            digest.update(b"" if split.weights is None else np.ascontiguousarray(split.weights))
        return digest.hexdigest()

    def split(self, name: str) -> MemorySplit:
        """One of the splits."""
        return self._splits[name]

    def groups(self, split: str) -> None:
        """It has none; see PreparedData."""


def with_noise(data, count: int, seed: int) -> MemoryData:
    """A data set with ``count`` more fields that say nothing, of 2 to 20,000 values, evenly spread in log size.

    Args:
        data: a PreparedData or MemoryData.
        count: fields to add.
        seed: seed of their values.
    """
    rng, schema = generator(seed, Stream.NOISE_FIELDS), data.schema
    sizes = np.unique(np.geomspace(2, 20_000, count).astype(int)) if count else np.empty(0, int)
    sizes = [int(size) for size in np.resize(sizes, count)]
    splits = {}
    for name in SPLITS:
        ids, labels = data.split(name).read(0, data.split(name).rows)
        # Popular values first, as in logs: the logarithm of the value is uniform.
        noise = [np.exp(rng.random(len(ids)) * np.log(size + 1)).astype(np.int32) - 1 for size in sizes]
        splits[name] = np.column_stack([ids, *noise]).astype(np.int32), labels
    return MemoryData(f"{schema.dataset}+noise", [*schema.field_names, *(f"noise_{n}" for n in range(count))],
                      [*schema.cardinalities, *sizes], schema.task_names, splits, data.split("train").weights,
                      [*schema.pools, *[None] * count], [*schema.widths, *[1] * count], schema.scales)


def _task(name: str, labels: Mapping[str, np.ndarray], scale: Scale | None) -> Task:
    """What a schema says of a task, from its labels by split."""
    known = {split: column[known_labels(column)] for split, column in labels.items()}
    counts = {split: len(column) for split, column in known.items()}
    rates = {split: float(column.mean()) if len(column) else None for split, column in known.items()}
    return Task(name, {} if scale else rates,
                counts if any(counts[split] < len(labels[split]) for split in labels) else {}, scale)


def _columns(block: np.ndarray, columns: Sequence[int] | None) -> np.ndarray:
    return np.ascontiguousarray(block if columns is None else block[:, list(columns)])

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
"""Reading a prepared data set: memory-mapped shards, checked once, gathered fast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..common.errors import UserError
from ..common.files import NUMPY_ERRORS, read_json, sha256
from ..labels import known_labels, label_type
from ..pooling import field_columns
from ..schema import SPLITS, Schema, Shard, Task

SCHEMA_FILE = "schema.json"
INPUTS_FILE = "inputs.json"  # the raw files and settings a set was made of, to know it again
ENCODER_VERSION = 2  # 2: cells have one canonical text, see reading/cells.py
_BLOCK_ROWS = 100_000  # read at a time while ids are checked


class Split:
    """The rows of one split, in the order of the raw data, over one or several shards.

    Attributes:
        name: "train", "valid" or "test".
        rows: number of rows.
        block_bounds: int64 array of ``shards + 1`` row numbers: block ``i`` is rows ``bounds[i]`` to
            ``bounds[i + 1] - 1``. A loader that shuffles block by block touches one shard at a time.
        partial: of every task, whether labels may be unknown.
        widths: columns of ids of every field.
        weights: of every row, float32 ``[rows]``; None where all count alike, as those of valid and test.
    """

    weights: np.ndarray | None = None

    def __init__(self, name: str, ids: Sequence[np.ndarray], labels: Sequence[np.ndarray], widths: Sequence[int],
                 partial: Sequence[bool]):
        self.name = name
        self.partial = tuple(partial)
        self._ids = list(ids)
        self._labels = list(labels)
        self.widths = list(widths)
        self._width, self._type = (sum(widths), len(partial)), self._labels[0].dtype
        self.block_bounds = np.concatenate(([0], np.cumsum([len(block) for block in self._ids], dtype=np.int64)))
        self.block_bounds = self.block_bounds.astype(np.int64)
        self.rows = int(self.block_bounds[-1])

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: np.ndarray, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Gathers rows in the order asked for.

        Args:
            rows: int64 array [b] of row numbers of this split; repeats are allowed.
            columns: positions of the fields to return, in that order; None returns all.
            tasks: positions of the tasks to return; None returns all.

        Returns:
            ids, int32 [b, n] (a pooled field has several columns), and labels [b, t] as src/labels.py says; both are
            C-contiguous copies in memory.

        Raises:
            IndexError: a row number is outside the split.
        """
        columns = field_columns(columns, self.widths)
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= self.rows):
            raise IndexError(f"row {rows.min()} to {rows.max()} asked of the {self.rows} rows of {self.name}")
        if len(self._ids) == 1:
            return _pick(self._ids[0], rows, columns), _pick(self._labels[0], rows, tasks)
        block = np.searchsorted(self.block_bounds, rows, side="right") - 1
        ids = np.empty((len(rows), self._width[0] if columns is None else len(columns)), np.int32)
        labels = np.empty((len(rows), self._width[1] if tasks is None else len(tasks)), self._type)
        for number in np.unique(block):
            here = np.flatnonzero(block == number)
            local = rows[here] - self.block_bounds[number]
            ids[here] = _pick(self._ids[number], local, columns)
            labels[here] = _pick(self._labels[number], local, tasks)
        return ids, labels

    def read(self, start: int, stop: int, columns: Sequence[int] | None = None,
             tasks: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Returns rows ``start`` to ``stop - 1`` (cut to the split's rows) as :meth:`take` does."""
        start, stop, _ = slice(start, stop).indices(self.rows)
        ids: list[np.ndarray] = [np.empty((0, self._width[0]), np.int32)]
        labels: list[np.ndarray] = [np.empty((0, self._width[1]), self._type)]
        for number, first in enumerate(self.block_bounds[:-1]):
            piece = slice(max(start - first, 0), max(stop - first, 0))
            ids.append(self._ids[number][piece])
            labels.append(self._labels[number][piece])
        columns = field_columns(columns, self.widths)
        return _columns(np.concatenate(ids), columns), _columns(np.concatenate(labels), tasks)

    def read_labels(self, start: int, stop: int, tasks: Sequence[int] | None = None) -> np.ndarray:
        """Returns the labels of rows ``start`` to ``stop - 1`` (cut to the split's rows), ``[rows, t]``."""
        start, stop, _ = slice(start, stop).indices(self.rows)
        pieces = [np.empty((0, self._width[1]), self._type)]
        for number, first in enumerate(self.block_bounds[:-1]):
            pieces.append(self._labels[number][max(start - first, 0):max(stop - first, 0)])
        return _columns(np.concatenate(pieces), tasks)


class PreparedData:
    """A prepared data set on disk. Use :meth:`open`.

    Attributes:
        path: its folder.
        schema: what it holds.
        fingerprint: SHA-256 of schema.json, which has those of the shards and vocabularies: two sets with one
            fingerprint hold the same, wherever they lie.
    """

    def __init__(self, path: Path, schema: Schema, splits: dict[str, Split], fingerprint: str):
        self.path = path
        self.schema = schema
        self.fingerprint = fingerprint
        self._splits = splits

    @classmethod
    def open(cls, data_dir, verify: bool = True) -> PreparedData:
        """Opens a prepared data set.

        Args:
            data_dir: the folder that ``preprocess.py`` wrote.
            verify: also compare the SHA-256 of every shard and the range of every id, which reads all of them once.
                Without it, all labels and the first 100,000 rows of ids of every shard are checked.

        Raises:
            UserError: the folder is missing, the schema is damaged or of another version, or a shard is missing,
                truncated, of the wrong shape or type, changed since it was written, or holds an id that its field
                has not or a label that its task does not allow.
        """
        path = Path(data_dir)
        remedy = f"run: python preprocess.py --dataset NAME --raw_dir RAW_FOLDER --data_dir {path}"
        if not (path / SCHEMA_FILE).is_file():
            state = "has no schema.json" if path.is_dir() else "does not exist"
            raise UserError(f"data_dir {path} {state}; expected a prepared data set; {remedy}")
        schema = Schema.from_json(read_json(path / SCHEMA_FILE), str(path / SCHEMA_FILE))
        if schema.encoder_version != ENCODER_VERSION:
            raise UserError(f"{path} was prepared by encoder version {schema.encoder_version}; expected "
                            f"{ENCODER_VERSION}; {remedy} --overwrite")
        splits = {name: _open_split(path, name, schema, verify, f"{remedy} --overwrite") for name in SPLITS}
        return cls(path, schema, splits, sha256(path / SCHEMA_FILE))

    def split(self, name: str) -> Split:
        """Returns one of the splits "train", "valid", "test".

        Raises:
            UserError: there is no such split.
        """
        if name not in self._splits:
            raise UserError(f"split is {name!r}; expected one of {', '.join(SPLITS)}")
        return self._splits[name]

    def groups(self, split: str) -> np.ndarray | None:
        """The group of every row of "valid" or "test", int32 ``[rows]``, -1 for none; None where there are no groups.

        Raises:
            UserError: the file is missing or damaged.
        """
        if self.schema.group is None or split not in self.schema.group.files:
            return None
        entry, remedy = self.schema.group.files[split], f"prepare {self.path} again with --overwrite"
        groups = _open_array(self.path, entry.file, (self.schema.rows[split],), np.int32, remedy)
        if sha256(self.path / entry.file) != entry.sha256:
            raise UserError(f"{self.path / entry.file} is damaged: its SHA-256 is not the one in schema.json; {remedy}")
        return groups


def _open_split(path: Path, name: str, schema: Schema, verify: bool, remedy: str) -> Split:
    columns, tasks = sum(schema.widths), len(schema.tasks)
    ids, labels = [], []
    for shard in schema.shards[name]:
        ids.append(_open_array(path, shard.ids, (shard.rows, columns), np.int32, remedy))
        labels.append(_open_array(path, shard.labels, (shard.rows, tasks), label_type(schema.scales), remedy))
        if verify:
            _verify(path, shard, remedy)
        _check_ids(ids[-1] if verify else ids[-1][:_BLOCK_ROWS], schema, path / shard.ids, remedy)
    split = Split(name, ids, labels, schema.widths, schema.partial)
    if split.rows != schema.rows[name]:
        raise UserError(f"{path / SCHEMA_FILE} is damaged: its {name} shards hold {split.rows} rows; expected "
                        f"{schema.rows[name]}; {remedy}")
    _check_labels(labels, name, schema, path, remedy)
    if name == "train" and schema.weight is not None:
        split.weights = _open_weights(path / schema.weight.file, split.rows, schema.weight.sha256 if verify else None,
                                      remedy)
    return split


def _open_weights(path: Path, rows: int, digest: str | None, remedy: str) -> np.ndarray:
    weights = _open_array(path.parent, path.name, (rows,), np.float32, remedy)
    if digest is not None and sha256(path) != digest:
        raise UserError(f"{path} is damaged: its SHA-256 is not the one in schema.json; {remedy}")
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        raise UserError(f"{path} holds weights other than finite numbers of at least 0, or only 0; {remedy}")
    return weights


def _open_array(path: Path, name: str, shape: tuple[int, ...], dtype: type, remedy: str) -> np.ndarray:
    try:
        array = np.load(path / name, mmap_mode="r" if shape[0] else None, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"shard {path / name} is missing; {remedy}") from None
    except NUMPY_ERRORS as error:
        raise UserError(f"shard {path / name} is damaged or truncated ({error}); {remedy}") from None
    if array.shape != shape or array.dtype != dtype:
        raise UserError(f"shard {path / name} is {array.dtype} {list(array.shape)}; expected {np.dtype(dtype)} "
                        f"{list(shape)}; {remedy}")
    return array


def _verify(path: Path, shard: Shard, remedy: str) -> None:
    for name, expected in ((shard.ids, shard.ids_sha256), (shard.labels, shard.labels_sha256)):
        if sha256(path / name) != expected:
            raise UserError(f"shard {path / name} is damaged: its SHA-256 is not the one in schema.json; {remedy}")


def _check_ids(ids: np.ndarray, schema: Schema, path: Path, remedy: str) -> None:
    """Refuses ids outside 0 to cardinality - 1: as unsigned numbers, negative ones are too large as well."""
    fields = np.repeat(np.arange(len(schema.fields)), schema.widths)  # of every column
    limits = np.array(schema.cardinalities)[fields]
    for start in range(0, len(ids), _BLOCK_ROWS):
        highest = ids[start:start + _BLOCK_ROWS].view(np.uint32).max(axis=0)
        wrong = np.flatnonzero(highest >= limits)
        if len(wrong):
            field = schema.fields[fields[wrong[0]]]
            raise UserError(f"shard {path} holds id {highest[wrong[0]].astype(np.int32)} of field {field.name!r}; "
                            f"expected 0 to {field.cardinality - 1}; {remedy}")


def _check_labels(labels: Sequence[np.ndarray], name: str, schema: Schema, path: Path, remedy: str) -> None:
    """Refuses labels other than 0 and 1, and shares of positives other than the schema's (tasks or splits mixed up).

    Of a partial task there are unknown ones, too, in as many rows as the schema says. A number is a finite one.
    """
    for place, task in enumerate(schema.tasks):
        columns = [block[:, place] for block in labels]
        unknown = sum(len(column) - int(np.count_nonzero(known_labels(column))) for column in columns)
        positives = sum(int(np.count_nonzero(column == 1)) for column in columns)
        if not all(_allowed(column, task) for column in columns) or (unknown and not task.partial):
            what = "0 and 1" if task.scale is None else "finite numbers"
            raise UserError(f"the {name} shards of {path} hold labels other than {what}; {remedy}")
        known, rate = task.known.get(name, schema.rows[name]), task.positive_rate.get(name)
        if unknown != schema.rows[name] - known:
            raise UserError(f"the {name} shards of {path} hold {schema.rows[name] - unknown} labels of task "
                            f"{task.name!r}; expected {known}, as {SCHEMA_FILE} says; {remedy}")
        if rate is not None and abs(positives - rate * known) > 0.5:
            raise UserError(f"the {name} shards of {path} hold {positives} positive labels of task {task.name!r}; "
                            f"expected {rate * known:.0f}, as {SCHEMA_FILE} says; {remedy}")


def _allowed(column: np.ndarray, task: Task) -> bool:
    """Whether labels are 0, 1 or unknown; of a number, finite or unknown."""
    if task.scale is not None:
        return not np.isinf(column).any()
    return bool(((column == 0) | (column == 1) | ~known_labels(column)).all())


def _pick(block: np.ndarray, rows: np.ndarray, columns: Sequence[int] | None) -> np.ndarray:
    """Gathers whole rows first: a row is contiguous on disk, a column is not."""
    return _columns(np.take(block, rows, axis=0), columns)


def _columns(block: np.ndarray, columns: Sequence[int] | None) -> np.ndarray:
    block = np.asarray(block)
    if columns is None:
        return np.ascontiguousarray(block)
    return np.ascontiguousarray(np.take(block, np.asarray(columns, np.intp), axis=1))

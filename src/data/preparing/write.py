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
"""Writing a prepared data set so that it appears whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...common.files import naming, write_json
from ...schema import SPLITS, Schema, Shard
from ..prepared import INPUTS_FILE, SCHEMA_FILE
from .place import Place, sync_folder

SHARD_ROWS = 2_000_000


class PreparedWriter:
    """Writes a set into a hidden folder, which takes its place when :meth:`commit` is called.

    Use as a context manager: leaving it without a commit removes everything that was written, and what was there
    before stays. A process killed outright leaves only the hidden folder, which the next writer removes.

    Args:
        place: where the prepared set shall appear.
        shard_rows: largest number of rows of one shard.

    Raises:
        UserError: the place holds other files, or another process writes it now.
    """

    def __init__(self, place: Place, shard_rows: int = SHARD_ROWS):
        self.place = place
        self.shard_rows = shard_rows
        self.folder = place.hidden("preparing")
        self._lock = -1
        self._splits: dict[str, _SplitWriter] = {}

    def __enter__(self) -> PreparedWriter:
        self.place.refuse_foreign()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self.place.take_lock()
        self.place.clear()
        self.folder.mkdir()
        return self

    def __exit__(self, kind, error, trace) -> None:
        for split in self._splits.values():
            split.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def begin(self, rows: Mapping[str, int], columns: int, tasks: int, labels: type = np.uint8) -> None:
        """Announces the rows of every split, the widths and the type of labels; call once, before :meth:`append`."""
        for name in SPLITS:
            self._splits[name] = _SplitWriter(self.folder, name, rows[name], (columns, tasks), self.shard_rows, labels)

    def append(self, split: str, ids: np.ndarray, labels: np.ndarray) -> None:
        """Adds rows: ids int32 [b, columns], labels [b, T] of the type announced."""
        self._splits[split].append(ids, labels)

    def finish_shards(self) -> dict[str, tuple[Shard, ...]]:
        """Closes and syncs the shards and returns their description for the schema."""
        return {name: tuple(self._splits[name].finish()) for name in SPLITS}

    def commit(self, schema: Schema, made_of: Mapping[str, Any]) -> None:
        """Writes inputs.json and, last, schema.json, and puts the set in place of what was there."""
        write_json(self.folder / INPUTS_FILE, made_of)
        write_json(self.folder / SCHEMA_FILE, schema.to_json(), sealed=True)
        sync_folder(self.folder)
        self.place.put(self.folder)


class _NpyFile:
    """A .npy file of a known shape, written piece by piece and hashed on the way."""

    def __init__(self, path: Path, shape: tuple[int, int], dtype: type):
        self.path = path
        self.dtype = dtype
        self._digest = hashlib.sha256()
        self._file = open(path, "wb")  # noqa: SIM115 (closed by finish or abandon)
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._file.flush()
        self._digest.update(path.read_bytes())

    def append(self, block: np.ndarray) -> None:
        data = np.ascontiguousarray(block, dtype=self.dtype)
        with naming(self.path):
            self._file.write(memoryview(data).cast("B") if data.size else b"")
        self._digest.update(data)

    def finish(self) -> str:
        with naming(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return self._digest.hexdigest()

    def abandon(self) -> None:
        self._file.close()


class _SplitWriter:
    """Cuts the stream of one split into shards of a bounded number of rows."""

    def __init__(self, folder: Path, name: str, rows: int, widths: tuple[int, int], shard_rows: int, labels: type):
        self.folder, self.name, self.widths, self.labels = folder, name, widths, labels
        # An empty split still gets one (empty) shard, so that readers need no special case.
        self.sizes = [min(shard_rows, rows - start) for start in range(0, max(rows, 1), shard_rows)]
        self.shards: list[Shard] = []
        self._open: tuple[_NpyFile, _NpyFile] | None = None
        self._filled = 0

    def append(self, ids: np.ndarray, labels: np.ndarray) -> None:
        start = 0
        while start < len(ids):
            if len(self.shards) == len(self.sizes):
                raise ValueError(f"more rows than announced were written to {self.name}")
            ids_file, labels_file = self._files()
            stop = min(len(ids), start + self.sizes[len(self.shards)] - self._filled)
            ids_file.append(ids[start:stop])
            labels_file.append(labels[start:stop])
            self._filled += stop - start
            start = stop
            if self._filled == self.sizes[len(self.shards)]:
                self._close_shard()

    def finish(self) -> list[Shard]:
        if self.sizes == [0]:
            self._files()
            self._close_shard()
        if len(self.shards) != len(self.sizes):
            raise ValueError(f"fewer rows than announced were written to {self.name}")
        return self.shards

    def abandon(self) -> None:
        for file in self._open or ():
            file.abandon()

    def _files(self) -> tuple[_NpyFile, _NpyFile]:
        if self._open is None:
            number, rows = len(self.shards), self.sizes[len(self.shards)]
            stem = f"{self.name}-{number:05d}"
            self._open = (_NpyFile(self.folder / f"{stem}-ids.npy", (rows, self.widths[0]), np.int32),
                          _NpyFile(self.folder / f"{stem}-labels.npy", (rows, self.widths[1]), self.labels))
        return self._open

    def _close_shard(self) -> None:
        ids_file, labels_file = self._open
        self.shards.append(Shard(ids_file.path.name, labels_file.path.name, self._filled, ids_file.finish(),
                                 labels_file.finish()))
        self._open, self._filled = None, 0

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

import fcntl
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...files import naming, read_json, write_json
from ...schema import SPLITS, Schema, Shard
from ..prepared import SCHEMA_FILE

SHARD_ROWS = 2_000_000


class PreparedWriter:
    """Writes shards into a hidden sibling of ``data_dir`` and renames it when :meth:`commit` is called.

    Use as a context manager: leaving it without a commit removes everything that was written, and what stood at
    ``data_dir`` before stays. A process killed outright leaves only the hidden sibling, which has no schema.json
    and so cannot be opened; the next writer removes it.

    Args:
        data_dir: where the prepared set shall appear.
        shard_rows: largest number of rows of one shard.

    Raises:
        UserError: ``data_dir`` holds something that is not a prepared data set, or another process writes it now.
    """

    def __init__(self, data_dir: Path, shard_rows: int = SHARD_ROWS):
        self.data_dir = Path(os.path.abspath(data_dir))
        self.shard_rows = shard_rows
        self.folder = self.data_dir.with_name(f".{self.data_dir.name}.preparing")
        self._old = self.data_dir.with_name(f".{self.data_dir.name}.replaced")
        self._lock = -1
        self._splits: dict[str, _SplitWriter] = {}

    def __enter__(self) -> PreparedWriter:
        refuse_foreign(self.data_dir)
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        if self._old.exists() and not self.data_dir.exists():
            os.rename(self._old, self.data_dir)  # a kill between the two renames of commit(): put the old set back
        for left in (self.folder, self._old):
            shutil.rmtree(left, ignore_errors=True)
        self.folder.mkdir()
        return self

    def __exit__(self, kind, error, trace) -> None:
        for split in self._splits.values():
            split.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)  # the empty lock file stays while others may wait on it; unlinking it would race

    def begin(self, rows: Mapping[str, int], fields: int, tasks: int) -> None:
        """Announces the rows of every split and the widths; call once, before :meth:`append`."""
        for name in SPLITS:
            self._splits[name] = _SplitWriter(self.folder, name, rows[name], fields, tasks, self.shard_rows)

    def append(self, split: str, ids: np.ndarray, labels: np.ndarray) -> None:
        """Adds rows: ids int32 [b, N], labels uint8 [b, T]."""
        self._splits[split].append(ids, labels)

    def finish_shards(self) -> dict[str, tuple[Shard, ...]]:
        """Closes and syncs the shards and returns their description for the schema."""
        return {name: tuple(self._splits[name].finish()) for name in SPLITS}

    def commit(self, schema: Schema) -> None:
        """Writes schema.json last, syncs, and puts the folder in place of what stood there."""
        write_json(self.folder / SCHEMA_FILE, schema.to_json(), sealed=True)
        _sync_folder(self.folder)
        if self.data_dir.exists():
            os.rename(self.data_dir, self._old)
        os.rename(self.folder, self.data_dir)
        _sync_folder(self.data_dir.parent)
        shutil.rmtree(self._old, ignore_errors=True)

    def _take_lock(self) -> None:
        path = self.data_dir.with_name(f".{self.data_dir.name}.lock")
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UserError(f"data_dir {self.data_dir} is being prepared by another process; wait for it or choose "
                            "another --data_dir") from None


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

    def __init__(self, folder: Path, name: str, rows: int, fields: int, tasks: int, shard_rows: int):
        self.folder, self.name, self.widths = folder, name, (fields, tasks)
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
                          _NpyFile(self.folder / f"{stem}-labels.npy", (rows, self.widths[1]), np.uint8))
        return self._open

    def _close_shard(self) -> None:
        ids_file, labels_file = self._open
        self.shards.append(Shard(ids_file.path.name, labels_file.path.name, self._filled, ids_file.finish(),
                                 labels_file.finish()))
        self._open, self._filled = None, 0


def refuse_foreign(data_dir: Path) -> None:
    """Refuses a folder that is neither empty nor a prepared data set, so that --overwrite never deletes other work.

    Raises:
        UserError: it is a file, or holds something else.
    """
    if not data_dir.exists():
        return
    ours = False
    if data_dir.is_dir():
        ours = not any(data_dir.iterdir())
        if (data_dir / SCHEMA_FILE).is_file():
            value = read_json(data_dir / SCHEMA_FILE)
            ours = isinstance(value, dict) and {"encoder_version", "shards", "fields", "tasks"} <= set(value)
    if not ours:
        raise UserError(f"data_dir {data_dir} holds something that is not a prepared data set; expected an empty or "
                        "new folder; choose another --data_dir")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

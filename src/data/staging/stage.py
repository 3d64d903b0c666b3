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
"""Where sources put their rows: bounded Parquet parts of facts, and small tables of entities they point to.

A log of 20 million rows mentions 27 thousand users. Joining the users' 30 columns to every row would cost thirty
columns of text per row; keeping a pointer per row and encoding each user once costs one. So a staged data set is a
star: parts of facts with columns of their own, label columns, and per entity table one int32 column of row numbers.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from tqdm import tqdm

from ...common.errors import UserError, nearest
from ...common.files import read_json, write_json
from ..reading.cells import row_of

PART_ROWS = 500_000
_STATE_FILE = "stage.json"
GIVEN_TEST = "__given_test__"  # a bool column: the source itself says that the row is a test row
GIVEN_SPLIT = "__given_split__"  # a uint8 column: 0 train, 1 valid, 2 test, where every split is a file of its own

LOG = logging.getLogger(__name__)


@dataclass
class Stage:
    """Facts and entities of one data set, written part by part.

    Attributes:
        folder: where the parts go.
        entities: entity table name -> its rows. A fact column of the same name holds row numbers, -1 = unknown.
        steps: what was done, with row counts, for schema.json and the user.
        state: how far a source that can be interrupted is; stored by :meth:`save`.
        extras: files to keep with the prepared set.
    """

    folder: Path
    entities: dict[str, pl.DataFrame] = field(default_factory=dict)
    steps: list[dict] = field(default_factory=list)
    part_rows: list[int] = field(default_factory=list)
    state: dict = field(default_factory=dict)
    extras: list[Path] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(self.part_rows)

    def write(self, frame: pl.DataFrame) -> None:
        """Adds facts; large frames are cut into parts of bounded size."""
        for start in range(0, len(frame), PART_ROWS):
            part = frame.slice(start, PART_ROWS)
            path = self._path(len(self.part_rows))
            try:
                part.write_parquet(path, compression="lz4", statistics=False)
            except pl.exceptions.PolarsError as error:  # Polars reports a full disk this way
                raise UserError(f"{path} cannot be written: {str(error).splitlines()[0]}") from None
            self.part_rows.append(len(part))

    def parts(self, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yields the parts in order, reading only the named columns."""
        for number in range(len(self.part_rows)):
            yield pl.read_parquet(self._path(number), columns=columns)

    def column(self, name: str) -> np.ndarray:
        """Returns one fact column of all rows as an array."""
        return np.concatenate([part[name].to_numpy() for part in self.parts([name])])

    def fact_columns(self) -> list[str]:
        return list(pl.read_parquet_schema(self._path(0))) if self.part_rows else []

    def home(self, column: str) -> str | None:
        """Returns the entity table that holds a column, or None for a fact column.

        Raises:
            UserError: no table holds it.
        """
        if column in self._own_columns():
            return None
        for name, table in self.entities.items():
            if column in table.columns:
                return name
        raise UserError(f"column {column!r} is not in the raw data; it has {', '.join(self.all_columns())}"
                        f"{nearest(column, self.all_columns())}")

    def all_columns(self) -> list[str]:
        return self._own_columns() + [name for table in self.entities.values() for name in table.columns]

    def place_of(self, column: str, cell: str) -> str:
        """Where a cell is first found, for messages."""
        home = self.home(column)
        start = 0
        for part in self.parts([column]) if home is None else [self.entities[home]]:
            row = row_of(cell, part[column])
            if row is not None:
                return f"data row {start + row + 1}" if home is None else f"row {row + 1} of the table of {home}s"
            start += len(part)
        return "the raw data"

    def step(self, text: str, rows: int, **more) -> None:
        """Records and logs a step with its row count."""
        self.steps.append({"step": text, "rows": int(rows), **more})
        LOG.info("%12s  %s", f"{rows:,}", text)

    def save(self, **state) -> None:
        """Notes that everything written so far counts, and how far the source is."""
        self.state = {**self.state, **state}
        write_json(self.folder / _STATE_FILE, {"part_rows": self.part_rows, "steps": self.steps, "state": self.state})

    @classmethod
    def resume(cls, folder: Path) -> Stage:
        """Returns the stage that :meth:`save` last noted; an empty one where there is none or a part is damaged."""
        if not (folder / _STATE_FILE).is_file():
            return cls(folder)
        stage = cls(folder, **read_json(folder / _STATE_FILE))
        try:
            found = [pl.scan_parquet(stage._path(number)).select(pl.len()).collect().item()
                     for number in range(len(stage.part_rows))]
        except (pl.exceptions.PolarsError, OSError):
            found = None
        if found != stage.part_rows:
            LOG.warning("%s is damaged; reading the raw files from the start", folder)
            return cls(folder)
        return stage

    def remove(self) -> None:
        """Deletes the parts."""
        shutil.rmtree(self.folder)

    def _own_columns(self) -> list[str]:
        return [name for name in self.fact_columns() if name not in (*self.entities, GIVEN_TEST, GIVEN_SPLIT)]

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.parquet"


def point_to(keys: pl.Series, table_keys: pl.Series, name: str) -> pl.Series:
    """Returns the row number in ``table_keys`` (unique) of every key, -1 where the key is unknown, as int32."""
    table = pl.DataFrame({"key": table_keys, name: np.arange(len(table_keys), dtype=np.int32)})
    found = keys.to_frame("key").join(table, on="key", how="left", maintain_order="left")
    return found[name].fill_null(-1)


def progress(what: str, rows: int | None = None) -> tqdm:
    """Returns a progress bar that shows rows per second; silent where standard error is no terminal."""
    return tqdm(total=rows, desc=what, unit="row", unit_scale=True, disable=None, leave=False)

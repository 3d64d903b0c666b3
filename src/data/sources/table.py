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
"""The user's own table: a CSV file, a Parquet file, or a folder of Parquet files, described by a small YAML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ...errors import UserError
from ..preparing.options import DataOptions
from ..preparing.stage import PART_ROWS, Stage, progress
from ..reading.delimited import TEXT, read_frames, require_columns

DEFAULTS = {"delimiter": None}
_TEXT_SUFFIXES = {".csv": ",", ".tsv": "\t", ".txt": ","}


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns the table's file or files.

    Raises:
        UserError: nothing is given, or it is of no known kind.
    """
    if raw_dir is None:
        raise UserError("raw_dir is not given; expected a CSV file, a Parquet file or a folder of Parquet files")
    if raw_dir.is_file() and raw_dir.suffix.lower() in (*_TEXT_SUFFIXES, ".parquet"):
        return [raw_dir]
    found = sorted(raw_dir.glob("*.parquet")) if raw_dir.is_dir() else []
    if not found:
        raise UserError(f"raw_dir {raw_dir} is no table; expected a file that ends in .csv, .tsv or .parquet, or a "
                        "folder of .parquet files")
    return found


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages the columns that the description names."""
    for path in files:
        before = out.rows
        with progress(f"read {path.name}") as bar:
            for frame in _frames(path, options):
                out.write(frame)
                bar.update(len(frame))
        out.step(f"rows of {path.name}", out.rows - before)


def _frames(path: Path, options: DataOptions) -> Iterator[pl.DataFrame]:
    columns = options.columns()
    if path.suffix.lower() != ".parquet":
        separator = options.source["delimiter"] or _TEXT_SUFFIXES[path.suffix.lower()]
        if not isinstance(separator, str) or len(separator.encode()) != 1:
            raise UserError(f"delimiter is {separator!r}; expected one character such as \";\"")
        yield from read_frames(path, dict.fromkeys(columns, TEXT), separator)
        return
    try:
        lazy = pl.scan_parquet(path, glob=False)
        require_columns(path, lazy.collect_schema().names(), columns)
        joined = [_flat(spec.column, spec.separator) for spec in options.fields
                  if isinstance(lazy.collect_schema()[spec.column], (pl.List, pl.Array))]
        rows = lazy.select(pl.len()).collect().item()
        for start in range(0, rows, PART_ROWS):
            yield lazy.select(columns).slice(start, PART_ROWS).collect().with_columns(joined)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{path} is damaged or no Parquet file ({error})") from None


def _flat(column: str, separator: str | None) -> pl.Expr:
    return pl.col(column).cast(pl.List(pl.String)).list.join(separator or ",", ignore_nulls=True)

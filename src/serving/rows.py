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
"""Raw rows in, probabilities out: CSV, Parquet and JSON lines, in pieces of bounded size. No MindSpore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from ..common.errors import UserError, nearest, reason
from ..common.files import open_whole
from ..common.text import csv_cell
from ..data.reading.delimited import TEXT, BlockReader, Place
from ..data.reading.header import find_separator, names_of, parse_header, read_record
from ..data.reading.jsonl import CHUNK_ROWS, Columns, read_jsonl
from ..data.reading.parquet import PARQUET_ERRORS, damaged

FORMATS = ("csv", "parquet", "jsonl")


def format_of(path: str, wanted: str | None, standard: str) -> str:
    """The format of a file: the wanted one, or what its ending says; ``standard`` for standard input or output.

    Raises:
        UserError: the wanted format, or the ending, is none that is known.
    """
    if wanted is not None:
        if wanted not in FORMATS:
            raise UserError(f"format is {wanted!r}; expected {', '.join(FORMATS)}{nearest(wanted, FORMATS)}")
        return wanted
    if path == "-":
        return standard
    ending = Path(path).suffix.lower().lstrip(".")
    if ending not in FORMATS:
        raise UserError(f"{path} ends in none of .csv, .parquet, .jsonl; say what it is with --format")
    return ending


def delimiter_of(given: str | None) -> str | None:
    """What separates the cells of CSV: one character, or the word tab; None where it is not said.

    Raises:
        UserError: it is something else.
    """
    found = "\t" if given in ("tab", "\\t") else given
    if found is not None and (len(found.encode()) != 1 or found in '"\r\n'):
        raise UserError(f"delimiter is {given!r}; expected one character such as \";\", or tab")
    return found


def read_rows(path: str, kind: str, columns: Columns, stdin: BinaryIO,
              delimiter: str | None = None) -> Iterator[pl.DataFrame]:
    """Yields raw rows in order, only the columns needed, at most some tens of MB at a time.

    Args:
        path: a file, or "-" for ``stdin``.
        kind: csv (text with a header line), parquet, or jsonl (one object a line).
        columns: asked once with the columns that are there (for jsonl: the keys of the first row); says which to read.
        stdin: standard input as bytes.
        delimiter: what separates cells of CSV; None finds it by the columns that are needed.

    Raises:
        UserError: the file is missing, damaged, or lacks a column.
    """
    if kind == "parquet":
        if path == "-":
            raise UserError("Parquet cannot be read from standard input; give a file with --input")
        yield from _read_parquet(path, columns)
        return
    if path == "-":
        yield from _read_text(stdin, "standard input", kind, columns, delimiter)
        return
    try:
        with open(path, "rb") as file:
            yield from _read_text(file, path, kind, columns, delimiter)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def write_rows(frames: Iterable[pl.DataFrame], path: str, kind: str, stdout: BinaryIO, delimiter: str = ",") -> int:
    """Writes frames as they come; a named file appears only when it is complete (see ``open_whole``). Returns the rows.

    Raises:
        UserError: Parquet to standard output or without pyarrow, or a file that cannot be written.
    """
    if path == "-":
        if kind == "parquet":
            raise UserError("Parquet cannot be written to standard output; give a file with --output")
        return _write(frames, stdout, kind, delimiter)
    if kind == "parquet":
        import_pyarrow()
    try:
        with open_whole(Path(path)) as file:
            return _write(frames, file, kind, delimiter)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}") from None


def import_pyarrow() -> tuple[Any, Any]:
    """pyarrow and pyarrow.parquet, or one line that says how to get them.

    Raises:
        UserError: it is not installed, or does not go with the NumPy that is.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UserError(f"Parquet needs pyarrow, which cannot be imported ({' '.join(str(error).split())[:200]}); pip "
                        "install -r requirements/serve.txt, or use CSV or JSON lines") from None
    return pa, pq


def _write(frames: Iterable[pl.DataFrame], file: BinaryIO, kind: str, delimiter: str) -> int:
    rows, writer = 0, None
    for frame in frames:
        if kind == "csv":
            frame.rename(csv_cell).write_csv(file, include_header=rows == 0, separator=delimiter)
        elif kind == "jsonl":
            frame.write_ndjson(file)
        else:
            table = frame.to_arrow()
            writer = writer or import_pyarrow()[1].ParquetWriter(file, table.schema)
            writer.write_table(table)
        file.flush()
        rows += len(frame)
    if writer is not None:
        writer.close()
    return rows


def _read_text(file: BinaryIO, where: str, kind: str, columns: Columns,
               delimiter: str | None) -> Iterator[pl.DataFrame]:
    if kind == "jsonl":
        yield from read_jsonl(file, where, columns)
        return
    header = read_record(file, where)
    separator = delimiter or find_separator(header, where, lambda cells: columns(names_of(cells, where), where))
    names = parse_header(header, where, separator)
    wanted = columns(names, where)
    reader = BlockReader(Path(where), names, dict.fromkeys(wanted, TEXT), separator)
    for block, _ in reader.blocks(file, Place(len(header), 1 + header.count(b"\n"))):
        yield from block.iter_slices(CHUNK_ROWS)


def _read_parquet(path: str, columns: Columns) -> Iterator[pl.DataFrame]:
    pa, pq = import_pyarrow()
    try:
        with pq.ParquetFile(path) as file:
            wanted = columns(file.schema_arrow.names, path)
            for batch in file.iter_batches(CHUNK_ROWS, columns=wanted):
                yield pl.from_arrow(pa.Table.from_batches([batch.replace_schema_metadata()]))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (pa.ArrowException, *PARQUET_ERRORS) as error:
        raise damaged(path, error) from None

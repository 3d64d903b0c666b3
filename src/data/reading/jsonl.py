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
"""Reading JSON lines: one object a line, its values as the text that a CSV file would have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, BinaryIO, Callable

import polars as pl

from ...common.errors import UserError
from .cells import cell_text
from .delimited import TEXT
from .header import BLOCK_BYTES, read_line

CHUNK_ROWS = 65_536
Columns = Callable[[Sequence[str], str], list]  # (columns that are there, where) -> columns to read


def read_jsonl(file: BinaryIO, where: str, columns: Columns) -> Iterator[pl.DataFrame]:
    """Yields the rows of JSON lines as the text of their cells, in pieces of bounded size.

    Args:
        where: the file, for messages.
        columns: asked once, with the keys of the first row and its place; says which to read.

    Raises:
        UserError: a line is no JSON object, or lacks a column.
    """
    wanted = None
    for chunk in _line_chunks(file, where):
        rows = [_parse_object(line, number, where) for number, line in chunk]
        wanted = wanted or columns(list(rows[0]), f"{where} line {chunk[0][0]}")
        yield rows_frame(rows, wanted, lambda place, chunk=chunk: f"{where} line {chunk[place][0]}")
    if wanted is None:
        raise UserError(f"{where} is empty; expected one JSON object a line")


def rows_frame(rows: Sequence[dict[str, Any]], columns: Sequence[str], where: Callable[[int], str]) -> pl.DataFrame:
    """Columns of JSON rows as the text of their cells; null is null.

    Args:
        where: the place of the row with a number from 0, for messages.

    Raises:
        UserError: a row lacks a column, or has something in it that is no text.
    """
    data = {name: [_cell(row, name, where, place) for place, row in enumerate(rows)] for name in columns}
    return pl.DataFrame(data, schema=dict.fromkeys(columns, TEXT))


def _line_chunks(file: BinaryIO, where: str) -> Iterator[list[tuple[int, bytes]]]:
    """Yields the lines that are not blank, with their numbers, at most CHUNK_ROWS and about BLOCK_BYTES at a time."""
    chunk, size = [], 0
    for number in count(1):
        line = read_line(file, where, number)
        if line.strip():
            chunk.append((number, line))
            size += len(line)
        if chunk and (not line or len(chunk) == CHUNK_ROWS or size > BLOCK_BYTES):
            yield chunk
            chunk, size = [], 0
        if not line:
            return


def _cell(row: dict[str, Any], name: str, where: Callable[[int], str], place: int) -> str | None:
    try:
        text = cell_text(row[name])
        if text is not None and not text.isascii():
            text.encode()
        return text
    except KeyError:
        raise UserError(f"{where(place)} lacks {name!r}; write null for a missing value") from None
    except TypeError as error:
        raise UserError(f"{where(place)}: {name!r} is {error}") from None
    except UnicodeEncodeError:
        raise UserError(f"{where(place)}: {name!r} is {ascii(row[name])[:60]}, with half a letter (\\ud800 to "
                        "\\udfff alone); expected text") from None


def _parse_object(line: bytes, number: int, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} line {number} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise UserError(f"{where} line {number} is {str(row)[:50]}; expected an object such as {{\"user_id\": 1}}")
    return row

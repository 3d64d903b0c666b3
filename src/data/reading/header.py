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
"""The header of delimited text: which columns there are, and what separates them."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Callable

from ...common.errors import UserError, nearest
from .archive import open_file

BLOCK_BYTES = 16 << 20
LINE_BYTES = 4 * BLOCK_BYTES  # a longer line is no line of a table
SEPARATORS = (",", ";", "\t", "|")


def read_header(path: Path, separator: str = ",") -> list[str]:
    """Returns the names of the columns, "" for one without a name, as that of the index pandas writes.

    Raises:
        UserError: the file is missing or empty, is not UTF-8, or names a column twice.
    """
    with open_file(path) as file:
        return parse_header(read_record(file, path), path, separator)


def read_line(file: BinaryIO, path, number: int) -> bytes:
    """Returns the next line of a file, b"" at its end; ``path`` and the line's number are for messages.

    Raises:
        UserError: the line is longer than LINE_BYTES, as of a file that is no text.
    """
    line = file.readline(LINE_BYTES + 1)
    if number == 1:
        _refuse_old_mac(line, path)
    if len(line) > LINE_BYTES:
        raise UserError(f"{path} line {number} does not end within {LINE_BYTES >> 20} MiB; expected one record a line")
    return line


def read_record(file: BinaryIO, path, quoted: bool = True) -> bytes:
    """Returns the first record of a file: one line, or several where a cell in quotes holds line breaks.

    Raises:
        UserError: it is too long, or a quote is not closed.
    """
    record, number = read_line(file, path, 1), 1
    while quoted and record.count(b'"') % 2:
        number += 1
        line = read_line(file, path, number)
        record += line
        if not line or len(record) > LINE_BYTES:
            raise UserError(f"{path} line 1 has a double quote without its partner; close it or double it")
    return record


def parse_header(record: bytes, path, separator: str = ",", quoted: bool = True) -> list[str]:
    """Returns the names in a header; ``path`` is for messages.

    Raises:
        UserError: it is empty, is not UTF-8, or names a column twice.
    """
    return names_of(cells_of(record, path, separator, quoted), path)


def cells_of(record: bytes, path, separator: str = ",", quoted: bool = True) -> list[str]:
    """Returns the cells of a file's first record.

    Raises:
        UserError: it is empty, or is not UTF-8.
    """
    try:
        cells = next(split_cells([record.decode("utf-8-sig")], separator, quoted), None)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} line 1 is not UTF-8 text with columns ({error}); save it as UTF-8") from None
    except csv.Error as error:
        raise UserError(f"{path} line 1 is no header line ({error}); expected the names of the columns") from None
    if not cells:
        raise UserError(f"{path} is empty; expected a header line and rows")
    return cells


def names_of(cells: Sequence[str], path) -> list[str]:
    """Returns the cells of a header without the blanks around them and without line breaks.

    Raises:
        UserError: a column is named twice.
    """
    names = [re.sub(r"\s*[\r\n]+\s*", " ", cell.strip()) for cell in cells]
    for name in names:
        if name and names.count(name) > 1:
            raise UserError(f"{path} line 1 names column {name!r} {names.count(name)} times; expected every column "
                            "once; if it is a row and no header line, give names: [...] in the table's description")
    return names


def split_cells(lines: Iterable[str], separator: str, quotes: bool = True) -> Iterator[list[str]]:
    """A strict CSV reader of the standard library, for cells of any length."""
    csv.field_size_limit(sys.maxsize)
    return csv.reader(lines, delimiter=separator, strict=True,
                      quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE)


def find_separator(record: bytes, path, check: Callable[[Sequence[str]], object], separator: str = ",",
                   quoted: bool = True) -> str:
    """Returns what separates the cells of a first record: ``separator``, or the only other one that passes the check.

    Args:
        check: takes the cells and raises a UserError where they are not as expected.

    Raises:
        UserError: that of the check, where no other separator passes or several do.
    """
    def fits(other: str) -> bool:
        try:
            check(cells_of(record, path, other, quoted))
        except UserError:
            return False
        return True

    if not fits(separator):
        others = [other for other in SEPARATORS if other != separator and fits(other)]
        if len(others) == 1:
            return others[0]
        check(cells_of(record, path, separator, quoted))
    return separator


def require_columns(path, names: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises:
        UserError: the file lacks a wanted column.
    """
    for name in wanted:
        if name not in names:
            raise UserError(f"{path} has no column {name!r}; it has {', '.join(filter(None, names))[:300]}"
                            f"{nearest(name, names)}")


def _refuse_old_mac(line: bytes, path) -> None:
    """Refuses lines that end with a carriage return alone, which would all be one line."""
    place = line.rstrip(b"\r\n").find(b"\r")
    if place >= 0 and line.count(b'"', 0, place) % 2 == 0:
        raise UserError(f"{path} ends its lines with carriage returns alone, as old Macs did; write line feeds: "
                        "tr '\\r' '\\n' < FILE > NEW")

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
"""Streaming delimited text into frames of bounded size, with errors that name the file and the line."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ...common.errors import UserError
from .archive import open_file
from .header import BLOCK_BYTES, LINE_BYTES, parse_header, read_header, read_record, require_columns, split_cells

TEXT, WHOLE = pl.String, pl.Int64
PLAIN = "if quotes are plain letters in this file, give quote: none"


def read_frames(path: Path, types: Mapping[str, type], separator: str = ",", names: Sequence[str] | None = None,
                quoted: bool = True, content: bytes | None = None) -> Iterator[pl.DataFrame]:
    """Yields the wanted columns of a file, block by block; empty cells are null.

    Args:
        types: the wanted columns and how to read them: TEXT or WHOLE.
        names: the columns of a file that has no header line.
        quoted: cells may be in double quotes, and such cells may hold line breaks.
        content: what to read in place of the file, if part of it was taken off.

    Raises:
        UserError: a line has too many or too few cells, or a cell is not UTF-8 or not of its type.
    """
    with open_file(path) if content is None else io.BytesIO(content) as file:
        if names:
            place, header = Place(3 if file.read(3) == codecs.BOM_UTF8 else 0), names
        else:
            record = read_record(file, path, quoted)
            place, header = Place(len(record), 1 + record.count(b"\n")), parse_header(record, path, separator, quoted)
        require_columns(path, header, list(types))
        if quoted:
            _refuse_open_quote(path)
        for frame, _ in BlockReader(path, header, types, separator, quoted).blocks(file, place):
            yield frame


def read_table(path: Path, separator: str = ",") -> pl.DataFrame:
    """Returns a whole small file as text.

    Raises:
        UserError: as :func:`read_frames`.
    """
    names = [name for name in read_header(path, separator) if name]
    frames = list(read_frames(path, dict.fromkeys(names, TEXT), separator))
    return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(names, pl.String))


@dataclass(frozen=True)
class Place:
    """How far a file has been read: the next byte and its line number."""

    offset: int = 0
    line: int = 1


class BlockReader:
    """Parses blocks of whole lines of one file; only when something is wrong does it look for the line."""

    def __init__(self, path: Path, names: Sequence[str], types: Mapping[str, type], separator: str = ",",
                 quoted: bool = True):
        self.path, self.names, self.types, self.separator, self.quoted = path, names, types, separator, quoted
        # Polars wants a name for every column; only those that are asked for have one of their own for sure.
        self._keys = [name if name in types else f"\0{place}" for place, name in enumerate(names)]

    def blocks(self, file, place: Place) -> Iterator[tuple[pl.DataFrame, Place]]:
        """Yields every block from a place on, with the place after it, from which reading can continue later."""
        if file.seekable() and file.tell() != place.offset:
            file.seek(place.offset)
        rest = b""
        while True:
            piece = file.read(BLOCK_BYTES)
            block = rest + piece
            cut = _last_record_end(block, self.quoted) if piece else len(block)
            if cut == 0 and len(block) > LINE_BYTES:
                raise UserError(f"{self.path} line {place.line} does not end within {len(block) >> 20} MiB; expected "
                                "one record a line")
            block, rest = block[:cut], block[cut:]
            after = Place(place.offset + cut, place.line + block.count(b"\n"))
            if block.strip(b"\r\n"):
                yield self.parse(block, place.line), after
            place = after
            if not piece:
                return

    def parse(self, block: bytes, line: int) -> pl.DataFrame:
        """Returns the frame of a block that starts at ``line``."""
        block = block.rstrip(b"\r\n") + b"\n"
        try:
            text = block.decode("utf-8")
        except UnicodeDecodeError as error:
            at = line + block.count(b"\n", 0, error.start)
            raise UserError(f"{self.path} line {at} is not UTF-8 text; save the file as UTF-8") from None
        if b"\0" in block:  # a zeroed block of a disk; no text has these
            at = line + block.count(b"\n", 0, block.index(b"\0"))
            raise UserError(f"{self.path} line {at} holds zero bytes: the file is damaged; copy or fetch it again")
        quotes = self.quoted and b'"' in block
        even = not quotes and has_even_lines(block, self.separator, len(self.names))
        if not even:
            self._check_cells(text, line, quotes)
        try:
            return self._read(block, {key: self.types.get(key, TEXT) for key in self._keys}, even)
        except pl.exceptions.PolarsError as error:
            self._check_cells(text, line, quotes)
            self._check_types(block, line)
            stray = stray_quote(text, self.separator) if quotes else None
            if stray is not None:
                raise UserError(f"{self.path} line {line + stray} has a double quote inside a cell that is not in "
                                f"quotes; double it and put the cell in quotes; {PLAIN}") from None
            raise UserError(f"{self.path} cannot be read from line {line} on: {str(error).splitlines()[0]}") from None

    def _read(self, block: bytes, schema: Mapping[str, type], even: bool = False) -> pl.DataFrame:
        # Columns that Polars does not read it does not check either: it would take lines that are too long.
        columns = [place for place, key in enumerate(self._keys) if key in self.types] if even else None
        return pl.read_csv(block, has_header=False, schema=dict(schema), separator=self.separator, columns=columns,
                           quote_char='"' if self.quoted else None).select(list(self.types))

    def _check_cells(self, text: str, line: int, quotes: bool) -> None:
        rows = split_cells(io.StringIO(text, newline=""), self.separator, quotes)
        start = 1
        try:
            for row in rows:
                if len(row) != len(self.names):
                    raise UserError(f"{self.path} line {line + start - 1} has {len(row)} cells; expected "
                                    f"{len(self.names)}: {', '.join(self.names)[:200]}")
                start = rows.line_num + 1
        except csv.Error as error:
            raise UserError(f"{self.path} line {line + start - 1} cannot be read: {error}; {PLAIN}") from None

    def _check_types(self, block: bytes, line: int) -> None:
        try:
            frame = self._read(block, dict.fromkeys(self._keys, TEXT))
        except pl.exceptions.PolarsError:
            return
        for name, kind in self.types.items():
            wrong = frame[name].is_not_null() & frame[name].cast(kind, strict=False).is_null()
            if wrong.any():
                row = wrong.arg_max()
                raise UserError(f"{self.path} line {line + row}, column {name!r} holds {frame[name][row]!r}; expected "
                                "a whole number")


def has_even_lines(block: bytes, separator: str, cells: int) -> bool:
    """Whether every line of a block without quotes, the last one ended too, has this many cells."""
    letters = np.frombuffer(block, np.uint8)
    ends, parting = np.flatnonzero(letters == ord("\n")), np.flatnonzero(letters == ord(separator))
    each = cells - 1
    if len(parting) != each * len(ends):
        return False
    return not each or bool((parting[each - 1::each] < ends).all() and (parting[each::each] > ends[:-1]).all())


def _last_record_end(block: bytes, quoted: bool) -> int:
    """Returns where the last whole record ends: after a line break with an even number of quotes before it."""
    end = block.rfind(b"\n") + 1
    while quoted and end and block.count(b'"', 0, end) % 2:
        end = block.rfind(b"\n", 0, end - 1) + 1
    return end


def stray_quote(text: str, separator: str) -> int | None:
    """Returns in which line (from 0) a cell that is not in quotes first holds one, None if there is none."""
    sep = re.escape(separator)
    cells = re.compile(rf'(?:^|(?<=[{sep}\n]))(?:"(?:[^"]|"")*"|(?P<stray>[^"{sep}\n]+"))')
    for match in cells.finditer(text):
        if match["stray"]:
            return text.count("\n", 0, match.start())
    return None


def _refuse_open_quote(path: Path) -> None:
    """Refuses a quote that is never closed, which would swallow rows silently."""
    count = 0
    with open_file(path) as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            count += piece.count(b'"')
    if count % 2 == 0:
        return
    opened = 0
    with open_file(path) as file:
        for number, line in enumerate(file, 1):
            if line.count(b'"') % 2:
                opened = number
    raise UserError(f"{path} line {opened} has a double quote without its partner; close it or double it; {PLAIN}")

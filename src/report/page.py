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
"""A self-contained HTML page of sections: text, tables that sort, pictures. Its form is in templates/."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from ..common.text import csv_cell, visible

# Forbids whatever is not in the file itself: the page needs no network.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


class Cell(NamedTuple):
    """A table cell.

    Attributes:
        text: what it shows.
        key: the number it is sorted by, or None where there is none.
        heat: 0 to 9, how strong its background is; None for no background.
        bold: whether it is set in bold.
    """

    text: str
    key: float | None = None
    heat: int | None = None
    bold: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph; ``strong`` for the page's verdict."""

    kind: ClassVar[str] = "text"
    text: str
    strong: bool = False


@dataclass(frozen=True)
class Code:
    """A command to copy."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Picture:
    """A drawing as inline SVG."""

    kind: ClassVar[str] = "picture"
    caption: str
    svg: Markup


@dataclass(frozen=True)
class Table:
    """A table that scrolls and sorts. The first cell of a row is its heading.

    Columns that have a Cell sort by its key, the others as text.
    """

    kind: ClassVar[str] = "table"
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers."""
        return [any(isinstance(row[column], Cell) for row in self.rows) for column in range(len(self.header))]

    @property
    def download(self) -> str:
        """The table as CSV, with numbers in full, as the address of a link.

        Text that a spreadsheet would run as a formula gets an apostrophe in front.
        """
        text = io.StringIO()
        writer = csv.writer(text)
        for row in (self.header, *self.rows):
            writer.writerow([_csv_value(value) for value in row])
        return f"data:text/csv;charset=utf-8,{quote(text.getvalue(), errors='backslashreplace')}"


class Section(NamedTuple):
    """A part of the page; ``half``: as wide as half of a wide screen."""

    name: str
    heading: str
    blocks: Sequence[Text | Code | Picture | Table]
    half: bool = False


def render(title: str, lead: Sequence[Text], sections: Sequence[Section]) -> str:
    """The whole document. Every value is escaped, and letters that cannot be seen are spelt out, by the template."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True,
                              trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
                              finalize=_shown)
    return environment.get_template("report.html").render(
        title=title, lead=lead, sections=sections, policy=POLICY)


def number(value: float | None, form: str = ".4f", heat: int | None = None, error: float | None = None) -> Cell:
    """A cell with a number, and its ``error`` where that is known; None, "cannot be computed", is a dash."""
    if value is None:
        return Cell("–", None, heat)
    return Cell(format(value, form) + ("" if error is None else f" ± {error:.4f}"), value, heat)


def count(value: int) -> Cell:
    """A cell with a whole number."""
    return Cell(f"{value:,}", value)


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _csv_value(value: Any) -> Any:
    if not isinstance(value, Cell):
        return csv_cell(str(value))
    return "" if value.key is None else value.key

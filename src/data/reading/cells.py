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
"""What a cell says, whatever its source: one text for one value, so that CSV, Parquet, JSON and frames agree.

A typed column is first given the text that a CSV file of it would hold (:func:`as_text`); of all texts that say the
same, one is the canonical one (:func:`canonical`):

- blanks around a cell go; an empty cell is null, as NaN is;
- a number is written in decimal digits without plus sign, exponent or zeros at its end: 1.0, 1., +1 and 1e0 are 1, -0.0
  is 0, float32 is its shortest decimal (0.7). Zeros in front make a code, not a number: 01 stays 01;
- true and false, in any case, are 1 and 0;
- a moment is 2024-03-01 12:30:00 with a fraction only if there is one, in UTC, and a date alone at midnight;
- a duration is PT90.5S, its seconds.
"""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from ...common.errors import UserError

# What pandas' readers take for missing, and three more: \N (Hive, MySQL), NaT and NAN.
MISSING = ("", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NAN", "-NaN", "-nan", "NaT", "null", "NULL", "None", "#N/A",
           "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "\\N")

FEW = 64  # rows that are read cell by cell: a row alone then takes microseconds, not milliseconds
_BLANKS = " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029" \
          "\u202f\u205f\u3000"  # as Polars has them; Python's strip() takes four control letters more
# Every cell that canonical() may change but for its blanks; fast, and allowed to find too many.
_SPECIAL = (r"^(?:[+-]?(?:\d+\.|\.\d|\d+[eE])|\+\d|-0$|\d{4}-\d\d-\d\d[T ]\d|\d\d:\d\d:\d\d\.|-?\d+ days|-?P[\dT]"
            r"|(?i:true|false)$)")
_DECIMAL = re.compile(r"([+-]?)(0|[1-9][0-9]*|(?=\.[0-9]))(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
                     r"(?:Z| ?([+-])([0-9]{2}):?([0-9]{2}))?")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+")
_DURATION = re.compile(r"-?[0-9]+ days(?: [+]?[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)?"
                       r"|-?P(?:[0-9]+D)?(?:T[0-9HMS.]+)?")
_SECONDS = re.compile(r"(-?)PT([0-9.]+)S")
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""


def canonical(cell: str) -> str:
    """Returns the one text of a value, as the module says."""
    cell = cell.strip(_BLANKS)
    number = _DECIMAL.fullmatch(cell)
    if number:
        return _plain_number(*number.groups(""))
    moment = _MOMENT.fullmatch(cell)
    if moment:
        return _plain_moment(cell, *moment.groups())
    if cell.lower() in ("true", "false"):
        return "1" if cell.lower() == "true" else "0"
    if _TIME.fullmatch(cell):
        return cell.rstrip("0").rstrip(".")
    return _plain_duration(cell) if _DURATION.fullmatch(cell) else cell


def texts(column: pl.Series) -> pl.Series:
    """Returns the canonical text of every cell, null where it is empty.

    Raises:
        UserError: the column's type is not supported.
    """
    if column.dtype == pl.String and len(column) <= FEW:
        cells = [None if cell is None else canonical(cell) or None for cell in column.to_list()]
        return pl.Series(column.name, cells, dtype=pl.String)
    text = as_text(column)
    if column.dtype.is_integer():
        return text
    text = text.str.strip_chars()
    special = text.filter(text.str.contains(_SPECIAL)).unique()
    if len(special):
        text = text.replace(special, pl.Series([canonical(cell) for cell in special], dtype=pl.String))
    return pl.select(pl.when(text != "").then(text).alias(column.name)).to_series()


def numbers(column: pl.Series) -> pl.Series:
    """Returns every cell as float64, null where it is no number; a duration is its seconds.

    Raises:
        UserError: the column's type is not supported.
    """
    if column.dtype.is_integer() or column.dtype in (pl.Float64, pl.Boolean):
        return column.cast(pl.Float64)
    text = as_text(column).str.strip_chars()
    number = text.cast(pl.Float64, strict=False)
    other = text.filter(number.is_null() & text.is_not_null()).unique()
    found = pl.Series([number_of(cell) for cell in other], dtype=pl.Float64)
    if found.null_count() == len(found):
        return number
    return pl.select(pl.coalesce(number, text.replace_strict(other, found, default=None))).to_series()


def number_of(cell: str) -> float | None:
    """Returns the number that a cell holds, or None."""
    cell = canonical(cell)
    seconds = _SECONDS.fullmatch(cell)
    try:
        return float(seconds[1] + seconds[2] if seconds else cell if "_" not in cell else "")
    except ValueError:
        return None


def first_items(column: pl.Series, separator: str, missing: Collection[str]) -> pl.Series:
    """Returns the canonical text of the first item that is not missing, null where there is none; see all_items."""
    first = all_items(column, separator, missing).unique("row", keep="first", maintain_order=True)
    rows = pl.DataFrame({"row": pl.int_range(len(column), eager=True)})
    return rows.join(first, on="row", how="left", maintain_order="left")["cell"].alias(column.name)


def all_items(column: pl.Series, separator: str, missing: Collection[str]) -> pl.DataFrame:
    """Returns the canonical text of every item that is not missing, as columns "row" and "cell", the items of a row in
    their order.

    A cell is a list of Parquet, of JSON (["a", 2]), of Python (['a', 2]) or of NumPy (['a' 'b'], [0 1]), or items with
    ``separator`` between them.

    Raises:
        UserError: a cell begins or ends as a list does and is none, or the column's type is not supported.
    """
    cells = as_text(column, lists=True).str.strip_chars()
    frame = pl.DataFrame({"row": pl.int_range(len(cells), eager=True), "cell": cells})
    listed = cells.str.contains(r"^\[|\]$").fill_null(False)
    split = frame.filter(~listed).with_columns(pl.col("cell").str.split(separator))
    lists = frame.filter(listed)
    parsed = [list_items(cell, column.name) for cell in lists["cell"]]
    parsed = [cell.split(separator) if items is None else items for cell, items in zip(lists["cell"], parsed)]
    lists = lists.with_columns(pl.Series("cell", parsed, dtype=pl.List(pl.String)))
    items = pl.concat([split, lists]).explode("cell")
    items = items.with_columns(texts(items["cell"]))
    return items.filter(pl.col("cell").is_not_null() & ~pl.col("cell").is_in(list(missing)))


def first_item(cell: str, separator: str, missing: Collection[str], column: str) -> str | None:
    """Returns what :func:`first_items` gives for one cell."""
    return next(items_of(cell, separator, missing, column), None)


def items_of(cell: str, separator: str, missing: Collection[str], column: str) -> Iterator[str]:
    """Yields what :func:`all_items` gives for one cell."""
    cell = cell.strip(_BLANKS)
    items = list_items(cell, column) if cell[:1] == "[" or cell[-1:] == "]" else None
    for item in cell.split(separator) if items is None else items:
        text = "" if item is None else canonical(item)
        if text and text not in missing:
            yield text


def list_items(cell: str, column: str) -> list[str | None] | None:
    """Returns the items of a cell that is a list, as text; None for any other cell.

    Raises:
        CellError: it begins or ends as a list does, and is none.
    """
    whole = cell.startswith("[") and cell.endswith("]")
    try:
        items = (_json_items(cell) or _bare_items(cell[1:-1])) if whole else None
        if items is not None:
            "".join(item for item in items if item).encode()
            return items
        apart = not whole or ("]" in cell[1:-1] and not cell[1:].lstrip(_BLANKS).startswith("["))
        if apart and cell.count("[") == cell.count("]"):
            return None  # "[live] at the park", "[a] and [b]"
    except (TypeError, ValueError, SyntaxError):  # an item is a list or an object, or is no text
        pass
    raise CellError(column, cell, ", which looks like a broken list; expected one such as [\"a\", \"b\"]",
                    "correct it, or take the bracket away")


def as_text(column: pl.Series, lists: bool = False) -> pl.Series:
    """Returns a column as the text that a CSV file of it would hold; of a list, its JSON text.

    Args:
        column: a column of any type; its name is for the message.
        lists: lists are allowed.

    Raises:
        UserError: the type is not supported, or binary cells are not UTF-8.
    """
    kind = column.dtype
    if kind == pl.String:
        return column
    if isinstance(kind, (pl.List, pl.Array)) and lists:
        return _lists_as_text(column.cast(pl.List(kind.inner)))
    if not _is_simple(kind):
        raise UserError(f"column {column.name!r} has the type {kind}, which is not supported here; expected text, "
                        "numbers, true or false, dates, times, durations, or in a field of kind multi lists of these")
    if kind == pl.Binary:
        try:
            return column.cast(pl.String)
        except pl.exceptions.PolarsError:
            raise UserError(f"column {column.name!r} has the type Binary and holds bytes that are no UTF-8 text; "
                            "expected text; turn it into text or numbers") from None
    if kind == pl.Duration:
        seconds = [None if ns is None else _duration_text(ns) for ns in column.dt.total_nanoseconds().to_list()]
        return pl.Series(column.name, seconds, dtype=pl.String)
    if kind == pl.Time:
        return column.dt.to_string("%H:%M:%S%.9f")
    if kind.is_float():
        column = column.fill_nan(None)
        if kind not in (pl.Float32, pl.Float64):  # Polars writes more digits of float16 than tell it apart
            halves = [None if cell is None else str(np.float16(cell)) for cell in column.to_list()]
            return pl.Series(column.name, halves, dtype=pl.String)
    return column.cast(pl.String)


def cell_text(value: Any, plain: bool = False) -> str | None:
    """Returns a Python value (of a JSON row, or of a pandas column of objects) as a CSV file would hold it.

    Args:
        value: None, text, a number, a bool, a date, time or duration, UTF-8 bytes, or a list of these.
        plain: refuse lists as well.

    Raises:
        TypeError, UnicodeDecodeError: it is something else.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else str(value)
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (bool, np.bool_, int, np.integer, Decimal, date, time, np.datetime64)):
        return str(value)
    if isinstance(value, timedelta):
        return _duration_text(value // timedelta(microseconds=1) * 1000)
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, (list, tuple, np.ndarray)) and not plain:
        return json.dumps([cell_text(item, plain=True) for item in value])
    raise TypeError(f"{value!r:.50}, of type {type(value).__name__}; expected text, a number, true, false, a date or "
                    "null" + ("" if plain else ", or a list of these"))


class CellError(UserError):
    """A cell that cannot be read: its column, its text, by which :func:`row_of` finds its row, and what may help."""

    def __init__(self, column: str, cell: str, expected: str, advice: str):
        shown = repr(cell) if len(cell) <= 60 else f"{cell[:60]!r}..."
        super().__init__(f"column {column!r} holds {shown}{expected}")
        self.column, self.cell, self.advice = column, cell, advice


def row_of(cell: str, column: pl.Series) -> int | None:
    """Returns the first row that holds a cell, None where none does."""
    cells = as_text(column, lists=True).str.strip_chars()
    for wanted, held in ((cell.strip(_BLANKS), cells), (canonical(cell), texts(cells))):
        found = (held == wanted).fill_null(False)
        if found.any():
            return found.arg_max()
    return None


def _is_simple(kind: pl.DataType) -> bool:
    return kind.is_numeric() or kind in (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Date, pl.Datetime, pl.Time,
                                         pl.Duration, pl.Binary, pl.Null)


def _lists_as_text(column: pl.Series) -> pl.Series:
    lengths = column.list.len()
    items = iter(as_text(column.filter(lengths > 0).explode()).to_list())
    cells = [None if length is None else json.dumps(list(islice(items, length))) for length in lengths.to_list()]
    return pl.Series(column.name, cells, dtype=pl.String)


def _json_items(cell: str) -> list[str | None] | None:
    try:
        items = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return [cell_text(item, plain=True) for item in items]


def _bare_items(inner: str) -> list[str | None] | None:
    """Items of a Python or NumPy list: with commas between them, or blanks where there is no comma."""
    inner = re.sub(r"np\.\w+\(([^()]*)\)", r"\1", inner)  # NumPy 2 in a Python list: [np.int64(1)]
    bare = r"[^,'\"\[\]]+" if "," in re.sub(_QUOTED, "", inner) else r"[^\s,'\"\[\]]+"
    if re.sub(f"{_QUOTED}|{bare}", "", inner).strip(_BLANKS + ","):
        return None
    items = [item.strip(_BLANKS) for item in re.findall(f"{_QUOTED}|{bare}", inner)]
    return [literal_eval(item) if item[:1] in ("'", '"') else None if item in ("None", "nan", "NaT", "<NA>") else item
            for item in items if item]


def _plain_number(sign: str, whole: str, fraction: str, exponent: str) -> str:
    digits, point = whole + fraction, len(whole) + int(exponent or 0)
    digits, point = "0" * (1 - point) + digits, max(point, 1)
    digits = digits.ljust(point, "0")
    text = digits[:point].lstrip("0") or "0"
    text += f".{digits[point:]}".rstrip("0").rstrip(".")
    return f"-{text}" if sign == "-" and text != "0" else text


def _plain_moment(cell: str, day: str, clock: str, second: str | None, fraction: str | None, sign: str | None,
                  hours: str | None, minutes: str | None) -> str:
    try:
        moment = datetime.strptime(f"{day} {clock}:{second or '00'}", "%Y-%m-%d %H:%M:%S")
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        moment = moment + offset if sign == "-" else moment - offset
    except (ValueError, OverflowError):
        return cell
    return (str(moment) + f".{fraction or ''}".rstrip("0").rstrip(".")).removesuffix(" 00:00:00")


def _plain_duration(cell: str) -> str:
    import pandas as pd  # half a second of every program; durations as text are rare

    try:
        return _duration_text(pd.Timedelta(cell).as_unit("ns").value)
    except (ValueError, OverflowError):
        return cell


def _duration_text(nanoseconds: int) -> str:
    seconds, rest = divmod(abs(nanoseconds), 10**9)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{'-' if nanoseconds < 0 else ''}PT{seconds}{fraction}S"

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
"""The rule that makes a label: a 0/1 column, a comparison of a column with a value, or several of them.

The same rules say for which rows a label counts (``where``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import polars as pl

from ...common.errors import UserError
from ..reading.cells import canonical, number_of, numbers, texts

_COMPARE = {">=": np.greater_equal, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal, ">": np.greater,
            "<": np.less}
_COMPARISON = re.compile(r"\s*(?P<column>.+?)\s*(?P<op>>=|<=|==|!=|>|<)\s*(?P<value>.*?)\s*")
_MEMBER = re.compile(r"\s*(?P<column>.+?)\s+in\s+\[(?P<values>.*)\]\s*", re.IGNORECASE)
_QUOTED = r"\"[^\"]*\"|'[^']*'"
_JOINT = re.compile(rf"\s+(and|or)\s+(?=(?:[^\"']|{_QUOTED})*$)", re.IGNORECASE)  # not inside quotes
_EXPECTED = ("expected a 0/1 column, a comparison of a column with a value such as \"rating >= 4\" or "
             "\"income == '>50K'\", of a column with several such as \"tab in [1, 2]\", or comparisons joined by `and` "
             "alone or by `or` alone")


@dataclass(frozen=True)
class Comparison:
    """A column compared with a number, by == and != with a text, or by ``in`` with several cells.

    A column without ``op`` is 0/1 itself.
    """

    column: str
    op: str | None = None
    value: float | str | tuple[str, ...] | None = None

    def apply(self, part: pl.DataFrame, missing: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns two bool arrays [rows]: what the comparison says, and where the cell could be compared.

        Raises:
            UserError: the column's type is not supported.
        """
        if isinstance(self.value, (str, tuple)):
            cells = texts(part[self.column])
            named = self._names(cells)
            good = (cells.is_not_null() & ~cells.is_in(list(missing))).to_numpy() | named
            return ~named if self.op == "!=" else named, good
        found = numbers(part[self.column]).fill_null(float("nan")).to_numpy()
        good = ~np.isnan(found) if self.op else (found == 0) | (found == 1)
        return _COMPARE[self.op](found, self.value) if self.op else found == 1, good

    def absent(self, part: pl.DataFrame, missing: Collection[str]) -> np.ndarray:
        """Returns where the cell is missing, bool [rows]: a value that the comparison names is not."""
        cells = texts(part[self.column])
        return (cells.is_null() | cells.is_in(list(missing))).to_numpy() & ~self._names(cells)

    def _names(self, cells: pl.Series) -> np.ndarray:
        value = ("0", "1") if self.op is None else self.value
        named = value if isinstance(value, tuple) else (canonical(str(value)),)
        return cells.is_in(list(named)).fill_null(False).to_numpy()

    def refuse(self, column: pl.Series, row: int, missing: Collection[str], what: str, first_row: int) -> NoReturn:
        """Raises:
            UserError: names the cell in ``row``, which could not be compared, and what would help.
        """
        text, cell = isinstance(self.value, (str, tuple)), texts(column[row:row + 1])[0]
        expected = "0 or 1" if self.op is None else "a text" if text else "a number"
        hint = ""
        if cell is None or cell in missing:
            hint = "; if the labels of some rows are not known, give the task missing: masked"
        elif not text:
            values = [value for value in texts(column).drop_nulls().unique().sort() if value not in missing]
            likely = next((value for value in values if value.lower() in ("1", "yes", "y", "t")), values[-1])
            if self.op in ("==", "!="):
                likely = f"'{canonical(str(self.value))}'"
            if self.op in (None, "==", "!="):
                hint = f"; for other values write a rule such as \"{self.column} == {likely}\""
            if self.op is None and number_of(cell) is not None:
                hint += ", or, to predict the number, give the task kind: regression"
        raise UserError(f"{what.replace('COLUMN', repr(self.column))} holds {column[row]!r:.60} in data row "
                        f"{first_row + row + 1}; expected {expected} in every row{hint}")


@dataclass(frozen=True)
class Rule:
    """Comparisons, all of which ("and") or any of which ("or") have to hold."""

    comparisons: tuple[Comparison, ...]
    joint: str = "and"

    def apply(self, part: pl.DataFrame, missing: Collection[str], what: str, first_row: int,
              wanted: np.ndarray | None = None) -> np.ndarray:
        """Returns bool [rows].

        Args:
            part: raw columns.
            missing: canonical spellings of "missing".
            what: the cells, for messages, such as "label column COLUMN of task 'like'".
            first_row: number of rows before this part, for messages.
            wanted: rows that have to have cells that can be compared, bool [rows]; None for all. The others get
                anything.

        Raises:
            UserError: a cell cannot be compared, or a column's type is not supported.
        """
        found = []
        for comparison in self.comparisons:
            says, good = comparison.apply(part, missing)
            bad = ~good if wanted is None else ~good & wanted
            if bad.any():
                comparison.refuse(part[comparison.column], int(np.argmax(bad)), missing, what, first_row)
            found.append(says)
        return np.all(found, axis=0) if self.joint == "and" else np.any(found, axis=0)

    def absent(self, part: pl.DataFrame, missing: Collection[str]) -> np.ndarray:
        """Returns where one of the cells is missing, bool [rows]."""
        return np.any([comparison.absent(part, missing) for comparison in self.comparisons], axis=0)


def parse_rule(text: str, what: str = "label") -> Rule:
    """Returns the rule that a text says.

    ``column`` alone has to be 0/1; ``column OP value`` has OP one of >= <= == != > <, where a value that is no number,
    or is in quotes, is a text and goes with == and != only; ``column in [value, ..]`` holds for any of the cells named.
    ``what`` is the key that holds the text, for messages.

    Raises:
        ValueError: the text is no such rule.
    """
    pieces, joints = _JOINT.split(text)[::2], {joint.lower() for joint in _JOINT.split(text)[1::2]}
    if not all(_COMPARISON.fullmatch(piece) or _MEMBER.fullmatch(piece) for piece in pieces):
        pieces, joints = [text], set()  # one column, such as "pros and cons"
    if len(joints) > 1:
        raise ValueError(f"has the {what} {text!r}, which mixes `and` with `or`; {_EXPECTED}")
    return Rule(tuple(_parse_comparison(piece, what) for piece in pieces), *joints)


def _parse_comparison(text: str, what: str) -> Comparison:
    member = _MEMBER.fullmatch(text)
    if member is not None:
        values = [piece.strip() for piece in re.findall(rf"(?:{_QUOTED}|[^,\"'])+", member["values"])]
        if not values or not all(values):
            raise ValueError(f"has the {what} {text!r}, where `in` needs values such as [1, 2] to its right")
        return Comparison(member["column"], "in", tuple(
            canonical(value[1:-1] if re.fullmatch(_QUOTED, value) else value) for value in values))
    match = _COMPARISON.fullmatch(text)
    if match is None:
        return Comparison(text)
    column, op, value = match["column"], match["op"], match["value"]
    quoted = re.fullmatch(_QUOTED, value)
    number = None if quoted else number_of(value)
    if not value or (number is None and op not in ("==", "!=")):
        raise ValueError(f"has the {what} {text!r}, where {op} needs a number to its right; {_EXPECTED}")
    if value[:1] in ("'", '"') and not quoted:
        raise ValueError(f"has the {what} {text!r} with a quote that is not closed; {_EXPECTED}")
    return Comparison(column, op, number if number is not None else canonical(value[1:-1] if quoted else value))

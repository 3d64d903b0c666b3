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
"""One value that a program takes by name: its default, its explanation, what is allowed, and how text becomes it."""

from __future__ import annotations

import math
import os
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import UserError, nearest

FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# Numbers are decimal: YAML would read 010 as 8, 1:30 as 90 and 0x10 as 16.
WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
LARGEST = {"whole": 2 ** 31 - 1, "number": 3.4e38}  # what int32 and float32 hold
LIMITS = (("min", "at least"), ("above", "above"), ("max", "at most"), ("below", "below"))
KEY = re.compile(r"-{0,2}([A-Za-z_][\w-]*)")


@dataclass(frozen=True)
class Option:
    """A named value of a program or of its settings.

    Attributes:
        name: as in ``--name VALUE`` and ``name=VALUE``.
        default: its value where none is given.
        help: what it is for.
        kind: text, path (``~`` is the home folder), name (one plain folder name), flag (true or false), whole and
            number, wholes (``1,2,3``), names (``a,b,c``).
        choices: the texts that are allowed, in any case; empty for any.
        also: words that are allowed besides, such as auto.
        limits: min, above, max and below of a number, or of each of several.
        empty: whether a list may be empty.
        per_task: whether ``{task: number}`` is allowed besides one number.
        required: whether it has to be given.
        aliases: other names for it.
    """

    name: str
    default: Any = None
    help: str = ""
    kind: str = "text"
    choices: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    empty: bool = False
    per_task: bool = False
    required: bool = False
    aliases: tuple[str, ...] = ()

    def convert(self, value: Any, where: str) -> Any:
        """Returns ``value``, text or a Python value, as this option's kind.

        Raises:
            UserError: it is not of that kind, or not allowed; the message says ``where`` it was given.
        """
        if isinstance(value, str) and value in self.also:
            return value
        if self.choices:
            for choice in self.choices:
                if str(value).lower() == choice.lower():
                    return choice
            raise self._wrong(value, where, f"one of {', '.join(self.choices)}{nearest(str(value), self.choices)}")
        if self.per_task and (isinstance(value, Mapping) or ":" in str(value)):
            return self._numbers_by_task(value, where)
        if self.kind in ("whole", "number"):
            return self._number(value, self.kind, where)
        readers = {"flag": self._flag, "wholes": self._wholes, "names": self._names, "text": self._text,
                   "path": self._text, "name": self._text}
        return readers[self.kind](value, where)

    def usage(self) -> str:
        """Its lines of a help text."""
        choices = f" [{' | '.join(self.choices)}]" if self.choices else ""
        default = f" (default: {self._shown_default()})" if self.default not in (None, "", ()) else ""
        text = f"--{self.name:<17} {self.help}{' (required)' if self.required else ''}{choices}{default}"
        return textwrap.fill(text, 112, initial_indent="  ", subsequent_indent=" " * 22, break_on_hyphens=False)

    def _shown_default(self) -> str:
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return ",".join(map(str, self.default)) if isinstance(self.default, tuple) else str(self.default)

    def _wrong(self, value: Any, where: str, expected: str) -> UserError:
        shown = str(value) if NUMBER.fullmatch(str(value)) else repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:50]}... ({len(shown)} characters)"
        return UserError(f"{self.name} is {shown} {where}; expected {expected}")

    def _number(self, value: Any, kind: str, where: str) -> int | float:
        number = _read_number(value, kind)
        limits = {"max": LARGEST[kind], **self.limits}
        if number is not None and _within(number, limits):
            return number
        if number is None or number <= LARGEST[kind]:
            limits = self.limits
        noun = {"whole": "a whole number", "number": "a number"}[kind]
        within = " and ".join(f"{word} {limits[key]}" for key, word in LIMITS if key in limits)
        also = "".join(f", or {word}" for word in self.also)
        raise self._wrong(value, where, f"{noun} {within}".rstrip() + also)

    def _numbers_by_task(self, value: Any, where: str) -> dict[str, int | float]:
        pairs = list(value.items()) if isinstance(value, Mapping) else [
            [part.strip() for part in pair.rpartition(":")[::2]] for pair in _items(value, "{}")]
        found = {str(task): self._number(number, self.kind, f"for task {task} {where}") for task, number in pairs}
        if not found or "" in found or len(found) < len(pairs):
            raise self._wrong(value, where, "one number, or TASK:NUMBER,TASK:NUMBER")
        return found

    def _wholes(self, value: Any, where: str) -> tuple[int, ...]:
        items = list(value) if isinstance(value, (list, tuple)) else _items(value, "[]")
        if not items and not self.empty:
            raise self._wrong(value, where, "whole numbers such as 64,32")
        return tuple(self._number(item, "whole", where) for item in items)

    def _names(self, value: Any, where: str) -> list[str]:
        items = list(value) if isinstance(value, (list, tuple)) else _items(value, "")
        if not items or "" in items:
            raise self._wrong(value, where, "names such as a,b")
        return items

    def _flag(self, value: Any, where: str) -> bool:
        found = value if isinstance(value, bool) else FLAGS.get(str(value).lower())
        if found is None:
            raise self._wrong(value, where, "true or false")
        return found

    def _text(self, value: Any, where: str) -> str:
        if isinstance(value, Mapping):
            raise UserError(f"{self.name} is a mapping {where}; expected text")
        text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        if value is None or not text.strip():
            raise UserError(f"{self.name} is empty {where}; leave it out, or give a value")
        if "\0" in text or text != text.encode("utf-8", "replace").decode():
            raise self._wrong(value, where, "UTF-8 text")
        if self.kind == "name" and (text in (".", "..") or "/" in text or not text.isprintable()
                                    or len(text.encode()) > 200):
            raise self._wrong(value, where, "one plain folder name")
        return os.path.expanduser(text) if self.kind == "path" else text


def _read_number(value: Any, kind: str) -> int | float | None:
    """The finite number that ``value`` is or spells; None if it is or spells none."""
    spelled = WHOLE if kind == "whole" else NUMBER
    if isinstance(value, bool) or (isinstance(value, str) and not spelled.fullmatch(value)):
        return None
    try:
        if kind == "number":
            number = float(value)
            return number if math.isfinite(number) else None
        number = int(value.partition(".")[0] if isinstance(value, str) else value)
        return number if isinstance(value, str) or number == value else None
    except (TypeError, ValueError, OverflowError):  # also whole numbers of more than 4,300 digits
        return None


def _within(number: float, limits: Mapping[str, float]) -> bool:
    return (number >= limits.get("min", number) and number <= limits.get("max", number)
            and not ("above" in limits and number <= limits["above"])
            and not ("below" in limits and number >= limits["below"]))


def _items(text: Any, brackets: str) -> list[str]:
    text = str(text).strip()
    if brackets and text[:1] == brackets[0] and text[-1:] == brackets[1]:
        text = text[1:-1]
    return [item.strip() for item in text.split(",")] if text.strip() else []


def by_name(options: Iterable[Option]) -> dict[str, Option]:
    """The options by every name they have."""
    return {name: option for option in options for name in (option.name, *option.aliases)}


def read_arguments(arguments: Sequence[str], known: Mapping[str, Option]) -> tuple[dict[str, str], list[str]]:
    """Splits a command line into values by name, still as text, and the words that have no name.

    Of an option that is given twice the last value counts; names add up: ``--id a --id b`` is ``--id a,b``.

    Args:
        arguments: ``--key VALUE``, ``--key=VALUE`` or ``key=VALUE``; a flag's value may be left out. A value that
            begins with ``--`` needs the ``=``.
        known: options by name and by alias; other names are kept as they are, for the caller to refuse.

    Raises:
        UserError: an option has no value.
    """
    given: dict[str, str] = {}
    words: list[str] = []
    rest = list(map(str, arguments))
    while rest:
        word = rest.pop(0)
        start, equals, text = word.partition("=")
        key = KEY.fullmatch(start)
        if key is None or not (equals or word.startswith("--")):
            words.append(word)
            continue
        name = key.group(1).replace("-", "_")
        option = known.get(name)
        if not equals:
            text = _take_value(rest, name, option)
        name = option.name if option else name
        given[name] = f"{given[name]},{text}" if option and option.kind == "names" and name in given else text
    return given, words


def _take_value(rest: list[str], name: str, option: Option | None) -> str:
    follows = bool(rest) and not rest[0].startswith("--")
    if option is not None and option.kind == "flag":
        return rest.pop(0) if follows and "=" not in rest[0] else "true"
    if follows:
        return rest.pop(0)
    if option is None:
        return ""
    raise UserError(f"--{name} has no value; write --{name} VALUE, or --{name}=VALUE for one that begins with --")

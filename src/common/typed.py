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
"""Plain data read from JSON or YAML, made into typed objects. What is wrong is one line that names its place."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, Strict, TypeAdapter, ValidationError

from .errors import UserError, nearest

T = TypeVar("T")
_PHRASES = {"a valid string": "a text", "a valid integer": "a whole number", "a valid tuple": "a list",
            "a valid dictionary": "a mapping", "a valid mapping": "a mapping", "a valid number": "a number",
            "greater than or equal to": "at least", "less than or equal to": "at most", "a valid list": "a list",
            "a dictionary or an instance of": "a mapping that describes a"}


def parse(kind: type[T], value: Any, where: str, remedy: str = "") -> T:
    """Returns ``value`` as an object of ``kind``, a dataclass whose annotations say what is allowed.

    Args:
        value: mappings, lists, texts, numbers and null, as JSON and YAML readers give them.
        where: the file, for messages.
        remedy: for a file that a program wrote, and which is damaged if it does not fit: what to do.

    Raises:
        UserError: it does not fit.
    """
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if remedy:
            raise UserError(f"{where} is damaged: {_explain(first, value, '')}; {remedy}") from None
        raise UserError(_explain(first, value, where)) from None


def keys_of(kind: type) -> list[str]:
    """The keys of a mapping that describes a dataclass."""
    return [entry.name for entry in dataclasses.fields(kind)]


def refuse_unknown(value: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Raises:
        ValueError: a key is none of the allowed ones; as a validator says it.
    """
    for key in value:
        if key not in allowed:
            raise ValueError(f"has the unknown key {key!r}; expected one of {', '.join(allowed)}"
                             f"{nearest(str(key), allowed)}")


def _quoted(value: Any) -> Any:
    if not isinstance(value, (str, list, dict, tuple)):
        raise ValueError(f"is {value!r}; expected a text: write it in quotes")
    return value


def _plain_name(name: str) -> str:
    if PurePosixPath(name).name != name or "\0" in name:
        raise ValueError(f"is {name!r}; expected a plain file name")
    return name


def _inner_path(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise ValueError(f"is {path!r}; expected a file below the folder")
    return path


def _no_repeats(items: Sequence[Any]) -> Sequence[Any]:
    names = [getattr(item, "name", item) for item in items]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"has {name!r} twice; expected every name once")
    return items


NotEmpty = Field(min_length=1)
Text = Annotated[str, BeforeValidator(_quoted), NotEmpty]
Whole = Annotated[int, Strict(), Field(ge=0)]
AtLeast1 = Annotated[int, Strict(), Field(ge=1)]
AtLeast2 = Annotated[int, Strict(), Field(ge=2)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
PlainName = Annotated[Text, AfterValidator(_plain_name)]  # of a file in the folder of the one that names it
InnerPath = Annotated[Text, AfterValidator(_inner_path)]  # of a file below the folder of the one that names it
NoRepeats = AfterValidator(_no_repeats)  # for tuples of names, or of what has a name


@cache
def _adapter(kind: type) -> TypeAdapter:
    return TypeAdapter(kind)


def _explain(error: Mapping[str, Any], value: Any, where: str) -> str:
    """One sentence of pydantic's first finding."""
    loc, found = error["loc"], repr(error["input"])
    found = found if len(found) <= 80 else f"{found[:77]}..."
    if error["type"] == "missing":
        return f"{_place(loc[:-1], value, where)} has no key {loc[-1]!r}"
    place = _place(loc, value, where)
    if error["type"] == "value_error":
        return f"{place} {error['ctx']['error']}"
    if error["type"] in ("too_short", "string_too_short"):
        return f"{place} is empty; expected at least one {'letter' if error['input'] == '' else 'entry'}"
    if error["type"] == "literal_error":
        allowed = re.findall("'([^']*)'", error["ctx"]["expected"])
        return f"{place} is {found}; expected one of {', '.join(allowed)}{nearest(str(error['input']), allowed)}"
    expected = error["msg"].replace("Input should be ", "")
    for theirs, ours in _PHRASES.items():
        expected = expected.replace(theirs, ours)
    return f"{place} is {found}; expected {expected}"


def _place(loc: Sequence[Any], value: Any, where: str) -> str:
    """Such as "buckets of field 'age' of table.yaml" for ("fields", 1, "buckets")."""
    words = [where] if where else []
    for key in loc:
        inside = isinstance(value, Mapping) and key in value or isinstance(value, Sequence) and isinstance(key, int)
        value = value[key] if inside else None
        if not isinstance(key, int):
            words.append(str(key) if key != "[key]" else "a key")
            continue
        name = value.get("name") if isinstance(value, Mapping) else value
        named = isinstance(name, str) and words[-1].endswith("s")
        words[-1] = f"{words[-1][:-1]} {name!r}" if named else f"item {key + 1} of {words[-1]}"
    return " of ".join(reversed(words)) or "it"

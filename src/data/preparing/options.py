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
"""What a preset or a table description may say about preparation, parsed into plain frozen records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ...errors import UserError, nearest

KINDS = ("categorical", "number", "timestamp", "multi")
PARTS = ("year", "month", "day", "weekday", "hour", "minute")
COMPARISONS = (">=", "<=", "==", "!=", ">", "<")
SPLIT_RULES = ("random", "time", "column", "given")
MISSING = ("", "NaN", "nan", "null", "NULL", "None", "\\N")

_FIELD_KEYS = ("name", "kind", "column", "buckets", "parts", "part", "separator", "unit", "min_count", "max_values",
               "values", "missing")
_RULE = re.compile(r"^\s*(?P<column>.+?)\s*(?P<op>>=|<=|==|!=|>|<)\s*(?P<number>[-+0-9.eE]+)\s*$")


@dataclass(frozen=True)
class FieldSpec:
    """How one field is made from one raw column."""

    name: str
    column: str
    kind: str = "categorical"
    buckets: int | None = None  # number: quantile buckets; None takes DataOptions.buckets
    part: str | None = None  # timestamp: one of PARTS
    unit: str | None = None  # timestamp: "s", "ms" or "us" for whole numbers; None guesses by size
    separator: str | None = None  # multi: what stands between the values
    min_count: int | None = None  # rarer values become id 0; None takes DataOptions.min_count
    max_values: int | None = None  # keep only the most frequent values
    values: tuple[str, ...] | None = None  # the documented values; any other becomes id 0
    missing: tuple[str, ...] = ()  # spellings of "missing" beside DataOptions.missing


@dataclass(frozen=True)
class TaskSpec:
    """A binary label: a 0/1 column, or one comparison of a column with a number."""

    name: str
    column: str
    op: str | None = None
    number: float | None = None


@dataclass(frozen=True)
class SplitSpec:
    """How rows are dealt out: by a seeded draw, by time, by a column's value, or test given by the source."""

    by: str = "random"
    seed: int = 1
    parts: tuple[float, float, float] = (0.8, 0.1, 0.1)
    column: str | None = None


@dataclass(frozen=True)
class DataOptions:
    """All that decides what a prepared set holds, apart from the raw files themselves."""

    fields: tuple[FieldSpec, ...]
    tasks: tuple[TaskSpec, ...]
    split: SplitSpec = SplitSpec()
    min_count: int = 1
    buckets: int = 20
    missing: tuple[str, ...] = MISSING
    source: Mapping[str, Any] = field(default_factory=dict)  # keys only one source knows
    more_fields: tuple[FieldSpec, ...] = ()  # known to the preset, prepared only when named
    more_tasks: tuple[TaskSpec, ...] = ()

    def columns(self) -> list[str]:
        """Raw columns that fields, tasks and the split are made from."""
        split = [self.split.column] if self.split.by in ("time", "column") else []
        return list(dict.fromkeys([item.column for item in (*self.fields, *self.tasks)] + split))

    def to_json(self) -> dict[str, Any]:
        body = asdict(self)
        return {key: value for key, value in body.items() if not key.startswith("more_")}


def parse_options(value: Mapping[str, Any], source_defaults: Mapping[str, Any], where: str) -> DataOptions:
    """Parses the ``data:`` mapping of a preset, or a table description.

    Args:
        value: keys fields, tasks, split, min_count, buckets, missing and those of ``source_defaults``.
        source_defaults: the keys that only this source knows, with their defaults.
        where: the file, for messages.

    Raises:
        UserError: a key is unknown, missing, or has a wrong value.
    """
    known = ("fields", "tasks", "split", "min_count", "buckets", "missing", "more_fields", "more_tasks")
    if not isinstance(value, Mapping):
        raise UserError(f"{where} is {value!r}; expected a mapping with the keys {', '.join(known)}")
    _refuse_unknown(value, (*known, *source_defaults), where)
    fields = [spec for item in _items(value, "fields", where) for spec in _parse_field(item, where)]
    tasks = [_parse_task(item, where) for item in _items(value, "tasks", where)]
    more_fields = [spec for item in value.get("more_fields", ()) for spec in _parse_field(item, where)]
    more_tasks = [_parse_task(item, where) for item in value.get("more_tasks", ())]
    _refuse_repeated([item.name for item in fields + more_fields], "field", where)
    _refuse_repeated([item.name for item in tasks + more_tasks], "task", where)
    missing = value.get("missing", MISSING)
    return DataOptions(
        fields=tuple(fields), tasks=tuple(tasks), split=parse_split(value.get("split", {}), where),
        min_count=whole(value.get("min_count", 1), "min_count", 1, where),
        buckets=whole(value.get("buckets", 20), "buckets", 2, where),
        missing=tuple(str(item) for item in _list(missing, "missing", where)),
        source={key: value.get(key, default) for key, default in source_defaults.items()},
        more_fields=tuple(more_fields), more_tasks=tuple(more_tasks))


def parse_split(value: Mapping[str, Any], where: str) -> SplitSpec:
    """Parses ``{by, seed, parts, column}``.

    Raises:
        UserError: a key is unknown or has a wrong value.
    """
    if not isinstance(value, Mapping):
        raise UserError(f"split of {where} is {value!r}; expected a mapping such as {{by: random, seed: 1}}")
    _refuse_unknown(value, ("by", "seed", "parts", "column"), f"split of {where}")
    split = SplitSpec(**{**value, "parts": tuple(value.get("parts", SplitSpec.parts))})
    if split.by not in SPLIT_RULES:
        raise UserError(f"split.by of {where} is {split.by!r}; expected one of {', '.join(SPLIT_RULES)}"
                        f"{nearest(split.by, SPLIT_RULES)}")
    if split.by in ("time", "column") and not split.column:
        raise UserError(f"split of {where} is by {split.by} and names no column; add column: NAME")
    whole(split.seed, "split.seed", 0, where)
    numbers = all(isinstance(part, (int, float)) and not isinstance(part, bool) for part in split.parts)
    if len(split.parts) != 3 or not numbers or min(split.parts) < 0 or abs(sum(split.parts) - 1) > 1e-6:
        raise UserError(f"split.parts of {where} is {list(split.parts)}; expected three shares (train, valid, test) "
                        "that add up to 1, such as [0.8, 0.1, 0.1]")
    if split.parts[0] == 0:
        raise UserError(f"split.parts of {where} leaves train empty; expected a share above 0")
    return replace(split, parts=tuple(float(part) for part in split.parts))


def whole(value: Any, what: str, least: int, where: str) -> int | None:
    """Returns a whole number of at least ``least``, or None for None.

    Raises:
        UserError: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{what} is {value!r} in {where}; expected a whole number of at least {least}")
    return value


def _parse_field(item: Any, where: str) -> Sequence[FieldSpec]:
    if isinstance(item, str):
        item = {"name": item}
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
        raise UserError(f"a field of {where} is {item!r}; expected a name, or a mapping with a name")
    what = f"field {item['name']!r} of {where}"
    _refuse_unknown(item, _FIELD_KEYS, what)
    kind = item.get("kind", "categorical")
    if kind not in KINDS:
        raise UserError(f"kind of {what} is {kind!r}; expected one of {', '.join(KINDS)}{nearest(kind, KINDS)}")
    spec = FieldSpec(
        name=item["name"], column=str(item.get("column", item["name"])), kind=kind,
        buckets=whole(item.get("buckets"), f"buckets of {what}", 2, where),
        unit=_one_of(item.get("unit"), ("s", "ms", "us"), f"unit of {what}"),
        separator=item.get("separator", "," if kind == "multi" else None),
        min_count=whole(item.get("min_count"), f"min_count of {what}", 1, where),
        max_values=whole(item.get("max_values"), f"max_values of {what}", 1, where),
        values=None if item.get("values") is None else tuple(str(v) for v in _list(item["values"], "values", what)),
        missing=tuple(str(v) for v in _list(item.get("missing", ()), "missing", what)))
    if kind == "multi" and (not isinstance(spec.separator, str) or not spec.separator):
        raise UserError(f"separator of {what} is {spec.separator!r}; expected a text such as \"|\"")
    if kind != "timestamp":
        return [spec]
    if "part" in item:
        return [replace(spec, part=_one_of(item["part"], PARTS, f"part of {what}"))]
    parts = _list(item.get("parts", ("hour", "weekday")), "parts", what)
    return [replace(spec, name=f"{spec.name}_{part}", part=_one_of(part, PARTS, f"parts of {what}"))
            for part in parts]


def _parse_task(item: Any, where: str) -> TaskSpec:
    if isinstance(item, str):
        item = {"name": item}
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
        raise UserError(f"a task of {where} is {item!r}; expected a mapping such as {{name: like, label: is_like}}")
    _refuse_unknown(item, ("name", "label"), f"task {item['name']!r} of {where}")
    return parse_label(item["name"], str(item.get("label", item["name"])))


def parse_label(name: str, rule: str) -> TaskSpec:
    """Parses ``column`` or ``column OP number``, OP one of >= <= == != > <.

    Raises:
        UserError: the rule holds a comparison that is not of this form.
    """
    match = _RULE.match(rule)
    if match:
        try:
            return TaskSpec(name, match["column"], match["op"], float(match["number"]))
        except ValueError:
            pass
    if match or any(op in rule for op in COMPARISONS):
        raise UserError(f"label of task {name!r} is {rule!r}; expected a 0/1 column, or one comparison of a column "
                        "with a number such as \"rating >= 4\"")
    return TaskSpec(name, rule)


def _items(value: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    items = _list(value.get(key, ()), key, where)
    if not items:
        raise UserError(f"{where} names no {key}; expected a list with at least one of them")
    return items


def _list(value: Any, key: str, where: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise UserError(f"{key} of {where} is {value!r}; expected a list")
    return value


def _one_of(value: Any, allowed: Sequence[str], what: str) -> str | None:
    if value is not None and value not in allowed:
        raise UserError(f"{what} is {value!r}; expected one of {', '.join(allowed)}{nearest(str(value), allowed)}")
    return value


def _refuse_unknown(value: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    for key in value:
        if key not in allowed:
            raise UserError(f"key {key!r} of {where} is unknown; expected one of {', '.join(allowed)}"
                            f"{nearest(str(key), allowed)}")


def _refuse_repeated(names: Sequence[str], what: str, where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{what} {name!r} is named twice in {where}")

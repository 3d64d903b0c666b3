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
"""What a prepared data set is made from: the ``data:`` mapping of a preset, or the description of a table.

The annotations say what each key may hold; :func:`parse_options` checks a mapping against them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal, Optional, get_args

from pydantic import AfterValidator, BeforeValidator

from ...common.errors import UserError, nearest
from ...common.typed import AtLeast1, AtLeast2, NoRepeats, NotEmpty, Share, Text, Whole, keys_of, parse, refuse_unknown
from ...pooling import Pool
from ...schema import Kind
from ..reading.cells import MISSING
from ..reading.times import Clock, Unit
from .rules import Rule, parse_rule

MAX_LENGTH = 20  # of a pooled cell
TaskKind = Literal["binary", "regression"]
Part = Literal["year", "month", "day", "weekday", "hour", "minute"]


def _cell(value: Any) -> str:
    """The text of a value that the user expects in a cell; cells.canonical makes 1.0 and 1, true and True the same."""
    if not isinstance(value, (str, int, float)):
        raise ValueError(f"is {value!r}; expected a text or a number: write it in quotes")
    return str(value)


Cells = tuple[Annotated[str, BeforeValidator(_cell)], ...]


@dataclass(frozen=True)
class FieldSpec:
    """How one field is made from one raw column."""

    name: Text
    column: Text
    kind: Kind = "categorical"
    buckets: Optional[AtLeast2] = None  # number: quantile buckets; None takes DataOptions.buckets
    part: Optional[Part] = None  # timestamp: what of it
    unit: Optional[Unit] = None  # timestamp: unit, format and timezone are those of a Clock
    format: Optional[Text] = None
    timezone: Optional[Text] = None
    separator: Optional[Text] = None  # multi: what is between the values
    pool: Optional[Pool] = None  # multi: mean or sum of the values' vectors; None takes the first value
    max_length: Optional[AtLeast1] = None  # pooled: most values of a cell that are read; None takes MAX_LENGTH
    min_count: Optional[AtLeast1] = None  # rarer values become id 0; None takes DataOptions.min_count
    max_values: Optional[AtLeast1] = None  # keep only the most frequent values
    values: Optional[Cells] = None  # the documented values; any other becomes id 0
    missing: Cells = ()  # spellings of "missing" in addition to DataOptions.missing
    parts: Annotated[tuple[Part, ...], NotEmpty] = ("hour", "weekday")  # timestamp without a part: one field for each

    @property
    def clock(self) -> Clock:
        """How the cells of a timestamp are read."""
        return Clock(self.unit, self.format, self.timezone)


@dataclass(frozen=True)
class TaskSpec:
    """A label: the text of its rule, or the column of a number, and for which rows it is known.

    Attributes:
        kind: "binary", or "regression" for a number; then ``label`` is its column.
        missing: "refused", or "masked": rows with a missing cell in the label's columns have no label.
        where: the text of a rule; rows for which it does not hold have no label. None for all rows.
    """

    name: str
    label: str
    missing: Literal["refused", "masked"] = "refused"
    where: Optional[str] = None
    kind: TaskKind = "binary"

    @property
    def rule(self) -> Rule:
        return parse_rule(self.label)

    @property
    def condition(self) -> Rule | None:
        """The rule that ``where`` says."""
        return None if self.where is None else parse_rule(self.where, "where")

    @property
    def partial(self) -> bool:
        """Whether some rows may have no label."""
        return self.missing == "masked" or self.where is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that the label is made from."""
        return tuple(comparison.column for comparison in self.rule.comparisons)

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Those, and the ones that ``where`` compares."""
        rules = (self.rule, self.condition or Rule(()))
        return tuple(comparison.column for rule in rules for comparison in rule.comparisons)


@dataclass(frozen=True)
class SplitSpec:
    """How rows are dealt out: by a seeded draw, by time, by a column's value, by file, or test given by the source."""

    by: Literal["random", "time", "column", "given", "file"] = "random"
    seed: Whole = 1
    parts: tuple[Share, ...] = (0.8, 0.1, 0.1)
    column: Optional[Text] = None
    unit: Optional[Unit] = None  # by time: unit and format are those of a Clock
    format: Optional[Text] = None

    @property
    def clock(self) -> Clock:
        """How the cells of the column are read that orders the rows."""
        return Clock(self.unit, self.format)


def _field(item: Any) -> Any:
    """A field's mapping with its name filled in where it says no more; null means the default."""
    item = {"name": item} if isinstance(item, str) else item
    if not isinstance(item, Mapping):
        raise ValueError(f"is {item!r}; expected a name (write it in quotes), or a mapping with a name")
    refuse_unknown(item, keys_of(FieldSpec))
    item = {key: value for key, value in item.items() if value is not None}
    multi = {"separator": ","} if item.get("kind") == "multi" else {}
    if "pool" in item and not multi:
        raise ValueError(f"has the pool {item['pool']!r} and is no list of values; add kind: multi, and the separator "
                         "where it is no comma")
    if "max_length" in item and "pool" not in item:
        raise ValueError("has a max_length and no pool; add pool: mean or pool: sum, or leave max_length out")
    return {**multi, "column": item.get("name"), **item}


def _one_per_part(specs: Sequence[FieldSpec]) -> tuple[FieldSpec, ...]:
    """A timestamp without a part becomes one field for each of its parts."""
    for spec in specs:
        spec.clock.check(f"the field {spec.name!r}")
    return tuple(one for spec in specs for one in (
        [spec] if spec.kind != "timestamp" or spec.part else
        [replace(spec, name=f"{spec.name}_{part}", part=part) for part in spec.parts]))


def _task(item: Any) -> TaskSpec:
    item = {"name": item} if isinstance(item, str) else item
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
        raise ValueError(f"is {item!r}; expected a mapping such as {{name: like, label: is_like}}, with the name in "
                         "quotes where it is no plain word")
    refuse_unknown(item, keys_of(TaskSpec))
    missing, where = item.get("missing") or "refused", item.get("where")
    if missing not in ("refused", "masked"):
        raise ValueError(f"has missing: {missing!r}; expected refused, or masked where the label of some rows is not "
                         "known")
    kind, kinds = item.get("kind") or "binary", get_args(TaskKind)
    if kind not in kinds:
        raise ValueError(f"has the kind {kind!r}; expected binary, or regression where the label is a number"
                         f"{nearest(str(kind), kinds)}")
    task = TaskSpec(item["name"], str(item.get("label", item["name"])), missing, None if where is None else str(where),
                    kind)
    comparisons = parse_rule(task.label).comparisons  # refuses what is no rule
    if kind == "regression" and (len(comparisons) > 1 or comparisons[0].op is not None):
        raise ValueError(f"is of kind regression and has the label {task.label!r}; expected the name of a column of "
                         "numbers, without a comparison")
    if task.condition is not None and None in (comparison.op for comparison in task.condition.comparisons):
        raise ValueError(f"has the where {task.where!r}; expected a comparison of a column with a value such as "
                         "\"click == 1\" or \"tab in [1, 2]\"")
    return task


def _split_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        refuse_unknown(value, keys_of(SplitSpec))
    return value


def _split(split: SplitSpec) -> SplitSpec:
    split.clock.check("the split")
    if split.by in ("time", "column") and not split.column:
        raise ValueError(f"is by {split.by} and names no column; add column: NAME")
    if len(split.parts) != 3 or abs(sum(split.parts) - 1) > 1e-6 or not split.parts[0]:
        raise ValueError(f"has the parts {list(split.parts)}; expected three shares (train, valid, test) that add up "
                         "to 1, train's above 0, such as [0.8, 0.1, 0.1]")
    return split


Fields = Annotated[tuple[Annotated[FieldSpec, BeforeValidator(_field)], ...], AfterValidator(_one_per_part)]
Tasks = tuple[Annotated[TaskSpec, BeforeValidator(_task)], ...]


@dataclass(frozen=True)
class DataOptions:
    """All that decides what a prepared set holds, apart from the raw files themselves."""

    fields: Annotated[Fields, NotEmpty, NoRepeats]
    tasks: Annotated[Tasks, NotEmpty, NoRepeats]
    split: Annotated[SplitSpec, BeforeValidator(_split_keys), AfterValidator(_split)] = SplitSpec()
    min_count: AtLeast1 = 1
    buckets: AtLeast2 = 20
    pool: Optional[Pool] = None  # of every list of values that says no other
    missing: Cells = MISSING
    source: Mapping[str, Any] = field(default_factory=dict)  # keys only one source knows
    keep_leaks: tuple[Text, ...] = ()  # fields to keep although each tells a label exactly on the train rows
    weight: Optional[Text] = None  # the raw column that says how much a train row counts
    group: Optional[Text] = None  # the raw column, such as user_id, within whose values GAUC is measured
    more_fields: Annotated[Fields, NoRepeats] = ()  # known to the preset, prepared only when named
    more_tasks: Annotated[Tasks, NoRepeats] = ()

    def columns(self) -> list[str]:
        """Raw columns that fields, tasks and the split are made from."""
        split = [self.split.column] if self.split.by in ("time", "column") else []
        split += [column for column in (self.group, self.weight) if column]
        return list(dict.fromkeys([item.column for item in self.fields]
                                  + [column for item in self.tasks for column in item.all_columns] + split))

    def to_json(self) -> dict[str, Any]:
        body = {key: value for key, value in asdict(self).items() if not key.startswith("more_")}
        for spec in body["fields"]:
            del spec["parts"]  # they are fields of their own
            if spec["pool"] is None:  # as before there were pooled fields
                del spec["pool"], spec["max_length"]
        for task in body["tasks"]:  # a binary task of all rows is written as before there were others
            for key, usual in (("where", None), ("missing", "refused"), ("kind", "binary")):
                if task[key] == usual:
                    del task[key]
        for key in ("keep_leaks", "group", "pool", "weight"):
            if not body[key]:
                del body[key]
        return body


def _pool_lists(options: DataOptions, where: str) -> DataOptions:
    """Options whose ``pool`` is that of every list of values which says no other."""
    if not any(spec.kind == "multi" for spec in (*options.fields, *options.more_fields)):
        raise UserError(f"pool is {options.pool!r}, but {where} has no field of kind multi to pool; leave it out")
    return replace(options, **{key: tuple(replace(spec, pool=spec.pool or options.pool) if spec.kind == "multi" else
                                          spec for spec in getattr(options, key)) for key in ("fields", "more_fields")})


def parse_options(value: Any, source_defaults: Mapping[str, Any], where: str) -> DataOptions:
    """Returns the options of a ``data:`` mapping of a preset, or of a table description.

    Args:
        value: keys of :class:`DataOptions` and those of ``source_defaults``; null means the default.
        source_defaults: the keys that only this source knows, with their defaults.
        where: the file, for messages.

    Raises:
        UserError: a key is unknown, missing, or has a wrong value.
    """
    known = [key for key in keys_of(DataOptions) if key != "source"]
    if not isinstance(value, Mapping):
        raise UserError(f"{where} is {value!r}; expected a mapping with the keys {', '.join(known)}")
    for key in value:
        if key not in (*known, *source_defaults):
            allowed = (*known, *source_defaults)
            raise UserError(f"{where} has the unknown key {key!r}; expected one of {', '.join(allowed)}"
                            f"{nearest(str(key), allowed)}")
    own = {key: value.get(key, default) for key, default in source_defaults.items()}
    rest = {key: held for key, held in value.items() if key in known and held is not None}
    options = parse(DataOptions, {**rest, "source": own}, where)
    if options.pool is not None:
        options = _pool_lists(options, where)
    for kind in ("fields", "tasks"):
        names = [item.name for item in getattr(options, kind)]
        for item in getattr(options, f"more_{kind}"):
            if item.name in names:
                raise UserError(f"more_{kind} of {where} names {item.name!r} again, which is one of its {kind}")
    known = [item.name for item in (*options.fields, *options.more_fields)]
    for name in options.keep_leaks:
        if name not in known:
            raise UserError(f"keep_leaks of {where} names {name!r}, which is no field; it has {', '.join(known)}"
                            f"{nearest(name, known)}")
    return options

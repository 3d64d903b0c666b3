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
"""What all parts of the project talk about: Field, Task, Schema, Selection. Plain data, no MindSpore.

Their annotations also say what schema.json and selection.json may hold; it is checked where the files are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal, Optional

from .common.errors import UserError, nearest
from .common.typed import AtLeast1, InnerPath, NoRepeats, NotEmpty, Number, PlainName, Share, Text, Whole, parse
from .pooling import Pool

SPLITS = ("train", "valid", "test")
UNKNOWN = 255  # in place of a label 0 or 1: it is not known for this row and task
KINDS = ("categorical", "number", "timestamp", "multi")
SplitName = Literal["train", "valid", "test"]
Kind = Literal["categorical", "number", "timestamp", "multi"]


@dataclass(frozen=True)
class Field:
    """One categorical input. Id 0 is always "missing, unseen or rare"."""

    name: Text
    cardinality: AtLeast1  # number of ids, id 0 included
    kind: Kind = "categorical"  # what the raw column was
    source: tuple[str, ...] = ()  # raw columns it was made from
    vocabulary: Optional[InnerPath] = None  # file below the prepared set, e.g. "vocab/city.json"
    vocabulary_sha256: Optional[str] = None  # of that file
    pool: Optional[Pool] = None  # how the vectors of a row's several values become one; None: one value a row
    width: AtLeast1 = 1  # its columns of ids: most values of a row (src/pooling.py)


@dataclass(frozen=True)
class Scale:
    """What a label that is a number is measured in: mean and standard deviation of the train rows that have one.

    Networks learn, and shards hold, (number - mean) / std; a std of 0 is taken for 1.
    """

    mean: Number
    std: Number

    @property
    def unit(self) -> float:
        """What one unit of this scale is in the label's own units."""
        return self.std or 1.0

    def standardised(self, numbers):
        """Numbers in units of this scale."""
        return (numbers - self.mean) / self.unit

    def own(self, values):
        """Values of this scale in the label's own units."""
        return self.mean + self.unit * values


@dataclass(frozen=True)
class Task:
    """One label: binary, or a number.

    Attributes:
        positive_rate: of a binary label, the share of positives per split, of the rows where it is known (None where
            none is).
        known: rows with a label per split; empty where all have one.
        scale: of a label that is a number (kind: regression); None for a binary one.
    """

    name: Text
    positive_rate: Mapping[SplitName, Optional[Share]] = field(default_factory=dict)
    known: Mapping[SplitName, Whole] = field(default_factory=dict)
    scale: Optional[Scale] = None

    @property
    def partial(self) -> bool:
        """Whether some rows' labels are UNKNOWN."""
        return bool(self.known)


@dataclass(frozen=True)
class Shard:
    """A pair of .npy files with the same rows; the checksums are those of the whole files."""

    ids: PlainName
    labels: PlainName
    rows: Whole
    ids_sha256: str
    labels_sha256: str


@dataclass(frozen=True)
class GroupFile:
    """The groups of one split's rows, int32 ``[rows]``, and the SHA-256 of the file."""

    file: PlainName
    sha256: str


@dataclass(frozen=True)
class Group:
    """Which valid and test rows belong together, such as those of one user.

    Attributes:
        column: the raw column that names the groups.
        count: number of groups, of all rows.
        files: those of valid and test.
    """

    column: Text
    count: Whole
    files: Mapping[SplitName, GroupFile]


@dataclass(frozen=True)
class RowWeights:
    """How much every train row counts in losses and scores: float32 ``[rows]`` in a file of this SHA-256.

    Attributes:
        column: the raw column that holds the weights.
    """

    column: Text
    file: PlainName
    sha256: str


@dataclass(frozen=True)
class Schema:
    """What a prepared data set holds; stored as its schema.json.

    Attributes:
        dataset: the source's name.
        fields, tasks: every Field and Task, in the order of the columns of ids and labels.
        rows: number of rows by split.
        shards: the files of every split.
        encoder_version: which version of the encoders made the ids.
        steps: what preparation did, ``{"step": text, "rows": int}``.
        settings: the options that the set was prepared with.
        group: which rows belong together; None where no column was named.
        weight: how much train rows count; None where all count alike.
    """

    dataset: str
    fields: Annotated[tuple[Field, ...], NotEmpty, NoRepeats]
    tasks: Annotated[tuple[Task, ...], NotEmpty, NoRepeats]
    rows: Mapping[SplitName, Whole]
    shards: Mapping[SplitName, tuple[Shard, ...]]
    encoder_version: Whole
    steps: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    group: Optional[Group] = None
    weight: Optional[RowWeights] = None

    @property
    def field_names(self) -> list[str]:
        return [item.name for item in self.fields]

    @property
    def task_names(self) -> list[str]:
        return [item.name for item in self.tasks]

    @property
    def cardinalities(self) -> list[int]:
        return [item.cardinality for item in self.fields]

    @property
    def widths(self) -> list[int]:
        """Columns of ids of every field; all 1 where none is pooled."""
        return [item.width for item in self.fields]

    @property
    def pools(self) -> list[Pool | None]:
        """Of every field, how its values are pooled."""
        return [item.pool for item in self.fields]

    def task_indices(self, names: Sequence[str]) -> list[int]:
        """Positions of the named tasks.

        Raises:
            UserError: a task is unknown or named twice.
        """
        return _positions(names, self.task_names, "task")

    def field_indices(self, names: Sequence[str]) -> list[int]:
        """Positions of the named fields.

        Raises:
            UserError: a field is unknown or named twice.
        """
        return _positions(names, self.field_names, "field")

    @property
    def partial(self) -> tuple[bool, ...]:
        """Of every task, whether some rows' labels are UNKNOWN."""
        return tuple(task.partial for task in self.tasks)

    @property
    def scales(self) -> tuple[Scale | None, ...]:
        """Of every task, its scale; None for a binary one."""
        return tuple(task.scale for task in self.tasks)

    def scales_of(self, names: Sequence[str]) -> tuple[Scale | None, ...]:
        """The scales of the named tasks, in their order."""
        return tuple(self.scales[index] for index in self.task_indices(names))

    def are_numbers(self, names: Sequence[str]) -> tuple[bool, ...]:
        """Of the named tasks, in their order, whether the label is a number."""
        return tuple(scale is not None for scale in self.scales_of(names))

    def to_json(self) -> dict[str, Any]:
        body = asdict(self)
        for held in body["fields"]:
            if held["pool"] is None:  # as before there were pooled fields: the same set, the same file
                del held["pool"], held["width"]
        for task in body["tasks"]:
            if not task["known"]:  # as before there were partial labels: the same set, the same file
                del task["known"]
            if task["scale"] is None:
                del task["scale"]
        if self.group is None:
            del body["group"]
        if self.weight is None:
            del body["weight"]
        return body

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str = "schema.json") -> Schema:
        """Builds a Schema from parsed JSON.

        Raises:
            UserError: a key is missing or has the wrong form.
        """
        schema = parse(cls, value, where, "prepare the data set again")
        for item in schema.fields:
            if item.pool is None and item.width > 1:
                raise UserError(f"{where} is damaged: field {item.name!r} has {item.width} columns of ids and no pool; "
                                "prepare the data set again")
        for split in SPLITS:
            if split not in schema.rows or split not in schema.shards:
                raise UserError(f"{where} is damaged: it lacks the split {split}; prepare the data set again")
        return schema


@dataclass(frozen=True)
class Selection:
    """The fields each task keeps. Stored as selection.json, and all that training knows of selection.

    Attributes:
        selector, backbone, seed: what selected, for which network.
        tasks, fields: names of all tasks of the run, and of all fields of the data set.
        selected: by task, the names of the fields that it keeps, best first.
        shared: fields that the paths read which all tasks share; empty for backbones without such a path.
        scores: by task and field, larger is more important; None where nothing was scored.
        relations: by field, how the tasks relate, ``[tasks, tasks]``; None where scores were not merged.
        seconds: null in what our programs write, so that one seed gives one file, byte for byte. The times are in
            selection_seconds.json and in metrics.json.
        settings: what a reader needs to repeat the selection.
        data: SHA-256 of the schema.json of the data set it was made of; None where it is not known.
    """

    selector: str
    backbone: str
    seed: Whole
    tasks: Annotated[tuple[Text, ...], NoRepeats]
    fields: Annotated[tuple[Text, ...], NoRepeats]
    selected: Mapping[str, tuple[str, ...]]
    shared: tuple[str, ...]
    scores: Optional[dict[str, dict[str, Number]]] = None
    relations: Optional[dict[str, list[list[Number]]]] = None
    seconds: Mapping[str, Any] = field(default_factory=lambda: dict.fromkeys(("score", "relation", "total")))
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Optional[str] = None

    @property
    def k(self) -> dict[str, int]:
        return {task: len(self.selected[task]) for task in self.tasks}

    def to_json(self) -> dict[str, Any]:
        return {
            "selector": self.selector, "backbone": self.backbone, "seed": self.seed, "tasks": list(self.tasks),
            "fields": list(self.fields), "k": self.k,
            "scores": None if self.scores is None else {task: dict(self.scores[task]) for task in self.tasks},
            "selected": {task: list(self.selected[task]) for task in self.tasks}, "shared": list(self.shared),
            "relations": self.relations, "seconds": dict(self.seconds), "settings": dict(self.settings),
            "data": self.data,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str = "selection.json") -> Selection:
        """Builds a Selection from parsed JSON and checks that it is consistent.

        Raises:
            UserError: a key is missing, or a selected field is not among the fields.
        """
        selection = parse(cls, value, where, "select the fields again")
        for key, held in (("selected", selection.selected), ("scores", selection.scores)):
            if held is not None:
                _positions(selection.tasks, list(held), "task", f"{key} of {where}")
        for names in (*selection.selected.values(), selection.shared):
            _positions(names, selection.fields, "field", where)
        return selection


def _positions(names: Sequence[str], allowed: Sequence[str], what: str, where: str = "the data set") -> list[int]:
    place = {name: index for index, name in enumerate(allowed)}
    for name in names:
        if name not in place:
            raise UserError(f"{what} {name!r} is not in {where}; it has {', '.join(allowed)}{nearest(name, allowed)}")
    if len(set(names)) != len(names):
        raise UserError(f"a {what} is named twice in {', '.join(names)}")
    return [place[name] for name in names]

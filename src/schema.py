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
"""The words every room of the house shares: Field, Task, Schema, Selection. Plain data, no MindSpore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import UserError, nearest

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Field:
    """One categorical input column. Id 0 is always "missing, unseen or rare"."""

    name: str
    cardinality: int  # number of ids, id 0 included
    kind: str = "categorical"  # categorical | number | timestamp | multi: what the raw column was
    source: tuple[str, ...] = ()  # raw columns it was made from
    vocabulary: str | None = None  # file below the prepared set, e.g. "vocab/city.json"
    vocabulary_sha256: str | None = None  # of that file; sets prepared before 1.1 have none


@dataclass(frozen=True)
class Task:
    """One binary label with its share of positives per split (None where the split is empty)."""

    name: str
    positive_rate: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Shard:
    """A pair of .npy files with the same rows; the checksums are those of the whole files."""

    ids: str
    labels: str
    rows: int
    ids_sha256: str
    labels_sha256: str


@dataclass(frozen=True)
class Schema:
    """What a prepared data set holds; stored as its schema.json."""

    dataset: str
    fields: tuple[Field, ...]
    tasks: tuple[Task, ...]
    rows: Mapping[str, int]
    shards: Mapping[str, tuple[Shard, ...]]
    encoder_version: int
    steps: tuple[Mapping[str, Any], ...] = ()  # what preparation did: {"step": text, "rows": int}
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def field_names(self) -> list[str]:
        return [item.name for item in self.fields]

    @property
    def task_names(self) -> list[str]:
        return [item.name for item in self.tasks]

    @property
    def cardinalities(self) -> list[int]:
        return [item.cardinality for item in self.fields]

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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str = "schema.json") -> Schema:
        """Builds a Schema from parsed JSON.

        Raises:
            UserError: a key is missing or has the wrong form.
        """
        try:
            return cls(
                dataset=str(value["dataset"]),
                fields=tuple(Field(**{**item, "source": tuple(item.get("source", ()))}) for item in value["fields"]),
                tasks=tuple(Task(**item) for item in value["tasks"]),
                rows={split: int(value["rows"][split]) for split in SPLITS},
                shards={split: tuple(Shard(**item) for item in value["shards"][split]) for split in SPLITS},
                encoder_version=int(value["encoder_version"]),
                steps=tuple(value.get("steps", ())),
                settings=dict(value.get("settings", {})),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{where} is damaged: {type(error).__name__} {error}; prepare the data set again") from None


@dataclass(frozen=True)
class Selection:
    """The fields each task keeps. Stored as selection.json, and all that training knows of selection.

    ``seconds`` is null in what our programs write: one seed gives one file, byte for byte. The times are in
    selection_seconds.json beside it and in metrics.json.
    """

    selector: str
    backbone: str
    seed: int
    tasks: tuple[str, ...]
    fields: tuple[str, ...]
    selected: Mapping[str, tuple[str, ...]]  # per task, best first
    shared: tuple[str, ...]  # read by the paths all tasks share; empty for backbones without one
    scores: Mapping[str, Mapping[str, float]] | None = None
    relations: Mapping[str, Any] | None = None  # field -> T x T list
    seconds: Mapping[str, Any] = field(default_factory=lambda: dict.fromkeys(("score", "relation", "total")))
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str | None = None  # SHA-256 of the schema.json of the data set it was made of; None where it is not known

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
        try:
            selection = cls(
                selector=str(value["selector"]), backbone=str(value["backbone"]), seed=int(value["seed"]),
                tasks=tuple(value["tasks"]), fields=tuple(value["fields"]),
                selected={task: tuple(value["selected"][task]) for task in value["tasks"]},
                shared=tuple(value["shared"]), scores=value.get("scores"), relations=value.get("relations"),
                seconds=value.get("seconds", {}), settings=value.get("settings", {}), data=value.get("data"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{where} is damaged: {type(error).__name__} {error}; select the fields again") from None
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

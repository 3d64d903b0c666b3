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
"""What every selector is, and the way from its scores to a Selection: exact top k, and the shared fields."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..common.errors import UserError
from ..data.subsets import DataSet
from ..schema import Schema, Selection
from ..settings import Settings
from .ladder import find_ladder
from .shared import shared_path


class Selector:
    """Base of all selectors, in scikit-learn's manner: parameters in, ``fit``, attributes that end in ``_`` out.

    A subclass has a ``name`` and says in ``score_fields`` how it scores.

    Args:
        config: the run's Settings.

    Attributes:
        scores_: float64 ``[tasks, fields]``, larger is more important.
        chance_: score that a field without information is not expected to exceed, or None if there is no such level.
        levels_: scores at which kinds of fields part, falling; ``keep_ratio=auto`` tries the fields above each of them.
        relations_: float ``[fields, tasks, tasks]``, or None.
        seconds_: seconds by part, as ``timed`` measured them; "total" is always there.
        numbers: whether it scores tasks whose label is a number, too.
    """

    name = ""
    takes_pooled = True  # fields of several values a row
    numbers = True
    scores_: np.ndarray
    chance_: float | None = None
    levels_: tuple[float, ...] = ()
    relations_: np.ndarray | None = None
    seconds_: dict[str, float]

    def __init__(self, config: Settings):
        self.config = config

    def fit(self, data: DataSet, tasks: Sequence[str]) -> Selector:
        """Scores every (task, field) of a data set, from its train split.

        Raises:
            UserError: a field is pooled, and the selector takes none.
        """
        self.check_fields(data.schema)
        self.seconds_ = {}
        with self.timed("total"):
            self.scores_ = self.score_fields(data, tasks)
        return self

    def check_fields(self, schema: Schema) -> None:
        """Refuses fields that the selector cannot score.

        Raises:
            UserError: there is one.
        """
        pooled = [field.name for field in schema.fields if field.pool]
        if pooled and not self.takes_pooled:
            raise UserError(f"selector {self.name} counts one value a row, and field {pooled[0]!r} is pooled over "
                            "several; take another selector, such as multisfs or lasso, or prepare it without pool")

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        """The scores, float64 ``[tasks, fields]``; reads the train split only."""
        raise TypeError(f"{type(self).__name__} does not say how it scores")

    @contextlib.contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Adds how long the body takes to ``seconds_[part]``."""
        began = time.perf_counter()
        yield
        self.seconds_[part] = self.seconds_.get(part, 0.0) + time.perf_counter() - began

    def settings(self) -> Mapping[str, object]:
        """What a reader of selection.json needs to repeat the selection."""
        return {}


def top_fields(scores: np.ndarray, k: int) -> list[int]:
    """The k fields with the largest scores, best first; equal scores keep the order of the fields."""
    return [int(index) for index in np.argsort(-scores, kind="stable")[:k]]


def fields_to_keep(count: int, keep_ratio: float, keep_fields: int | str | Mapping[str, int],
                   tasks: Sequence[str]) -> list[int]:
    """How many of ``count`` fields every task keeps.

    Args:
        count: number of fields.
        keep_ratio: share of the fields, rounded down, at least one.
        keep_fields: a number of fields, one for every task by name, or "none" to go by ``keep_ratio``.
        tasks: names of the tasks.
    """
    if isinstance(keep_fields, Mapping):
        return [keep_fields[task] for task in tasks]
    if keep_fields != "none":
        return [keep_fields] * len(tasks)
    return [max(1, int(count * keep_ratio + 1e-9))] * len(tasks)


def make_selection(selector: Selector, data: DataSet, tasks: Sequence[str], config: Settings) -> Selection:
    """Turns a fitted selector's scores into the Selection that training takes; where ``keep_ratio`` is auto, networks
    of several numbers of fields are tried out on the train split (ladder.py).

    Raises:
        UserError: the scores are not finite, or k does not fit.
    """
    scores, schema = selector.scores_, data.schema
    if not np.isfinite(scores).all():
        task, column = (int(index) for index in np.argwhere(~np.isfinite(scores))[0])
        raise UserError(f"the score of field {schema.field_names[column]} for task {tasks[task]} is not finite")
    ladder = None
    if config.keep_ratio == "auto" and config.keep_fields == "none":
        with selector.timed("try_out"):
            ladder = find_ladder(scores, selector.levels_, data, tasks, config)
        selector.seconds_["total"] = selector.seconds_.get("total", 0.0) + selector.seconds_["try_out"]
    counts = ladder.counts if ladder else fields_to_keep(scores.shape[1], config.keep_ratio, config.keep_fields, tasks)
    selected = [top_fields(row, k) for row, k in zip(scores, counts)]
    names = schema.field_names
    relations = selector.relations_
    return Selection(
        selector=selector.name, backbone=config.backbone, seed=config.seed, tasks=tuple(tasks), fields=tuple(names),
        selected={task: tuple(names[i] for i in kept) for task, kept in zip(tasks, selected)},
        shared=tuple(names[i] for i in shared_path(config, selected, len(names))),
        scores={task: dict(zip(names, map(float, row))) for task, row in zip(tasks, scores)},
        relations=None if relations is None else {name: matrix.tolist() for name, matrix in zip(names, relations)},
        settings={**selector.settings(), "keep_ratio": config.keep_ratio, "keep_fields": config.keep_fields,
                  "chance": selector.chance_, **({"ladder": ladder.to_json(tasks)} if ladder else {})},
    )


def all_fields(schema: Schema, tasks: Sequence[str], config: Settings) -> Selection:
    """The Selection of ``selector none`` and of ``end_to_end``: every task keeps every field, in field order."""
    names = tuple(schema.field_names)
    selected = [range(len(names))] * len(tasks)
    return Selection(config.selector if config.end_to_end else "none", config.backbone, config.seed, tuple(tasks),
                     names, {task: names for task in tasks},
                     tuple(names[i] for i in shared_path(config, selected, len(names))))


def with_masks(selection: Selection, masks: np.ndarray) -> Selection:
    """The Selection of ``end_to_end`` once its masks ``[tasks, fields]`` are learned: they are its scores and order."""
    names = selection.fields
    return replace(selection, selected={task: tuple(names[i] for i in top_fields(row, len(names)))
                                        for task, row in zip(selection.tasks, masks)},
                   scores={task: dict(zip(names, map(float, row))) for task, row in zip(selection.tasks, masks)})


def adapt_selection(selection: Selection, schema: Schema, tasks: Sequence[str], config: Settings) -> Selection:
    """A Selection read from a file, made to fit this backbone: its shared fields follow the backbone's rule.

    Raises:
        UserError: it lacks a task, or names a field that the data set has not.
    """
    for task in tasks:
        if task not in selection.selected:
            raise UserError(f"the selection has no task {task!r}; it has {', '.join(selection.tasks)}")
    selected = {task: selection.selected[task] for task in tasks}
    names = schema.field_names
    shared = shared_path(config, [schema.field_indices(kept) for kept in selected.values()], len(names))
    return replace(selection, backbone=config.backbone, tasks=tuple(tasks), fields=tuple(names), selected=selected,
                   shared=tuple(names[i] for i in shared))

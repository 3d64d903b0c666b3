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
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..data.subsets import DataSet
from ..errors import UserError
from ..models import traits_of
from ..schema import Schema, Selection
from ..settings import Settings

LOG = logging.getLogger(__name__)


class Selector:
    """Base of all selectors, in scikit-learn's manner: parameters in, ``fit``, attributes that end in ``_`` out.

    A subclass has a ``name`` and says in ``score_fields`` how it scores.

    Args:
        config: the run's Settings.

    Attributes:
        scores_: float64 ``[tasks, fields]``, larger is more important.
        chance_: score that a field without information is not expected to exceed, or None if there is no such level.
        relations_: float ``[fields, tasks, tasks]``, or None.
        seconds_: seconds by part, as ``timed`` measured them; "total" is always there.
    """

    name = ""
    scores_: np.ndarray
    chance_: float | None = None
    relations_: np.ndarray | None = None
    seconds_: dict[str, float]

    def __init__(self, config: Settings):
        self.config = config

    def fit(self, data: DataSet, tasks: Sequence[str]) -> Selector:
        """Scores every (task, field) of a data set, from its train split."""
        self.seconds_ = {}
        with self.timed("total"):
            self.scores_ = self.score_fields(data, tasks)
        return self

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


def fields_to_keep(scores: np.ndarray, chance: float | None, keep_ratio: float | str,
                   keep_fields: int | str | Mapping[str, int], tasks: Sequence[str]) -> list[int]:
    """How many fields every task keeps.

    Args:
        scores: ``[tasks, fields]``.
        chance: the selector's chance level, which ``keep_ratio="auto"`` needs.
        keep_ratio: share of the fields (rounded down, at least one), or "auto".
        keep_fields: a number of fields, one for every task by name, or "none" to go by ``keep_ratio``.
        tasks: task names, for messages.

    Raises:
        UserError: auto for a selector without a chance level.
    """
    count = scores.shape[1]
    if isinstance(keep_fields, Mapping):
        return [keep_fields[task] for task in tasks]
    if keep_fields != "none":
        return [keep_fields] * len(scores)
    if keep_ratio != "auto":
        return [max(1, int(count * keep_ratio + 1e-9))] * len(scores)
    if chance is None:
        raise UserError("keep_ratio is auto, but this score has no chance level; give a number, or score calibrated")
    found = (scores > chance).sum(1)
    for task, number in zip(tasks, found):
        if number <= 1:
            LOG.warning("task %s: %d of %d fields score above chance; keeping 1", task, number, count)
    return [max(1, int(number)) for number in found]


def shared_fields(rule: str | None, selected: Sequence[Sequence[int]], fields: int) -> list[int]:
    """Fields of the path that all tasks share, in field order.

    Args:
        rule: union, intersection, or None for a backbone without such a path.
        selected: kept fields of every task, best first.
        fields: number of fields.

    An empty intersection falls back to as many fields as the smallest task keeps, those with the best mean rank among
    the fields that some task keeps, with a warning.
    """
    if rule is None:
        return []
    union = sorted(set().union(*map(set, selected)))
    if rule == "union":
        return union
    common = sorted(set(union).intersection(*map(set, selected)))
    if common:
        return common
    LOG.warning("no field is kept by all tasks; the shared path takes those with the best mean rank")
    ranks = [[list(kept).index(field) if field in kept else fields for kept in selected] for field in union]
    order = np.argsort([np.mean(rank) for rank in ranks], kind="stable")
    return sorted(union[index] for index in order[:min(map(len, selected))])


def make_selection(selector: Selector, schema: Schema, tasks: Sequence[str], config: Settings) -> Selection:
    """Turns a fitted selector's scores into the Selection that training takes.

    Raises:
        UserError: the scores are not finite, or k does not fit.
    """
    scores = selector.scores_
    if not np.isfinite(scores).all():
        task, column = (int(index) for index in np.argwhere(~np.isfinite(scores))[0])
        raise UserError(f"the score of field {schema.field_names[column]} for task {tasks[task]} is not finite")
    counts = fields_to_keep(scores, selector.chance_, config.keep_ratio, config.keep_fields, tasks)
    selected = [top_fields(row, k) for row, k in zip(scores, counts)]
    names = schema.field_names
    relations = selector.relations_
    return Selection(
        selector=selector.name, backbone=config.backbone, seed=config.seed, tasks=tuple(tasks), fields=tuple(names),
        selected={task: tuple(names[i] for i in kept) for task, kept in zip(tasks, selected)},
        shared=tuple(names[i] for i in _shared(config, selected, len(names))),
        scores={task: dict(zip(names, map(float, row))) for task, row in zip(tasks, scores)},
        relations=None if relations is None else {name: matrix.tolist() for name, matrix in zip(names, relations)},
        settings={**selector.settings(), "keep_ratio": config.keep_ratio, "keep_fields": config.keep_fields,
                  "chance": selector.chance_},
    )


def all_fields(schema: Schema, tasks: Sequence[str], config: Settings) -> Selection:
    """The Selection of ``selector none`` and of ``end_to_end``: every task keeps every field, in field order."""
    names = tuple(schema.field_names)
    selected = [range(len(names))] * len(tasks)
    return Selection(config.selector if config.end_to_end else "none", config.backbone, config.seed, tuple(tasks),
                     names, {task: names for task in tasks},
                     tuple(names[i] for i in _shared(config, selected, len(names))))


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
    shared = _shared(config, [schema.field_indices(kept) for kept in selected.values()], len(names))
    return replace(selection, backbone=config.backbone, tasks=tuple(tasks), fields=tuple(names), selected=selected,
                   shared=tuple(names[i] for i in shared))


def _shared(config: Settings, selected: Sequence[Sequence[int]], fields: int) -> list[int]:
    rule = traits_of(config.backbone, len(selected)).shared
    if rule is not None and config.shared_fields != "auto":
        rule = config.shared_fields
    return shared_fields(rule, selected, fields)

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
"""Which field columns reach which part of a backbone. No MindSpore: the plan is made before any network is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..common.errors import UserError, nearest
from ..pooling import Pool, id_columns
from ..schema import Schema, Selection


@dataclass(frozen=True)
class Traits:
    """What a backbone reads.

    Attributes:
        tasks: it has paths of its own for every task, which read that task's fields.
        shared: rule that makes the fields of its shared path from those of the tasks
            (union | intersection), or None when it has no shared path.
        private_embedding: every task has an embedding table of its own.
        min_tasks: fewest tasks it can be built for.
        complete: what its logits mean needs the labels of all rows.
        probabilities: what its logits mean needs binary labels.
    """

    tasks: bool
    shared: str | None
    private_embedding: bool = False
    min_tasks: int = 1
    complete: bool = False
    probabilities: bool = False


TRAITS: dict[str, Traits] = {}  # by backbone; every subclass of Backbone puts its own in


def traits_of(backbone: str, task_count: int) -> Traits:
    """Looks a backbone up and checks that it can serve ``task_count`` tasks.

    Raises:
        UserError: the backbone is unknown, or needs more tasks.
    """
    if backbone not in TRAITS:
        raise UserError(f"backbone is {backbone!r}; expected {', '.join(TRAITS)}{nearest(backbone, TRAITS)}")
    traits = TRAITS[backbone]
    if task_count < traits.min_tasks:
        raise UserError(f"backbone {backbone} needs at least {traits.min_tasks} tasks, got {task_count}; "
                        "name more in tasks, or take mmoe")
    return traits


@dataclass(frozen=True)
class InputPlan:
    """How ids become the inputs of a backbone.

    A *column* is one field of the id matrix that is fed to the model; a *slot* is one embedded vector. They differ
    only when tasks have private tables: then a field kept by two tasks has two slots. The column of a pooled field is
    several columns of ids side by side, whose vectors make the slot's one.

    Attributes:
        columns: index of every column in the schema's field order; deselected fields are absent.
        cardinalities: number of ids of every slot's field.
        slots: column read by every slot.
        paths: slots of every input of the backbone: one per task, then the shared one, as far as it has them.
        widths: columns of ids of every column, 1 for a plain field.
        pools: of every column, how its values are pooled; None for a plain field.
        numbers: of every task, whether its label is a number; empty where all are binary.
    """

    columns: tuple[int, ...]
    cardinalities: tuple[int, ...]
    slots: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]
    widths: tuple[int, ...]
    pools: tuple[Pool | None, ...]
    numbers: tuple[bool, ...] = ()

    @property
    def pooled(self) -> bool:
        """Whether some field is pooled."""
        return any(self.pools)

    @property
    def id_limits(self) -> list[int]:
        """Number of ids of every column of ids that is fed to the model."""
        sizes = dict(zip(self.slots, self.cardinalities))
        return [sizes[column] for column, width in enumerate(self.widths) for _ in range(width)]

    @property
    def slot_ids(self) -> list[list[int]]:
        """The columns of ids that every slot reads."""
        return [id_columns(self.widths, [column]) for column in self.slots]

    @property
    def slot_pools(self) -> list[Pool | None]:
        """How the values of every slot are pooled."""
        return [self.pools[column] for column in self.slots]

    @property
    def offsets(self) -> list[int]:
        """First row of every slot in the embedding table."""
        rows = [0]
        for cardinality in self.cardinalities[:-1]:
            rows.append(rows[-1] + cardinality)
        return rows

    @property
    def table_rows(self) -> int:
        return sum(self.cardinalities)


@dataclass(frozen=True)
class PathFields:
    """The embedded fields of one path, as its first product reads them.

    Attributes:
        sizes: number of ids of every field.
        dim: columns of an embedding.
        fold: whether fields with fewer ids than columns are folded (``FoldedInputs``).
        pooled: places of fields of which a row has several values, or none.
    """

    sizes: tuple[int, ...]
    dim: int
    fold: bool = True
    pooled: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """Columns of all fields side by side."""
        return len(self.sizes) * self.dim

    @property
    def small(self) -> tuple[int, ...]:
        """Places of the fields that are folded."""
        return tuple(place for place, size in enumerate(self.sizes) if self.fold and size < self.dim)

    @property
    def large(self) -> tuple[int, ...]:
        """Places of the others."""
        return tuple(place for place, size in enumerate(self.sizes) if not self.fold or size >= self.dim)


def plan_inputs(backbone: str, schema: Schema, tasks: Sequence[str], selection: Selection | None = None) -> InputPlan:
    """Plans a backbone's inputs from the fields that were selected, or from all of them.

    Raises:
        UserError: the selection lacks a task, names an unknown field, or leaves a path without any field; or the
            backbone needs labels of all rows, or binary ones.
    """
    traits = traits_of(backbone, len(tasks))
    numbers = schema.are_numbers(tasks)
    _check_labels(backbone, traits, schema, tasks)
    wanted = _fields_of_paths(traits, schema, tasks, selection)
    for name, path in wanted.items():
        if not path:
            raise UserError(f"the selection keeps no field for {name}; keep at least one")
    columns = sorted({index for path in wanted.values() for index in path})
    place = {index: column for column, index in enumerate(columns)}
    if traits.private_embedding:
        slots = [place[index] for path in wanted.values() for index in path]
        ends = _running_sums([len(path) for path in wanted.values()])
        paths = tuple(tuple(range(end - len(path), end)) for path, end in zip(wanted.values(), ends))
    else:
        slots = list(range(len(columns)))
        paths = tuple(tuple(place[index] for index in path) for path in wanted.values())
    cardinalities = tuple(schema.fields[columns[slot]].cardinality for slot in slots)
    return InputPlan(tuple(columns), cardinalities, tuple(slots), paths,
                     tuple(schema.fields[index].width for index in columns),
                     tuple(schema.fields[index].pool for index in columns),
                     numbers if any(numbers) else ())


def _check_labels(backbone: str, traits: Traits, schema: Schema, tasks: Sequence[str]) -> None:
    for task, number in zip(tasks, schema.are_numbers(tasks)):
        if traits.probabilities and number:
            raise UserError(f"backbone {backbone} multiplies the tasks' probabilities, and {task} is of kind "
                            "regression: its label is a number; name other tasks, or take another backbone, such as "
                            "mmoe")
    for task in tasks:
        if traits.complete and schema.partial[schema.task_indices([task])[0]]:
            raise UserError(f"backbone {backbone} predicts task after task of all rows, but the labels of {task} are "
                            "known for some rows only; prepare it without `where` and `missing: masked`, or take "
                            "another backbone, such as mmoe")


def _fields_of_paths(traits: Traits, schema: Schema, tasks: Sequence[str],
                     selection: Selection | None) -> dict[str, list[int]]:
    """Field indices, in schema order, of every path the backbone has."""
    everything = list(range(len(schema.fields)))
    wanted = {}
    if traits.tasks:
        for task in tasks:
            if selection is not None and task not in selection.selected:
                raise UserError(f"the selection has no task {task!r}; it has {', '.join(selection.tasks)}")
            kept = None if selection is None else schema.field_indices(selection.selected[task])
            wanted[f"task {task}"] = everything if kept is None else sorted(kept)
    if traits.shared is not None:
        kept = None if selection is None else schema.field_indices(selection.shared)
        wanted["the shared path"] = everything if kept is None else sorted(kept)
    return wanted


def _running_sums(lengths: Sequence[int]) -> list[int]:
    sums, total = [], 0
    for length in lengths:
        total += length
        sums.append(total)
    return sums

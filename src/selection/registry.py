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
"""The selectors by name, and the one call that programs make."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..common.errors import UserError, nearest
from ..common.files import read_json
from ..models import MASKS, plan_inputs
from ..schema import Selection
from ..settings import Settings
from ..training import task_weights
from . import baselines, multisfs
from .base import Selector, adapt_selection, all_fields, make_selection
from .paper.relation_file import read_relations

LOG = logging.getLogger(__name__)


def find_selectors() -> dict[str, type[Selector]]:
    """Every selector by name: the paper's, and those of all modules in baselines."""
    modules = [multisfs, *(importlib.import_module(f"{baselines.__name__}.{module.name}")
                           for module in pkgutil.iter_modules(baselines.__path__))]
    kinds = (kind for module in modules for kind in vars(module).values() if isinstance(kind, type))
    return {kind.name: kind for kind in kinds if issubclass(kind, Selector) and kind.name}


SELECTORS = find_selectors()


def select_fields(data, tasks: Sequence[str], config: Settings) -> tuple[Selection, dict[str, float]]:
    """The Selection a run trains with, and the seconds it took by part.

    Reads ``config.selection`` where one is named; otherwise runs ``config.selector`` on the train split, in float32.

    Raises:
        UserError: the file does not fit the data set, or the selector cannot give what was asked for.
    """
    if config.selection != "none":
        selection = read_given_selection(data, tasks, config)
        if selection.data not in (None, data.fingerprint):
            LOG.warning("%s was made of another data set; its fields are used on %s", config.selection, data.path)
        return selection, {"total": 0.0}
    if config.selector == "none" or config.end_to_end:
        return replace(all_fields(data.schema, tasks, config), data=data.fingerprint), {"total": 0.0}
    selector = SELECTORS[config.selector](config.replace(precision="float32")).fit(data, tasks)
    made = make_selection(selector, data, tasks, config)
    return replace(made, data=data.fingerprint), dict(selector.seconds_)


def check_request(data, tasks: Sequence[str], config: Settings) -> None:
    """Refuses what cannot be selected or built, before anything is written.

    Raises:
        UserError: backbone, selector or task_weights do not suit the tasks, more fields are asked for than there are,
            the named selection or relations do not fit the data set, or the selector has no masks to train end to end.
    """
    plan_inputs(config.backbone, data.schema, tasks)
    _check_keep_fields(config.keep_fields, tasks, len(data.schema.fields))
    task_weights(config.task_weights, tasks)
    if config.end_to_end:
        _check_end_to_end(config)
    elif config.selection == "none" and config.selector in SELECTORS:
        _check_numbers(data, tasks, config.selector)
    if config.selection != "none":
        read_given_selection(data, tasks, config)
    elif config.selector in SELECTORS:
        SELECTORS[config.selector](config).check_fields(data.schema)
    if config.relations not in ("learn", "shared"):
        _check_relations(data, tasks, config)


def _check_numbers(data, tasks: Sequence[str], selector: str) -> None:
    numbers = [task for task, number in zip(tasks, data.schema.are_numbers(tasks)) if number]
    if numbers and not SELECTORS[selector].numbers:
        able = sorted(name for name, kind in SELECTORS.items() if kind.numbers)
        raise UserError(f"selector {selector} counts classes, and task {numbers[0]} is of kind regression: its label "
                        f"is a number; expected one of {', '.join(able)}")


def _check_relations(data, tasks: Sequence[str], config: Settings) -> None:
    selector = SELECTORS[config.selector](config) if config.selector in SELECTORS else None
    if config.selection != "none" or getattr(selector, "relation", "none") != "gnn":
        raise UserError(f"relations is {config.relations}, but this run merges no scores along learned relations; "
                        "add score=paper or relation=gnn, or leave relations out")
    read_relations(Path(config.relations), data, tasks)


def _check_keep_fields(keep_fields: int | str | Mapping[str, int], tasks: Sequence[str], fields: int) -> None:
    if keep_fields == "none":
        return
    by_task = keep_fields if isinstance(keep_fields, Mapping) else dict.fromkeys(tasks, keep_fields)
    for task in by_task:
        if task not in tasks:
            raise UserError(f"keep_fields names task {task!r}; expected a number for each of {', '.join(tasks)}"
                            f"{nearest(task, tasks)}")
    missing = [task for task in tasks if task not in by_task]
    if missing:
        raise UserError(f"keep_fields has no number for {', '.join(missing)}; give one for every task of the run, or "
                        "one number for all")
    for number in by_task.values():
        if number > fields:
            raise UserError(f"keep_fields is {number}; the data set has {fields} fields; expected 1 to {fields}")


def _check_end_to_end(config: Settings) -> None:
    if config.selection != "none":
        raise UserError("end_to_end learns its masks and takes no selection; leave one of the two out")
    if config.selector not in MASKS:
        raise UserError(f"end_to_end goes with the selectors whose masks are part of the network, "
                        f"{' and '.join(MASKS)}; selector is {config.selector}")
    if config.embedding_optimizer == "lazy":
        raise UserError("embedding_optimizer lazy does not go with end_to_end; expected dense or auto")


def read_given_selection(data, tasks: Sequence[str], config: Settings) -> Selection:
    """The Selection in the file that ``config.selection`` names, made to fit the backbone.

    Raises:
        UserError: the file is missing or damaged, or does not fit the data set.
    """
    path = Path(config.selection)
    return adapt_selection(Selection.from_json(read_json(path, sealed=False), str(path)), data.schema, tasks, config)

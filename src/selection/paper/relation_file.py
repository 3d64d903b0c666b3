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
"""The relations of a run: learned, or read from a relations.json, which all backbones of a data set can share.

Relations do not depend on the backbone (the paper's section 3.3), only on data set, tasks, seed and the settings below.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import UserError
from ...common.files import read_json, write_json
from ...data.subsets import sample_by_weight
from ...settings import Settings
from .relations import LEARNING_RATE, learn_relations


def field_relations(data, tasks: Sequence[str], config: Settings) -> tuple[np.ndarray, float]:
    """Relations r of the tasks, ``[fields, tasks, tasks]``, and the seconds that learning them took, now or before.

    ``config.relations`` is "learn"; "shared", which learns them once for all runs of an output folder and keeps them in
    its ``relations/``; or a file to read.

    Raises:
        UserError: the file is missing, damaged, or was learned from other data.
    """
    if config.relations == "learn":
        return _learn(data, tasks, config)
    if config.relations != "shared":
        return read_relations(Path(config.relations), data, tasks)
    path = shared_path(data, tasks, config)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        if not path.exists():
            relations, seconds = _learn(data, tasks, config)
            write_relations(path, data, tasks, config, relations, seconds)
    return read_relations(path, data, tasks, relation_settings(config))


def relation_settings(config: Settings) -> dict[str, Any]:
    """Every setting that the relations depend on."""
    return {"relation_dim": relation_dim(config), "relation_layers": config.relation_layers,
            "relation_epochs": config.relation_epochs, "batch_size": config.batch_size, "seed": config.seed,
            "learning_rate": LEARNING_RATE}


def relation_dim(config: Settings) -> int:
    """D of the relation network; auto is the embedding width, because the paper has one D."""
    return config.embedding_dim if config.relation_dim == "auto" else config.relation_dim


def shared_path(data, tasks: Sequence[str], config: Settings) -> Path:
    """Where ``relations=shared`` keeps them."""
    which = f"{data.schema.dataset}-{data.fingerprint[:8]}-{'+'.join(tasks)}"
    return config.output_path / "relations" / f"{which}-d{relation_dim(config)}-s{config.seed}.json"


def write_relations(path: Path, data, tasks: Sequence[str], config: Settings, relations: np.ndarray,
                    seconds: float) -> None:
    """Writes a relations.json: what they were learned from, by which settings, and a matrix for every field."""
    write_json(path, {**_about(data, tasks), "settings": relation_settings(config), "seconds": seconds,
                      "relations": dict(zip(data.schema.field_names, relations.tolist()))}, sealed=True)


def read_relations(path: Path, data, tasks: Sequence[str],
                   settings: Mapping[str, Any] | None = None) -> tuple[np.ndarray, float]:
    """The relations in a file, for the tasks in this order, and the seconds that learning them took.

    Args:
        path: of the file.
        data: the data set, which must be the one they were learned from.
        tasks: the tasks, which must be all of the file's.
        settings: those it must have been learned with; None takes any.

    Raises:
        UserError: the file is missing or damaged, or was learned from other data or with other settings.
    """
    value = read_json(path)
    try:
        for key, wanted in _about(data, tasks).items():
            if value[key] != wanted:
                raise UserError(f"{path} was learned from other data: {_difference(key, value[key], wanted)}; learn "
                                "the relations of this data set with relations=learn")
        if settings is not None and value["settings"] != settings:
            raise UserError(f"{path} was learned with other settings: "
                            f"{_difference('settings', value['settings'], settings)}; give another output_dir")
        places = [list(value["tasks"]).index(task) for task in tasks]
        matrices = np.array([value["relations"][name] for name in data.schema.field_names], np.float64)
        relations = matrices[:, places][:, :, places]
        seconds = float(value["seconds"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UserError(f"{path} is no relations.json ({type(error).__name__} {error}); expected one that train.py "
                        "wrote with relations=shared") from None
    if relations.shape != (len(data.schema.fields), len(tasks), len(tasks)) or not (np.abs(relations) <= 1.001).all():
        raise UserError(f"{path} is damaged: expected numbers from -1 to 1, tasks x tasks for every field")
    return relations, seconds


def _learn(data, tasks: Sequence[str], config: Settings) -> tuple[np.ndarray, float]:
    began, schema = time.perf_counter(), data.schema
    rows = sample_by_weight(data.split("train"), config.seed)
    relations = learn_relations(rows, schema.task_indices(tasks), schema.cardinalities, relation_dim(config),
                                config.relation_layers, config.relation_epochs, config.batch_size, config.seed,
                                config.progress, schema.pools, schema.widths)
    return relations, time.perf_counter() - began


def _about(data, tasks: Sequence[str]) -> dict[str, Any]:
    """What relations were learned from; ``data`` is compared, the rest is for people."""
    schema = data.schema
    rates = [schema.tasks[place].positive_rate.get("train") for place in schema.task_indices(tasks)]
    return {"dataset": schema.dataset, "rows": schema.rows["train"], "tasks": dict(zip(tasks, rates)),
            "fields": dict(zip(schema.field_names, schema.cardinalities)), "data": data.fingerprint}


def _difference(key: str, found: Any, wanted: Any) -> str:
    if not isinstance(found, dict) or not isinstance(wanted, dict):
        return f"{key} {found}, here {wanted}"
    names = [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]
    return f"{key} {names[0]} {found.get(names[0])}, here {wanted.get(names[0])}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keeps other processes out; runs of one grid that need the same relations wait for the first to learn them."""
    with open(path.with_suffix(".lock"), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

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
"""Small data and small networks for unit tests."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from src.data.memory import MemoryData
from src.models import MultiTaskModel, natural_values, plan_inputs, set_natural
from src.schema import SPLITS, UNKNOWN, Field, Scale, Schema, Selection, Task
from src.settings import Settings, load_settings

CARDINALITIES = (5, 3, 9, 2, 7, 4)


def make_schema(tasks: int = 3, cardinalities=CARDINALITIES) -> Schema:
    fields = tuple(Field(f"f{i}", size) for i, size in enumerate(cardinalities))
    rows = {"train": 100, "valid": 10, "test": 10}
    return Schema("toy", fields, tuple(Task(f"t{i}", {"train": 0.5}) for i in range(tasks)), rows,
                  {split: () for split in rows}, 1)


def make_pooled_schema(tasks: int, cardinalities, pools, width: int = 4) -> Schema:
    """A schema whose fields are pooled as ``pools`` says (None: plain), ``width`` values a row at most."""
    fields = tuple(Field(f"f{i}", size, pool=pool, width=width if pool else 1)
                   for i, (size, pool) in enumerate(zip(cardinalities, pools)))
    return replace(make_schema(tasks, cardinalities), fields=fields)


def pooled_ids(rows: int, schema: Schema, seed: int = 0) -> np.ndarray:
    """Random ids of all columns: of a pooled field none to ``width`` values, repetitions among them."""
    rng, columns = np.random.default_rng(seed), []
    for field in schema.fields:
        block = rng.integers(0 if field.pool is None else 1, field.cardinality, (rows, field.width))
        if field.pool is not None:
            block *= np.arange(field.width) < rng.integers(0, field.width + 1, (rows, 1))
        columns.append(block)
    return np.concatenate(columns, 1).astype(np.int32)


def make_config(**changes) -> Settings:
    """Settings of a small network; the rest is default_config.yaml's."""
    values = {"dataset": "toy", "embedding_dim": 4, "bottom_dims": (8, 6), "tower_dims": (5,), "experts": 4,
              "dropout": 0.0, "seed": 3, "batch_size": 64, "selector": "none", "progress": False, "keep_ratio": 0.5}
    return load_settings(["dataset=toy"]).replace(**{**values, **changes})


def make_selection(schema: Schema, kept: dict, shared=(), backbone: str = "mmoe") -> Selection:
    return Selection("test", backbone, 0, tuple(kept), tuple(schema.field_names),
                     {task: tuple(names) for task, names in kept.items()}, tuple(shared))


def make_model(backbone: str, schema: Schema, selection=None, **changes):
    tasks = schema.task_names
    plan = plan_inputs(backbone, schema, tasks, selection)
    return MultiTaskModel(plan, backbone, len(tasks), make_config(**changes)), plan


def make_batch(rows: int, schema: Schema, seed: int = 0):
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.integers(0, size, rows) for size in schema.cardinalities], 1).astype(np.int32)
    return ids, rng.integers(0, 2, (rows, len(schema.tasks))).astype(np.float32)


def path_of(name: str, paths: int) -> int:
    """Which input path a first-layer weight reads, from its parameter name."""
    found = re.search(r"(?:bottom|task_experts|task_gates)\.(\d+)\.", name)
    return int(found.group(1)) if found else paths - 1


def copy_pruned_weights(full: MultiTaskModel, full_plan, pruned: MultiTaskModel, plan) -> None:
    """Gives the pruned model the full model's weights: rows of kept fields, columns of kept fields, all else whole."""
    source, own, found = natural_values(full), natural_values(pruned), {}
    dim = full.embedding.table.shape[1]
    for name, old in own.items():
        value = source[name]
        if name == "embedding.table":
            rows = [np.arange(full_plan.cardinalities[slot]) + full_plan.offsets[slot]
                    for slot in _full_slots(plan, full_plan)]
            value = value[np.concatenate(rows)]
        elif value.shape != old.shape:
            kept = [plan.columns[plan.slots[slot]] for slot in plan.paths[path_of(name, len(plan.paths))]]
            value = np.concatenate([value[:, index * dim:(index + 1) * dim] for index in kept], 1)
        found[name] = value
    set_natural(pruned, found)


def _full_slots(plan, full_plan):
    """The slot of the full plan that every slot of the pruned plan comes from."""
    private = len(full_plan.slots) > len(full_plan.columns)
    for slot, column in enumerate(plan.slots):
        path = next(p for p, slots in enumerate(plan.paths) if slot in slots)
        yield full_plan.paths[path][plan.columns[column]] if private else plan.columns[column]


def toy_data(rows: int = 600, tasks: int = 2, seed: int = 0) -> MemoryData:
    """A data set in memory; task t depends on field t."""
    schema, splits = make_schema(tasks), {}
    for index, (name, count) in enumerate({"train": rows, "valid": rows // 4, "test": rows // 4}.items()):
        ids, _ = make_batch(count, schema, seed + index)
        chance = np.random.default_rng(seed + 9 + index).random((count, tasks))
        splits[name] = ids, (chance < 0.2 + 0.6 * (ids[:, :tasks] % 2)).astype(np.uint8)
    data = MemoryData("toy", schema.field_names, schema.cardinalities, schema.task_names, splits)
    data.fingerprint = "5eed"  # any; tests of fingerprints set their own
    return data


def hide_labels(data: MemoryData, task: int, known) -> MemoryData:
    """The data set with labels of one task for some rows only: where ``known(ids, labels)`` is true, bool [rows]."""
    splits = {}
    for name in SPLITS:
        ids, labels = data.split(name).read(0, data.split(name).rows)
        labels = labels.copy()
        labels[~known(ids, labels), task] = UNKNOWN
        splits[name] = ids, labels
    schema = data.schema
    hidden = MemoryData(schema.dataset, schema.field_names, schema.cardinalities, schema.task_names, splits)
    hidden.fingerprint = "5eed"
    return hidden


def toy_numbers(rows: int = 900, seed: int = 0, known=lambda ids: np.ones(len(ids), bool)) -> MemoryData:
    """A data set in memory of one binary task, which depends on field 0, and one of numbers, which depends on field 1.

    The numbers are known where ``known(ids)`` is true, bool [rows].
    """
    schema, splits, scale = make_schema(2), {}, Scale(40.0, 10.0)
    for index, (name, count) in enumerate({"train": rows, "valid": rows // 3, "test": rows // 3}.items()):
        ids, _ = make_batch(count, schema, seed + index)
        rng = np.random.default_rng(seed + 9 + index)
        classes = rng.random(count) < 0.2 + 0.6 * (ids[:, 0] % 2)
        numbers = 0.9 * (ids[:, 1] - 1) / 0.816 + np.sqrt(1 - 0.81) * rng.normal(size=count)
        splits[name] = ids, np.stack([classes, np.where(known(ids), numbers, np.nan)], 1).astype(np.float32)
    data = MemoryData("toy", schema.field_names, schema.cardinalities, schema.task_names, splits,
                      scales=[None, scale])
    data.fingerprint = "5eed"
    return data

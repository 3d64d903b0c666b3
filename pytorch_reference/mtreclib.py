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
"""Our parameters under the names PyTorch's MTReclib gives them, and back: strict, numpy arrays only, no torch.

Two forms of a ``state_dict`` are served. The plain one has exactly our weights. The form that MTReclib's own classes
load has three things more, all zeros, so that outputs do not depend on them:

* one more input, ``numerical_layer``, whose vector comes last in every first layer;
* on every path the columns of every field the model reads anywhere: MTReclib's paths all read the same fields;
* a shared gate of PLE's last level, which nothing reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from src.common.errors import UserError
from src.models.plan import InputPlan, traits_of

COUNTER = "num_batches_tracked"  # PyTorch's BatchNorm counts batches; with a fixed momentum nothing reads it
NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
RULES = [
    (r"^backbone\.", ""),
    (r"^level\.(\d+)\.share_gate\.", r"share_gates.\1."),
    (r"^level\.(\d+)\.(task_experts|task_gates|share_experts)\.", r"\2.\1."),
    (r"(gates?[\d.]*)\.dense\.", r"\1.0."),
    (r"^transfer\.", "g."), (r"^value\.", "h1."), (r"^key\.", "h2."), (r"^query\.", "h3."),
    (r"\.hidden\.(\d+)\.dense\.", lambda found: f".mlp.{4 * int(found[1])}."),
    (r"\.hidden\.(\d+)\.norm\.norm\.(\w+)$", lambda found: f".mlp.{4 * int(found[1]) + 1}.{NORM[found[2]]}"),
]
READS_FIELDS = re.compile(
    r"((bottom|expert)(\.\d+)?|task_experts\.0\.\d+\.\d+|share_experts\.0\.\d+)\.mlp\.0\.weight"
    r"|(gate(\.\d+)?|task_gates\.0\.\d+|share_gates\.0)\.0\.weight")


def pytorch_name(name: str, backbone: str, tower_layers: int) -> str:
    """MTReclib's name of one of our parameters; the embedding table of ``single_task`` has none, it is split."""
    if name == "embedding.table":
        return "embedding.embedding.weight"
    for pattern, replacement in RULES:
        name = re.sub(pattern, replacement, name)
    if backbone == "omoe":
        name = re.sub(r"^gate\.0\.0\.", "gate.0.", name)
    return re.sub(r"\.output\.", f".mlp.{4 * tower_layers}.", name)


def to_pytorch(parameters: Mapping[str, np.ndarray], backbone: str, plan: InputPlan,
               numerical: int = 0) -> dict[str, np.ndarray]:
    """A ``state_dict`` as numpy arrays.

    Args:
        parameters: every parameter of a MultiTaskModel by name, moving statistics included.
        backbone: the model's backbone.
        plan: the model's input plan.
        numerical: columns of MTReclib's numerical input, for the form its classes load; 0 gives the plain form.
    """
    layers = _tower_layers(parameters)
    state = {}
    for name, value in parameters.items():
        if name == "embedding.table" and _has_private_tables(backbone, plan):
            tables = np.split(value, np.cumsum(_table_sizes(plan))[:-1])
            state.update({f"embedding.{task}.embedding.weight": table for task, table in enumerate(tables)})
            continue
        state[pytorch_name(name, backbone, layers)] = value
    for name in [name for name in state if name.endswith("running_var")]:
        state[name.replace("running_var", COUNTER)] = np.array(0, np.int64)
    if numerical:
        _widen(state, plan, numerical, parameters["embedding.table"].shape[1])
    return state


def from_pytorch(state: Mapping[str, np.ndarray], backbone: str, plan: InputPlan,
                 shapes: Mapping[str, tuple[int, ...]], where: str = "the state_dict") -> dict[str, np.ndarray]:
    """Our parameters from a ``state_dict`` of either form, every entry used once.

    Args:
        shapes: shape of every parameter of the model that will take them.
        where: what the state is called in errors.

    Raises:
        UserError: an entry is missing, unknown or of another shape, or what has to be zeros is not.
    """
    left = {name: np.asarray(value) for name, value in state.items() if not name.endswith(COUNTER)}
    if any(name.startswith("numerical_layer") for name in left):
        _narrow(left, plan, shapes["embedding.table"][1], where)
    layers, found = _tower_layers(shapes), {}
    for name, shape in shapes.items():
        if name == "embedding.table" and _has_private_tables(backbone, plan):
            tables = [_take(left, f"embedding.{task}.embedding.weight", (rows, shape[1]), where)
                      for task, rows in enumerate(_table_sizes(plan))]
            found[name] = np.concatenate(tables)
        else:
            found[name] = _take(left, pytorch_name(name, backbone, layers), tuple(shape), where)
    if left:
        raise UserError(f"{where} has {len(left)} entries that this model does not have (first: "
                        f"{sorted(left)[0]}); it is that of another backbone, other widths, or more tasks")
    return found


def _take(left: dict, name: str, shape: tuple, where: str) -> np.ndarray:
    if name not in left:
        raise UserError(f"{where} has no {name}; expected one of shape {shape}; it is that of another model")
    value = left.pop(name)
    if value.shape != shape:
        raise UserError(f"{name} in {where} has shape {value.shape}; expected {shape}; the sizes or fields differ")
    return value.astype(np.float32)


def _tower_layers(names: Iterable[str]) -> int:
    pattern = re.compile(r"backbone\.tower\.0\.hidden\.(\d+)\.dense\.weight")
    return len([name for name in names if pattern.fullmatch(name)])


def _has_private_tables(backbone: str, plan: InputPlan) -> bool:
    return traits_of(backbone, len(plan.paths)).private_embedding


def _table_sizes(plan: InputPlan) -> list[int]:
    """Rows of every task's own table."""
    return [sum(plan.cardinalities[slot] for slot in path) for path in plan.paths]


def _columns_of(name: str, plan: InputPlan) -> list[int]:
    """Columns that a first layer, or a task's own table, reads."""
    task = re.match(r"(?:embedding|bottom|task_experts\.0|task_gates\.0)\.(\d+)\.", name)
    return [plan.slots[slot] for slot in plan.paths[int(task[1]) if task else -1]]


def _wide_columns(name: str, plan: InputPlan, dim: int) -> np.ndarray:
    """Where the inputs of a first layer are in MTReclib's, whose paths read all columns."""
    return np.concatenate([np.arange(column * dim, (column + 1) * dim) for column in _columns_of(name, plan)])


def _wide_rows(name: str, plan: InputPlan) -> tuple[np.ndarray, int]:
    """Where the rows of a task's own table are in one of all columns, and how many rows that has."""
    sizes = dict(zip(plan.slots, plan.cardinalities))
    ends = np.cumsum([sizes[column] for column in range(len(plan.columns))])
    return np.concatenate([np.arange(ends[column] - sizes[column], ends[column])
                           for column in _columns_of(name, plan)]), int(ends[-1])


def _private_tables(state: Mapping[str, np.ndarray]) -> list[str]:
    return [name for name in state if re.fullmatch(r"embedding\.\d+\.embedding\.weight", name)]


def _widen(state: dict, plan: InputPlan, numerical: int, dim: int) -> None:
    """Turns the plain form into that of MTReclib's classes."""
    for name in [name for name in state if READS_FIELDS.fullmatch(name)]:
        wide = np.zeros((len(state[name]), (len(plan.columns) + 1) * dim), np.float32)
        wide[:, _wide_columns(name, plan, dim)] = state[name]
        state[name] = wide
    private = _private_tables(state)
    for name in private:
        rows, count = _wide_rows(name, plan)
        wide = np.zeros((count, dim), np.float32)
        wide[rows] = state[name]
        state[name] = wide
    for table in [f"{task}." for task in range(len(private))] or [""]:
        state[f"numerical_layer.{table}weight"] = np.zeros((dim, numerical), np.float32)
        state[f"numerical_layer.{table}bias"] = np.zeros(dim, np.float32)
    if _has_levels(state):
        level = _last_level(state)
        experts = sum(bool(re.fullmatch(rf"(task|share)_experts\.{level}\..*mlp\.0\.weight", name)) for name in state)
        inputs = state[f"share_experts.{level}.0.mlp.0.weight"].shape[1]
        state[f"share_gates.{level}.0.weight"] = np.zeros((experts, inputs), np.float32)
        state[f"share_gates.{level}.0.bias"] = np.zeros(experts, np.float32)


def _narrow(state: dict, plan: InputPlan, dim: int, where: str) -> None:
    """Turns the form of MTReclib's classes into the plain one; refuses weights on inputs that our model lacks."""
    if _has_levels(state):
        for part in ("weight", "bias"):
            state.pop(f"share_gates.{_last_level(state)}.0.{part}", None)
    silent = not any(state[name].any() for name in list(state) if name.startswith("numerical_layer"))
    for name in [name for name in state if name.startswith("numerical_layer")]:
        del state[name]
    width = (len(plan.columns) + 1) * dim
    for name in [name for name in state if READS_FIELDS.fullmatch(name)]:
        value = state[name]
        if value.ndim != 2 or value.shape[1] != width:
            raise UserError(f"{name} in {where} has shape {value.shape}; expected {width} columns, {dim} for each of "
                            f"{len(plan.columns)} fields and {dim} for the numerical input")
        keep = _wide_columns(name, plan, dim)
        unread = np.setdiff1d(np.arange(width - dim if silent else width), keep)
        if value[:, unread].any():
            raise UserError(f"{name} in {where} gives weight to a field this path does not read, or to the numerical "
                            "input, which these models lack; set those columns to zeros")
        state[name] = value[:, keep]
    for name in _private_tables(state):
        rows, count = _wide_rows(name, plan)
        if len(state[name]) != count:
            raise UserError(f"{name} in {where} has {len(state[name])} rows; expected {count}")
        state[name] = state[name][rows]


def _has_levels(state: Mapping[str, np.ndarray]) -> bool:
    """Whether it is a PLE, whose experts come in levels."""
    return any(name.startswith("share_experts.") for name in state)


def _last_level(state: Mapping[str, np.ndarray]) -> int:
    return max((int(name.split(".")[1]) for name in state if name.startswith("share_experts.")), default=0)

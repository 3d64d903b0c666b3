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
"""Reading what to prepare: the preset of a data set or the description of a table, and the command line's options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...common.errors import UserError, nearest
from ...common.files import YAML_LOADER, read_yaml
from ...common.home import SHIPPED
from ...common.typed import keys_of
from ..description.options import DataOptions, FieldSpec, SplitSpec, TaskSpec, parse_options
from .source import load_source

COMMON = ("min_count", "buckets", "keep_leaks", "group", "pool")  # keys of every preset that a command line may set
_PLAIN = {"bool": "true|True|TRUE|false|False|FALSE", "null": "~|null|", "int": "[-+]?(0|[1-9][0-9]*)",
          "float": r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?"}


class PlainLoader(YAML_LOADER):
    """Reads NO, yes, 01, 1_000, 12:30 and 2020-01-01 as the texts that they are in a cell."""

    yaml_implicit_resolvers = {None: [(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"))
                                      for tag, pattern in _PLAIN.items()]}


def load_options(dataset: str, preset, overrides: Mapping[str, Any], raw_dir: Path | None = None) -> DataOptions:
    """Reads the ``data:`` mapping of a preset and applies overrides.

    Raises:
        UserError: the preset is missing or malformed, or an override is unknown.
    """
    overrides, source = dict(overrides), load_source(dataset)
    if dataset == "table":
        if "table" not in overrides:
            raise UserError("table is not given; expected a YAML file that describes the columns; see docs/DATASETS.md")
        path = Path(overrides.pop("table"))
        data = read_yaml(path, PlainLoader)
    else:
        path = SHIPPED / "configs" / f"{dataset}.yaml" if preset is None else Path(preset)
        data = _read_data(path)
    chosen = {key: overrides.pop(key) for key in ("fields", "tasks") if key in overrides}
    where = str(path) if dataset == "table" else f"data of {path}"
    if isinstance(data, dict):
        data = _override(data, overrides, (*source.DEFAULTS, *COMMON), dataset)
        data = {**data, **source.describe(raw_dir, {**source.DEFAULTS, **data})}
    options = parse_options(data, source.DEFAULTS, f"{where} and the command line" if overrides else where)
    for key, names in chosen.items():
        known = (*getattr(options, key), *getattr(options, f"more_{key}"))
        options = replace(options, **{key: _keep(known, names, key, where)})
    _refuse_leakage(options, source.LEAKAGE)
    return options


def _override(data: dict[str, Any], overrides: Mapping[str, Any], known: Sequence[str], dataset: str) -> dict[str, Any]:
    """A preset's mapping with the options of the command line in it: those of the split and the ``known`` ones."""
    split = keys_of(SplitSpec)
    for key in overrides:
        if key not in (*known, *split):
            allowed = ("fields", "tasks", *split, *known)
            raise UserError(f"option {key!r} is unknown to {dataset}; expected one of {', '.join(allowed)}"
                            f"{nearest(key, allowed)}")
    data = {**data, **{key: value for key, value in overrides.items() if key in known}}
    dealt = {key: value for key, value in overrides.items() if key in split}
    if dealt and isinstance(data.get("split") or {}, dict):
        data["split"] = {**(data.get("split") or {}), **dealt}
    return data


def _read_data(path: Path) -> dict[str, Any]:
    """Returns the ``data:`` mapping of a preset; its key ``same_as`` names a preset to start from."""
    data = read_yaml(path, PlainLoader).get("data", {})
    if isinstance(data, dict) and "same_as" in data:
        return {**_read_data(path.with_name(f"{data['same_as']}.yaml")),
                **{key: value for key, value in data.items() if key != "same_as"}}
    return data


def _refuse_leakage(options: DataOptions, columns: Sequence[str]) -> None:
    for spec in options.fields:
        if spec.column in columns:
            raise UserError(f"field {spec.name!r} is made from column {spec.column!r}, which is known only after the "
                            "impression and gives the labels away; drop it from the fields")


def _keep(items: Sequence[FieldSpec | TaskSpec], names: Sequence[str], what: str, where: str) -> tuple:
    place = {item.name: item for item in items}
    names = list(place) if list(names) == ["all"] else names
    for name in names:
        if name not in place:
            raise UserError(f"{what[:-1]} {name!r} is not in {where}; it has {', '.join(place)}"
                            f"{nearest(name, place)}")
    return tuple(place[name] for name in dict.fromkeys(names))

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
"""Preparing a data set by name: the one entry that programs and tests call."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import pkgutil
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import UserError, nearest
from ...files import read_json, read_yaml, write_json
from ...settings import ROOT
from ...typed import keys_of
from .. import sources
from ..prepared import INPUTS_FILE, PreparedData
from .options import DataOptions, SplitSpec, parse_options
from .pipeline import prepare_stage
from .place import Place
from .reuse import find_set
from .stage import Stage
from .write import PreparedWriter

# Every module of src/data/sources, each with DEFAULTS (its own options), inputs(raw_dir, options) -> files,
# stage(files, options, out); and DERIVED where it stages columns that are not in the raw files: name -> (raw column,
# Polars expression).
SOURCES = {module.name: f"{sources.__name__}.{module.name}" for module in pkgutil.iter_modules(sources.__path__)}

logger = logging.getLogger(__name__)


def prepare(dataset: str, raw_dir=None, data_dir=None, preset=None, overrides: Mapping[str, Any] | None = None,
            overwrite: bool = False) -> PreparedData:
    """Prepares a data set, or reuses the prepared one that the same files and settings gave before.

    Args:
        dataset: a name in ``SOURCES``.
        raw_dir: folder (or file) of the raw data; None for the sources that can fetch their own.
        data_dir: where to put the prepared set; default ``data/<dataset>`` below the project root.
        preset: YAML file whose ``data:`` mapping holds the options; default ``configs/<dataset>.yaml``.
        overrides: keys of that mapping to replace; also split_by, seed, tasks and fields as lists of names.
        overwrite: replace a prepared set, whatever it was made of.

    Returns:
        The opened prepared set.

    Raises:
        UserError: anything the user can correct, such as a set made with other settings that is in the way; what was
            at ``data_dir`` before is then untouched.
    """
    source = _source(dataset)
    raw_dir = None if raw_dir is None else Path(raw_dir)
    options = load_options(dataset, preset, overrides or {}, raw_dir)
    place = Place(ROOT / "data" / dataset if data_dir is None else data_dir)
    if raw_dir is not None and not raw_dir.exists() and dataset != "simulate":
        raise UserError(f"raw_dir {raw_dir} does not exist; expected the raw files of {dataset}")
    place.put_back()
    stands = place.holds_set()
    files = source.inputs(raw_dir, options)
    made_of = {"settings": json.loads(json.dumps(options.to_json())), "dataset": dataset,
               "files": [_describe(path) for path in files]}
    if stands and not overwrite:
        found = find_set(place, made_of)
        if found is not None:
            return found
    started = time.monotonic()
    with PreparedWriter(place) as writer:
        out = _open_stage(source, writer, made_of)
        source.stage(files, options, out)
        schema = prepare_stage(out, options, writer, dataset)
        for path in out.extras:
            shutil.copy(path, writer.folder)
        if out.folder.parent == writer.folder:
            out.remove()
        writer.commit(schema, {**made_of, "extras": [path.name for path in out.extras]})
        shutil.rmtree(out.folder, ignore_errors=True)
    seconds = time.monotonic() - started
    logger.info("prepared %s: %d rows, %d fields, %d tasks in %.1f s (%.0f rows/s)", place.name, out.rows,
                len(schema.fields), len(schema.tasks), seconds, out.rows / seconds)
    return PreparedData.open(place.folder, verify=False)


def _open_stage(source, writer: PreparedWriter, made_of: Mapping[str, Any]) -> Stage:
    """Returns where raw rows are staged: for a source that can go on after an interruption, a folder that outlives it.

    Such a folder is taken up again only if it was begun with the same files and settings.
    """
    if not getattr(source, "RESUMABLE", False):
        folder = writer.folder / "stage"
        folder.mkdir()
        return Stage(folder)
    folder = writer.place.hidden("staging")
    if (folder / INPUTS_FILE).is_file() and read_json(folder / INPUTS_FILE) == made_of:
        stage = Stage.resume(folder)
        logger.info("going on after %d rows that an interrupted preparation left", stage.rows)
        return stage
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_json(folder / INPUTS_FILE, made_of)
    return Stage(folder)


def load_options(dataset: str, preset, overrides: Mapping[str, Any], raw_dir: Path | None = None) -> DataOptions:
    """Reads the ``data:`` mapping of a preset and applies overrides.

    Raises:
        UserError: the preset is missing or malformed, or an override is unknown.
    """
    overrides, source = dict(overrides), _source(dataset)
    if dataset == "table":
        if "table" not in overrides:
            raise UserError("table is not given; expected a YAML file that describes the columns; see docs/DATASETS.md")
        path = Path(overrides.pop("table"))
        data = read_yaml(path)
    else:
        path = ROOT / "configs" / f"{dataset}.yaml" if preset is None else Path(preset)
        data = _read_data(path)
    chosen = {key: overrides.pop(key) for key in ("fields", "tasks") if key in overrides}
    where = str(path) if dataset == "table" else f"data of {path}"
    if isinstance(data, dict):
        data = _override(data, overrides, (*source.DEFAULTS, "min_count", "buckets", "keep_leaks"), dataset)
        if hasattr(source, "describe"):  # fields or tasks that depend on the raw files or on other options
            data = {**data, **source.describe(raw_dir, {**source.DEFAULTS, **data})}
    options = parse_options(data, source.DEFAULTS, f"{where} and the command line" if overrides else where)
    for key, names in chosen.items():
        known = (*getattr(options, key), *getattr(options, f"more_{key}"))
        options = replace(options, **{key: _keep(known, names, key, where)})
    _refuse_leakage(options, getattr(source, "LEAKAGE", ()))
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


def derived_columns(dataset: str) -> Mapping[str, tuple[str, Any]]:
    """Columns that a source makes itself: name -> the raw column it is made from, and the Polars expression.

    Raises:
        UserError: there is no such data set.
    """
    return getattr(_source(dataset), "DERIVED", {})


def _read_data(path: Path) -> dict[str, Any]:
    """Returns the ``data:`` mapping of a preset; its key ``same_as`` names a preset to start from."""
    data = read_yaml(path).get("data", {})
    if isinstance(data, dict) and "same_as" in data:
        return {**_read_data(path.with_name(f"{data['same_as']}.yaml")),
                **{key: value for key, value in data.items() if key != "same_as"}}
    return data


def _source(dataset: str):
    if dataset not in SOURCES:
        raise UserError(f"dataset is {dataset!r}; expected one of {', '.join(SOURCES)}{nearest(dataset, SOURCES)}")
    return importlib.import_module(SOURCES[dataset])


def _refuse_leakage(options: DataOptions, columns) -> None:
    for spec in options.fields:
        if spec.column in columns:
            raise UserError(f"field {spec.name!r} is made from column {spec.column!r}, which is known only after the "
                            "impression and gives the labels away; drop it from the fields")


def _keep(items, names: Sequence[str], what: str, where: str):
    place = {item.name: item for item in items}
    names = list(place) if list(names) == ["all"] else names
    for name in names:
        if name not in place:
            raise UserError(f"{what[:-1]} {name!r} is not in {where}; it has {', '.join(place)}"
                            f"{nearest(name, place)}")
    return tuple(place[name] for name in dict.fromkeys(names))


def _describe(path: Path) -> dict[str, Any]:
    state = path.stat()
    return {"name": path.name, "bytes": state.st_size, "changed": state.st_mtime_ns, "ends": _hash_of_ends(path)}


def _hash_of_ends(path: Path, size: int = 1 << 16) -> str | None:
    """SHA-256 of the first and the last bytes of a file: some changes leave its size and time alone."""
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read(size))
        file.seek(max(0, path.stat().st_size - size))
        digest.update(file.read(size))
    return digest.hexdigest()

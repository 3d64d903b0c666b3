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
"""Whether a prepared set is the one that is asked for: made of the same raw files with the same settings."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...common.errors import UserError
from ...common.files import read_json
from ..description.options import DataOptions
from ..prepared import INPUTS_FILE, PreparedData
from .place import Place

_MOST_NAMED = 4

LOG = logging.getLogger(__name__)


def describe_origin(dataset: str, options: DataOptions, files: Sequence[Path]) -> dict[str, Any]:
    """Returns what a set is made of, as inputs.json keeps it."""
    return {"settings": json.loads(json.dumps(options.to_json())), "dataset": dataset,
            "files": [_describe_file(path) for path in files]}


def find_set(place: Place, made_of: Mapping[str, Any]) -> PreparedData | None:
    """Returns the set at a place, or None where it is the one asked for, but damaged: it is then made again.

    Args:
        place: where a set is.
        made_of: the name of the data set, its settings and its raw files, as in inputs.json.

    Raises:
        UserError: it was made of something else.
    """
    if not (place.folder / INPUTS_FILE).is_file():
        raise UserError(f"data_dir {place.name} holds a set that does not say what it was made of; --overwrite "
                        "replaces it")
    held = read_json(place.folder / INPUTS_FILE)
    changes = _changes(held, made_of)
    if changes:
        more = [f"{len(changes) - _MOST_NAMED} more"] if len(changes) > _MOST_NAMED else []
        raise UserError(f"data_dir {place.name} holds a set made {_of_what(held, made_of)} "
                        f"({', '.join(changes[:_MOST_NAMED] + more)}); --overwrite replaces it; to keep both, choose "
                        "another --data_dir")
    try:
        found = PreparedData.open(place.folder)
        LOG.info("data_dir %s is already prepared with these settings; use --overwrite to prepare it again",
                    place.name)
        return found
    except UserError as error:
        LOG.warning("%s; preparing it again", error)
        return None


def _of_what(held: Any, wanted: Mapping[str, Any]) -> str:
    same = isinstance(held, dict) and all(_flat(held.get(key)) == _flat(wanted[key]) for key in ("dataset", "settings"))
    return "of other raw files" if same else "with other settings"


def _changes(held: Any, wanted: Mapping[str, Any]) -> list[str]:
    """What differs, each such as "split seed 1 -> 2" or "files data.csv changed"."""
    keys = ("dataset", "settings", "files")
    before, after = (_flat({key: value.get(key) for key in keys} if isinstance(value, dict) else {})
                     for value in (held, wanted))
    changes = {}
    for path in dict.fromkeys([*before, *after]):
        old, new = (values.get(path, "none") for values in (before, after))
        if old != new and not (path[-1] == "ends" and "none" in (old, new)):  # earlier versions did not write it
            item = path[:-1]  # what is in a list by name, if its name is a leaf, too
            there, wanted_too = ((*item, "name") in values for values in (before, after))
            if there != wanted_too or (there and path[-1] in ("bytes", "changed", "ends")):
                path, change = item, "changed" if there and wanted_too else "dropped" if there else "added"
            else:
                change = f"{old} -> {new}"
            changes.setdefault(" ".join(word for word in path if word != "settings"), change)
    return [f"{name} {change}" for name, change in changes.items()]


def _flat(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every leaf by its path; items of a list that have a name by that, and null as if the key was not there."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        items = ((item["name"], {**item, "place": place}) for place, item in enumerate(value))
    else:
        return {} if value is None else {path: value}
    return {leaf: held for key, item in items for leaf, held in _flat(item, (*path, str(key))).items()}


def _describe_file(path: Path) -> dict[str, Any]:
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

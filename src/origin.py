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
"""What a run is made of: its settings, its data set, its selection.

Checkpoints and metrics.json carry this record, so that those of another run are noticed. Everything is compared by
content, never by path: a run folder or a data set may be moved or copied. No MindSpore.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .schema import Selection
from .settings import defaults

# Settings that may differ when a run is continued.
SAME_RUN = ("progress", "report", "output_dir", "run_name", "device_id", "verify_data", "data_dir", "summary",
            "tracker")


def make_origin(settings: Mapping[str, Any], data: str | None, selection: Selection | None) -> dict[str, Any]:
    """The record of what a run is made of.

    Args:
        settings: the run's settings, as in config.yaml.
        data: SHA-256 of the data set's schema.json, or None where it is not known.
        selection: the run's selection, or None before it is made.
    """
    return {"settings": {key: value for key, value in settings.items() if key not in SAME_RUN}, "data": data,
            "selection": None if selection is None else selection_hash(selection)}


def selection_hash(selection: Selection) -> str:
    """SHA-256 of what decides the network: tasks, fields, the fields that each task keeps, the shared ones.

    The order of the kept fields does not count: inputs follow the order of the data set's fields.
    """
    content = [list(selection.tasks), list(selection.fields),
               [sorted(selection.selected[task]) for task in selection.tasks], sorted(selection.shared)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def difference(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> str:
    """In what a record read from a file differs from this run's, in words; "" if both are of one run.

    A part that one of them lacks is not compared.
    """
    try:
        parts = [f"its {key} is {old}, this run's {new}"
                 for key, old, new in _changes(theirs["settings"], mine["settings"])[:3]]
        for key, words in (("data", "it was made of another data set"), ("selection", "it has another selection")):
            if theirs[key] and mine[key] and theirs[key] != mine[key]:
                parts.append(words)
    except (KeyError, TypeError):
        return "its record of the run it belongs to is damaged"
    return "; ".join(parts)


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first settings that make another run of ``now`` than of ``before``, as "key old -> new"; "" for none."""
    return ", ".join(f"{key} {old} -> {new}" for key, old, new in _changes(before, now)[:3])


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Settings that differ. One that is missing was not there yet: it had what is now its default."""
    standard = defaults()
    before, now = {**standard, **before}, {**standard, **now}
    return [(key, before[key], now[key]) for key in standard if key not in SAME_RUN and before[key] != now[key]]

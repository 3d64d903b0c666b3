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
"""A simulated KuaiRand-Pure: raw files in its layout with a planted truth, then read as the real ones are."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...common.errors import UserError
from ...common.files import read_json, write_json
from ...common.home import HOME
from ..description.options import DataOptions
from ..simulation.columns import COLUMNS, USERS, VIDEOS
from ..simulation.generate import RAW_FILES, Simulation, write_raw
from ..simulation.laws import Plan, draw_plan, find_law, law_tasks
from ..staging.stage import Stage
from . import kuairand

DEFAULTS = {**kuairand.DEFAULTS, "rows": 200_000, "law": "mix", "entities": "auto"}
DERIVED, LEAKAGE = kuairand.DERIVED, kuairand.LEAKAGE
GENERATED = True
TRUTH = "truth.json"
_UNIQUE_UP_TO = 1_000_000

LOG = logging.getLogger(__name__)


def describe(raw_dir: Path | None, source: Mapping[str, object]) -> dict:
    """Returns the tasks the law plants."""
    return {"tasks": [{"name": task, "label": f"is_{task}"} for task in law_tasks(source["law"])], "more_tasks": []}


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Writes the raw files unless the same ones are there, and returns them.

    Raises:
        UserError: an option is wrong, or ``raw_dir`` holds something else.
    """
    settings = _settings(options)
    if raw_dir is None:
        raw_dir = HOME / "downloads" / "simulate-{law}-{rows}-{seed}-{entities}".format(**settings)
    if (raw_dir / TRUTH).is_file():
        truth = read_json(raw_dir / TRUTH)
        held = truth.get("settings") if isinstance(truth, dict) else None
        if held != settings:
            raise UserError(f"raw_dir {raw_dir} holds another simulation ({held}; asked for: {settings}); delete it, "
                            "or choose another --raw_dir")
        LOG.info("raw_dir %s already holds this simulation", raw_dir)
    else:
        _write(raw_dir, settings)
    return [*kuairand.inputs(raw_dir, options), raw_dir / TRUTH]


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages the simulated files as KuaiRand's, and keeps the truth with the prepared set."""
    kuairand.stage([path for path in files if path.name != TRUTH], options, out)
    out.extras.append(files[-1])


def _settings(options: DataOptions) -> dict:
    source = options.source
    rows, entities = source["rows"], source["entities"]
    find_law(source["law"])
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 100:
        raise UserError(f"rows is {rows!r}; expected a whole number of at least 100")
    if entities == "auto":
        entities = "unique" if rows <= _UNIQUE_UP_TO else "real"
    if entities not in ("unique", "real"):
        raise UserError(f"entities is {entities!r}; expected auto, unique or real")
    return {"law": source["law"], "rows": rows, "seed": options.split.seed, "entities": entities}


def _write(raw_dir: Path, settings: dict) -> None:
    """Writes into a hidden folder inside ``raw_dir`` and moves the files up when all are complete, the truth last."""
    raw_dir.mkdir(parents=True, exist_ok=True)
    folder = raw_dir / ".simulating"
    interrupted = folder.is_dir()  # a process that was killed may have moved some files
    for path in raw_dir.iterdir():
        if path != folder and not (interrupted and path.name in RAW_FILES):
            raise UserError(f"raw_dir {raw_dir} holds other files ({path.name}); expected a new or empty folder for "
                            "the simulation")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        plan = draw_plan(settings["law"], settings["seed"])
        unique = settings["entities"] == "unique"
        sizes = (settings["rows"],) * 2 if unique else (USERS, VIDEOS)
        facts = write_raw(Simulation(plan, *sizes, unique, settings["seed"]), settings["rows"], folder)
        write_json(folder / TRUTH, _truth(plan, settings, facts))
        for name in (*RAW_FILES, TRUTH):
            os.replace(folder / name, raw_dir / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    LOG.info("simulated %d rows by law %s into %s", settings["rows"], settings["law"], raw_dir)


def _truth(plan: Plan, settings: dict, facts: dict) -> dict:
    acting = {name for task in plan.tasks for name in plan.relevant(task)}
    return {
        **{task: plan.relevant(task) for task in plan.tasks},
        "pairs": {task: [list(pair) for pair in plan.pairs[task]] for task in plan.tasks},
        "copies": plan.copies,
        "correlated": plan.groups,
        "noise": [column.name for column in COLUMNS
                  if column.name not in acting and column.name not in plan.copies and column.name not in plan.groups],
        "settings": settings, **facts,
        "formula": "src/data/simulation/laws.py says how labels depend on fields",
    }

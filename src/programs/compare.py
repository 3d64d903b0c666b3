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
"""Run a grid of data sets, backbones, selectors, numbers of fields and seeds; the paper's experiments are such grids.

    python compare.py --experiment table3 --datasets movielens --workers 2     # one of src/experiments/paper/paper.yaml
    python compare.py --datasets adult --backbones mmoe,ple --methods none,multisfs-calibrated --seeds 3
    python compare.py --sweep keep_ratio=0.3,0.5,0.7 --datasets adult          # how many fields, by validation
    python compare.py --sweep learning_rate=1e-4..1e-2:log --sweep experts=2..8 --trials 20 --seeds 2    # with Optuna
    python compare.py --help

The same command resumes where an interrupted one stopped; several of them, on hosts that share output_dir, divide
the runs among themselves.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from ..command_line import parse, start_logging
from ..common.errors import Interrupted, UserError
from ..common.home import HOME, as_started
from ..common.option import Option
from ..settings import load_settings
from . import preprocess, train

LOG = logging.getLogger("compare")
OPTIONS = (
    Option("experiment", (), "experiments of src/experiments/paper/paper.yaml, as table3, or all", "names"),
    Option("datasets", ("movielens",), "prepared sets", "names", aliases=("dataset",)),
    Option("backbones", (), "networks (default: mmoe, or those of the experiment)", "names", aliases=("backbone",)),
    Option("methods", (), "ways to choose fields: none, or their names in src/experiments/paper/paper.yaml", "names",
           aliases=("selectors",)),
    Option("keep_ratios", (), "shares of the fields that every task keeps (default: 0.5)", "names",
           aliases=("keep_ratio",)),
    Option("tasks", (), "sets of tasks, as like+love,like (default: all of a data set)", "names"),
    Option("seeds", (), "runs of every kind: a number of them, with seeds 1, 2, ..., or the seeds, as 7,8,9 (default: "
           "5 runs, or as many as the experiment has)", "wholes", limits={"min": 1}),
    Option("sweep", (), "keep_ratio=0.3,0.5,0.7: how many fields suffice on the validation split; keep_ratio=auto "
           "tries numbers around the score's chance level. Or ranges of any settings, for Optuna to search: "
           "learning_rate=1e-4..1e-2:log,experts=2..8,tower_dims=64+32,32", "names"),
    Option("trials", 20, "sweep of ranges: how many values to try, with those of earlier calls", "whole",
           limits={"min": 1}),
    Option("workers", 1, "runs at a time, which share the cores", "whole", limits={"min": 1}),
    Option("output_dir", str(HOME / "outputs" / "compare"), "where run folders and tables go", "path"),
    Option("data_root", str(HOME / "data"), "folder of the prepared data sets", "path"),
    Option("dry_run", False, "list the runs and make none", "flag"),
    Option("tables_only", False, "make no run; tables and pictures of those that are finished", "flag"),
)
AXES = ("backbones", "methods", "keep_ratios", "tasks", "seeds")
OF_A_CELL = ("dataset", "data_dir", "backbone", "selector", "selection", "score", "relation", "keep_ratio", "seed",
             "run_name")


def main(arguments: list[str]) -> None:
    """Makes all runs of a grid and shows their tables.

    Raises:
        UserError: an axis or a setting is wrong.
        SystemExit: 1, when a run has failed; its cause is printed, and all else is done.
    """
    given = parse(arguments, __doc__, OPTIONS, settings=True)
    check_settings(given.settings)
    from ..experiments import read_plan
    from ..experiments.campaign import Campaign
    from ..experiments.search import read_space

    start_logging()
    signal.signal(signal.SIGTERM, _stop)
    plan = read_plan(Path(given.data_root))
    campaign = Campaign(plan, Path(given.output_dir), train.main, preprocess.main, given.workers)
    grids = choose_grids(given, plan)
    if given.dry_run:
        for cell in campaign.cells(grids.values()):
            print(as_started("python train.py"), *cell.command(campaign.output_dir))
        return
    if not given.tables_only:
        # Loaded once, here: the forked runs find it in memory.
        from .. import workflow  # noqa: F401  pylint: disable=unused-import
    if given.sweep:
        space = None if only_keep_ratio(given.sweep) else read_space(given.sweep)
        missing = sweep(campaign, grids["compare"], space, given.trials)
    else:
        missing = compare(campaign, grids, given.tables_only)
    for name, reason in missing.items():
        LOG.warning("no result: %s: %s", name, reason)
    if missing:
        raise SystemExit(1)


def check_settings(settings: Sequence[str]) -> None:
    """Refuses settings that are unknown, or that differ from run to run.

    Raises:
        UserError: one is.
    """
    for key in (setting.partition("=")[0] for setting in settings):
        if key in OF_A_CELL:
            raise UserError(f"{key} differs from run to run of a grid; see python compare.py --help for its axes")
    load_settings(settings)


def choose_grids(given: SimpleNamespace, plan) -> dict:
    """The grids to run, by the name under which their tables are written.

    Raises:
        UserError: an experiment or a value of an axis is unknown.
    """
    axes = {axis: tuple(getattr(given, axis)) for axis in AXES if getattr(given, axis)}
    changes = {**axes, "settings": tuple(given.settings)}
    if "tasks" in axes:
        changes["tasks"] = tuple(tasks.replace("+", ",") for tasks in axes["tasks"])
    if len(axes.get("seeds", ())) == 1:
        changes["seeds"] = axes["seeds"][0]  # a number of seeds
    if given.sweep:
        changes.update(sweep_changes(given, changes))
    wanted = list(plan.experiments) if list(given.experiment) == ["all"] else given.experiment
    if wanted and not given.sweep:
        return {name: plan.experiment(name, given.datasets, **changes) for name in wanted}
    return {"compare": plan.grid(**{"methods": ("none", "multisfs-calibrated"), "datasets": tuple(given.datasets),
                                    **changes})}


def only_keep_ratio(sweep_words: Sequence[str]) -> bool:
    """Whether a sweep is of how many fields suffice, which needs no search."""
    first, *others = sweep_words
    return first.startswith("keep_ratio=") and ".." not in first and not any("=" in word for word in others)


def sweep_changes(given: SimpleNamespace, axes: Mapping) -> dict:
    """What a sweep changes of the grid.

    Raises:
        UserError: a range is wrong, or the grid has several shares of the fields besides.
    """
    from ..experiments.search import read_space

    if only_keep_ratio(given.sweep):
        return {"keep_ratios": (given.sweep[0].partition("=")[2], *given.sweep[1:])}
    searched = [item.key for item in read_space(given.sweep)]
    set_too = [key for key in (word.partition("=")[0] for word in given.settings) if key in searched]
    if set_too:
        raise UserError(f"{set_too[0]} is given, and is in sweep, too; leave one of them out")
    if len(axes.get("keep_ratios", ())) > 1:
        raise UserError("a sweep of ranges takes one of keep_ratios; write it as a range: --sweep keep_ratio=0.3..0.7")
    return {"methods": axes.get("methods", ("multisfs-calibrated",))}


def compare(campaign, grids: dict, tables_only: bool) -> dict[str, str]:
    """Makes the runs of all grids and prints their tables; returns the runs without a result, and why."""
    missing = {} if tables_only else campaign.make_runs(campaign.cells(grids.values()), grids.values())
    print(campaign.tables(grids))
    print(f"\ntables and pictures: {campaign.output_dir / 'results'}")
    return missing


def sweep(campaign, grid, space, trials: int) -> dict[str, str]:
    """Finds how many fields suffice, or the best of a space; prints it; returns the runs without a result, and why."""
    missing: dict[str, str] = {}
    for lacking, text in campaign.sweep(grid) if space is None else campaign.search(grid, space, trials):
        missing.update(lacking)
        if text:
            print(text)
    return missing


def _stop(number: int, _frame) -> None:
    raise Interrupted(number)

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

    python compare.py --experiment table3 --datasets movielens --workers 2     # one of src/experiments/paper.yaml
    python compare.py --datasets adult --backbones mmoe,ple --methods none,multisfs-calibrated --seeds 3
    python compare.py --sweep keep_ratio=0.3,0.5,0.7 --datasets adult          # how many fields, by validation
    python compare.py --help

The same command goes on where an interrupted one has stopped; several of them, on hosts that share output_dir, divide
the runs among themselves.
"""

from __future__ import annotations

import argparse
import logging
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import preprocess
import train
from src.command_line import Parser, names
from src.data import PreparedData
from src.errors import Interrupted, UserError, run_program
from src.experiments import Cell, Grid, Plan, read_plan, read_records, run_cells
from src.experiments.results import show_experiment
from src.experiments.sweep import choose_fields, curves, shares_around_chance, sweep_table
from src.files import write_json, write_text
from src.programs import start_logging
from src.run import RunFolder
from src.schema import Selection
from src.settings import ROOT, load_settings, parse_arguments

LOG = logging.getLogger("compare")
AXES = ("datasets", "backbones", "methods", "keep_ratios", "tasks")
OF_A_CELL = ("dataset", "data_dir", "backbone", "selector", "selection", "score", "relation", "keep_ratio", "seed",
             "run_name")


def main(arguments: list[str]) -> None:
    """The whole story of a grid.

    Raises:
        UserError: an axis or a setting is wrong.
        SystemExit: 1, when a run has failed; its cause is printed, and all else is done.
    """
    start_logging()
    signal.signal(signal.SIGTERM, _stop)
    options, settings = parse(arguments)
    plan = read_plan(options.data_root)
    if options.sweep:
        missing = sweep(options, settings, plan)
    else:
        grids = choose_grids(options, settings, plan)
        cells = list(dict.fromkeys(cell for grid in grids.values() for cell in plan.cells(grid)))
        missing = {} if options.tables_only else make_runs(cells, grids.values(), options, plan)
        show(grids, options.output_dir, plan)
    for name, reason in missing.items():
        LOG.warning("no result: %s: %s", name, reason)
    if missing:
        raise SystemExit(1)


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options of this program, and the settings KEY=VALUE that all of its runs share."""
    parser = Parser(prog="compare.py", description=__doc__.splitlines()[0], allow_abbrev=False,
                               epilog="Settings of train.py, as --KEY VALUE or KEY=VALUE, hold for all runs.")
    add = parser.add_argument
    add("--experiment", type=names, default=[], help="experiments of src/experiments/paper.yaml, as table3, or all")
    add("--datasets", "--dataset", type=names, default=["movielens"], help="prepared sets (default: movielens)")
    add("--backbones", "--backbone", type=names, help="networks (default: mmoe, or those of the experiment)")
    add("--methods", "--selectors", type=names,
        help="ways to choose fields: none, or their names in src/experiments/paper.yaml")
    add("--keep_ratios", "--keep_ratio", type=names, help="shares of the fields that every task keeps (default: 0.5)")
    add("--tasks", type=_task_sets, help="sets of tasks, as like+love,like (default: all of a data set)")
    add("--seeds", type=_seeds, help="runs of every kind: a number of them, with seeds 1, 2, ..., or the seeds, as "
        "7,8,9 (default: 5 runs, or as many as the experiment has)")
    add("--sweep", default="", help="keep_ratio=0.3,0.5,0.7: how many fields suffice on the validation split; "
        "keep_ratio=auto tries numbers around the score's chance level")
    add("--workers", type=_count, default=1, help="runs at a time, which share the cores (default: 1)")
    add("--output_dir", type=Path, default=ROOT / "outputs" / "compare", help="default: outputs/compare")
    add("--data_root", type=Path, default=ROOT / "data", help="folder of the prepared data sets (default: data)")
    add("--dry_run", action="store_true", help="list the runs and make none")
    add("--tables_only", action="store_true", help="make no run; tables and pictures of those that are finished")
    options, rest = parser.parse_known_args(list(arguments))
    settings = [f"{key}={text}" for key, text in parse_arguments(rest).items()]
    for setting in settings:
        key = setting.partition("=")[0]
        if key in OF_A_CELL:
            raise UserError(f"{key} differs from run to run of a grid; see python compare.py --help for its axes")
    load_settings(settings)  # refuses unknown keys here, once
    return options, settings


def choose_grids(options: argparse.Namespace, settings: list[str], plan: Plan) -> dict[str, Grid]:
    """The grids to run, by the name under which their tables are written.

    Raises:
        UserError: an experiment or a value of an axis is unknown.
    """
    changes = {axis: tuple(getattr(options, axis)) for axis in AXES[1:] if getattr(options, axis)}
    changes.update({"seeds": options.seeds} if options.seeds else {}, settings=tuple(settings))
    wanted = list(plan.experiments) if options.experiment == ["all"] else options.experiment
    if not wanted:
        changes.setdefault("methods", ("none", "multisfs-calibrated"))
        return {"compare": plan.checked(Grid(**{"datasets": tuple(options.datasets), **changes}))}
    return {name: plan.experiment(name, options.datasets, **changes) for name in wanted}


def make_runs(cells: Sequence[Cell], grids, options: argparse.Namespace, plan: Plan) -> dict[str, str]:
    """Prepares the data sets that can be made here, then makes the runs; returns those that have no result, and why."""
    if options.dry_run:
        print("\n".join(" ".join(["python train.py", *cell.command(options.output_dir)]) for cell in cells))
        raise SystemExit(0)
    for name in dict.fromkeys(name for grid in grids for name, _ in grid.where):
        prepare_set(name, plan)
    return run_cells(cells, options.output_dir, train.main, options.workers)


def prepare_set(name: str, plan: Plan) -> None:
    """Prepares a data set of the plan, unless it is there.

    Raises:
        UserError: it needs files of the user's.
    """
    about, path = plan.datasets.get(name, {}), plan.data_path(name)
    if (path / "schema.json").exists():
        return
    dataset = about.get("dataset", name)
    if "prepare" not in about:
        options = " ".join(["--raw_dir DIR", *about.get("raw", [])])
        raise UserError(f"{path} is not prepared; python preprocess.py --dataset {dataset} {options} prepares it from "
                        "its raw files (docs/DATASETS.md)")
    preprocess.main(["--dataset", dataset, *about["prepare"], "--data_dir", str(path)])


def show(grids: dict[str, Grid], output_dir: Path, plan: Plan) -> None:
    """Prints the tables of every grid and writes them, with the pictures, to ``results`` in the output folder."""
    parts = []
    for name, grid in grids.items():
        records = read_records(plan.cells(grid), output_dir)
        parts.append(show_experiment(name, grid, records, plan, output_dir / "results"))
    write_text(output_dir / "results" / "results.md", "\n\n".join(parts) + "\n")
    print("\n\n".join(parts))
    print(f"\ntables and pictures: {output_dir / 'results'}")


def sweep(options: argparse.Namespace, settings: list[str], plan: Plan) -> dict[str, str]:
    """Finds how many fields suffice for every data set, backbone and method; writes a selection.json for each."""
    key, _, values = options.sweep.partition("=")
    if key != "keep_ratio" or not values:
        raise UserError(f"sweep is {options.sweep!r}; expected keep_ratio=0.3,0.5,0.7 or keep_ratio=auto")
    missing: dict[str, str] = {}
    options.experiment, options.keep_ratios = [], names(values)
    grid = choose_grids(options, settings, plan)["compare"]
    for dataset in grid.datasets:
        for backbone in grid.backbones:
            for method in (method for method in grid.methods if plan.methods[method].get("selector") != "none"):
                one = replace(grid, datasets=(dataset,), backbones=(backbone,), methods=(method,))
                missing.update(_sweep_one(one, options, plan))
    return missing


def _sweep_one(grid: Grid, options: argparse.Namespace, plan: Plan) -> dict[str, str]:
    output_dir = options.output_dir
    if grid.keep_ratios == ("auto",):
        first = plan.cells(replace(grid, seeds=grid.seed_list[:1]))
        missing = make_runs(first, [grid], options, plan)
        if missing:
            return missing
        kept = _selection(first[0], output_dir)
        grid = replace(grid, keep_ratios=tuple(shares_around_chance(kept.scores, kept.settings["chance"])))
    cells = plan.cells(grid)
    missing = make_runs(cells, [grid], options, plan)
    records = read_records(cells, output_dir)
    if missing or not records:
        return missing
    found = curves(records)
    name = f"{grid.datasets[0]}-{grid.backbones[0]}-{grid.methods[0]}"
    fields = len(PreparedData.open(plan.data_path(grid.datasets[0]), verify=False).schema.fields)
    table = sweep_table(name, found, fields)
    first = [cell for cell in cells if cell.seed == grid.seed_list[0]]
    chosen = choose_fields({float(cell.keep): _selection(cell, output_dir) for cell in first}, found)
    path = output_dir / "results" / f"sweep-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path.with_suffix(".md"), f"{name}\n\n{table.markdown()}\n")
    write_json(path, chosen.to_json())
    print(f"{name}\n\n{table.markdown()}\n\nfields per task: {chosen.k}; train with them: python train.py "
          f"--dataset {plan.datasets.get(grid.datasets[0], {}).get('dataset', grid.datasets[0])} "
          f"--data_dir {plan.data_path(grid.datasets[0])} --selection {path}")
    return {}


def _selection(cell: Cell, output_dir: Path) -> Selection:
    return RunFolder(output_dir / cell.name).read_selection()


def _task_sets(text: str) -> list[str]:
    return [one.replace("+", ",") for one in names(text)]


def _seeds(text: str) -> int | tuple[int, ...]:
    if "," not in text:
        return _count(text)
    if not all(one.strip().isdigit() for one in text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers such as 7,8,9")
    return tuple(int(one) for one in text.split(","))


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _stop(number: int, _frame) -> None:
    raise Interrupted(number)


if __name__ == "__main__":
    run_program(main)

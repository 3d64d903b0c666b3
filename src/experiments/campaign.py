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
"""Making the runs of grids, and finding how many fields suffice. No MindSpore: a run is a function it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..common.errors import UserError
from ..common.files import write_json, write_text
from ..common.home import as_started
from ..data import PreparedData
from ..run import RunFolder
from ..schema import Selection
from .grid import Cell, Grid, Plan
from .pool import run_cells
from .records import read_records
from .results import show_experiment
from .search import Range, search, search_table, words_of, write_best
from .sweep import choose_fields, curves, shares_around_chance, sweep_table


@dataclass(frozen=True)
class Campaign:
    """Where and how the runs of grids are made.

    Attributes:
        plan: methods, data sets and experiments.
        output_dir: where run folders, tables and pictures go.
        train: main function of the program that makes a run.
        preprocess: main function of the program that prepares a data set.
        workers: runs at a time.
    """

    plan: Plan
    output_dir: Path
    train: Callable[[list[str]], None]
    preprocess: Callable[[list[str]], None]
    workers: int = 1

    def cells(self, grids: Iterable[Grid]) -> list[Cell]:
        """The runs of some grids, none twice."""
        return list(dict.fromkeys(cell for grid in grids for cell in self.plan.cells(grid)))

    def make_runs(self, cells: Sequence[Cell], grids: Iterable[Grid]) -> dict[str, str]:
        """Prepares the data sets that can be made here, makes the runs; returns those without a result, and why."""
        for name in dict.fromkeys(name for grid in grids for name, _ in grid.where):
            self._prepare(name)
        return run_cells(cells, self.output_dir, self.train, self.workers)

    def _prepare(self, name: str) -> None:
        """Prepares a data set of the plan, unless it is there.

        Raises:
            UserError: it needs files of the user's.
        """
        about, path = self.plan.datasets.get(name, {}), self.plan.data_path(name)
        if (path / "schema.json").exists():
            return
        dataset = about.get("dataset", name)
        if "prepare" not in about:
            options = " ".join(["--raw_dir DIR", *about.get("raw", [])])
            raise UserError(f"{path} is not prepared; python preprocess.py --dataset {dataset} {options} prepares it "
                            "from its raw files (docs/DATASETS.md)")
        self.preprocess(["--dataset", dataset, *about["prepare"], "--data_dir", str(path)])

    def tables(self, grids: dict[str, Grid]) -> str:
        """The tables of every grid; written, with the pictures, to ``results`` in the output folder, too."""
        results = self.output_dir / "results"
        text = "\n\n".join(show_experiment(name, grid, read_records(self.plan.cells(grid), self.output_dir), self.plan,
                                           results) for name, grid in grids.items())
        write_text(results / "results.md", text + "\n")
        return text

    def sweep(self, grid: Grid) -> Iterator[tuple[dict[str, str], str]]:
        """Finds how many fields suffice for every data set, backbone and method of a grid; writes a selection.json.

        Yields:
            the runs without a result, and why; and what came out, as text ("" if a run is missing).
        """
        for dataset in grid.datasets:
            for backbone in grid.backbones:
                for method in grid.methods:
                    if self.plan.methods[method].get("selector") != "none":
                        yield self._sweep_one(replace(grid, datasets=(dataset,), backbones=(backbone,),
                                                      methods=(method,)))

    def _sweep_one(self, grid: Grid) -> tuple[dict[str, str], str]:
        if grid.keep_ratios == ("auto",):
            first = self.plan.cells(replace(grid, seeds=grid.seed_list[:1]))
            missing = self.make_runs(first, [grid])
            if missing:
                return missing, ""
            kept = self._selection(first[0])
            grid = replace(grid, keep_ratios=tuple(shares_around_chance(kept.scores, kept.settings["chance"])))
        cells = self.plan.cells(grid)
        missing = self.make_runs(cells, [grid])
        records = read_records(cells, self.output_dir)
        if missing or not records:
            return missing, ""
        return {}, self._choose(grid, [cell for cell in cells if cell.seed == grid.seed_list[0]], curves(records))

    def _choose(self, grid: Grid, first: Sequence[Cell], found) -> str:
        """Writes the table of a sweep and the selection that it gives."""
        dataset, data_path = grid.datasets[0], self.plan.data_path(grid.datasets[0])
        name = f"{dataset}-{grid.backbones[0]}-{grid.methods[0]}"
        fields = len(PreparedData.open(data_path, verify=False).schema.fields)
        table = sweep_table(name, found, fields).markdown()
        chosen = choose_fields({float(cell.keep): self._selection(cell) for cell in first}, found)
        path = self.output_dir / "results" / f"sweep-{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path.with_suffix(".md"), f"{name}\n\n{table}\n")
        write_json(path, chosen.to_json())
        about = self.plan.datasets.get(dataset, {})
        return (f"{name}\n\n{table}\n\nfields per task: {chosen.k}; train with them: "
                f"{as_started('python train.py')} --dataset {about.get('dataset', dataset)} --data_dir {data_path} "
                f"--selection {path}")

    def search(self, grid: Grid, space: Sequence[Range], trials: int) -> Iterator[tuple[dict[str, str], str]]:
        """Searches settings for every data set, backbone and method of a grid; yields as :meth:`sweep` does."""
        for dataset in grid.datasets:
            self._prepare(dataset)
            for backbone in grid.backbones:
                for method in grid.methods:
                    one = replace(grid, datasets=(dataset,), backbones=(backbone,), methods=(method,))
                    yield {}, self._search_one(one, space, trials)

    def _search_one(self, grid: Grid, space: Sequence[Range], trials: int) -> str:
        name = f"{grid.datasets[0]}-{grid.backbones[0]}-{grid.methods[0]}"

        def cells_of(values: Mapping[str, Any]) -> list[Cell]:
            return self.plan.cells(replace(grid, settings=(*grid.settings, *words_of(values))))

        def measure(values: Mapping[str, Any], folder: Path) -> list[float]:
            cells = cells_of(values)
            missing = run_cells(cells, folder, self.train, self.workers)
            aucs = [record["valid_mean_auc"] for record in read_records(cells, folder)]
            if missing or None in aucs:
                raise UserError("; ".join(missing.values()) or "a task has one class in the validation split")
            return aucs

        data = PreparedData.open(self.plan.data_path(grid.datasets[0]), verify=False).fingerprint
        made_of = [grid.settings, grid.seed_list, grid.keep_ratios, grid.tasks, data]
        found = search(space, self.output_dir / f"sweep-{name}", trials, made_of, measure)
        if not found:
            return f"{name}: no trial has a result"
        table, path = search_table(found).markdown(), self.output_dir / "results" / f"sweep-{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path.with_suffix(".md"), f"{name}\n\n{table}\n")
        write_best(found[0][0], path)
        command = " ".join([as_started("python train.py"), *cells_of(found[0][0])[0].arguments])
        return f"{name}\n\n{table}\n\nthe best settings are in {path}; train with them: {command}"

    def _selection(self, cell: Cell) -> Selection:
        return RunFolder(self.output_dir / cell.name).read_selection()

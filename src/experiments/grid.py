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
"""Which runs an experiment is made of: data sets x backbones x selectors x numbers of fields x seeds. No MindSpore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from ..common.errors import UserError, nearest
from ..common.home import HOME
from ..settings import Settings, choices, load_settings, read_yaml

PLAN_FILE = Path(__file__).with_name("paper") / "paper.yaml"
PAPER_SEEDS = 10  # section 4.1.5


@dataclass(frozen=True)
class Cell:
    """One run of a grid. Two cells with one name are one run, which several experiments may show."""

    dataset: str
    backbone: str
    method: str
    keep: str  # keep_ratio; "1" for all fields
    seed: int
    tasks: str = "auto"
    arguments: tuple[str, ...] = field(default=(), compare=False)  # of train.py, but for its run folder

    @property
    def name(self) -> str:
        """Name of its run folder."""
        tasks = "" if self.tasks == "auto" else f"-{self.tasks.replace(',', '+')}"
        return f"{self.dataset}{tasks}-{self.backbone}-{self.method}-k{self.keep}-s{self.seed}"

    def config(self, output_dir: Path) -> Settings:
        """The settings of its run.

        Raises:
            UserError: a setting is unknown or wrong.
        """
        return load_settings(self.command(output_dir))

    def command(self, output_dir: Path) -> list[str]:
        """Arguments of train.py."""
        return [*self.arguments, f"run_name={self.name}", f"output_dir={output_dir}"]


@dataclass(frozen=True)
class Grid:
    """The axes of an experiment; ``settings`` (KEY=VALUE) are common to all of its cells."""

    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    backbones: tuple[str, ...] = ("mmoe",)
    keep_ratios: tuple[str, ...] = ("0.5",)
    seeds: int | tuple[int, ...] | None = 5  # a number of them, 1, 2, ...; or which; None: as many as a data set has
    tasks: tuple[str, ...] = ("auto",)
    settings: tuple[str, ...] = ()
    title: str = ""
    show: str = "results"  # a layout of results.py
    ours: tuple[str, ...] = ()  # of the methods, those that the paper does not have
    places: tuple[tuple[str, str], ...] | None = None  # prepared sets with tasks; None: every data set, all tasks

    @property
    def seed_list(self) -> tuple[int, ...]:
        return tuple(range(1, (self.seeds or 0) + 1)) if not isinstance(self.seeds, tuple) else self.seeds

    @property
    def where(self) -> list[tuple[str, str]]:
        """Prepared sets, each with tasks."""
        return list(product(self.datasets, self.tasks)) if self.places is None else list(self.places)


class Plan:
    """paper.yaml: methods, data sets, experiments, and the settings that all of them share."""

    def __init__(self, value: Mapping[str, Any], data_root: Path = HOME / "data"):
        self.data_root = Path(data_root)
        self.budget: Mapping[str, Any] = value["budget"]
        self.aliases: Mapping[str, str] = value["aliases"]
        self.methods: Mapping[str, Mapping[str, Any]] = {  # a selector that the file does not name is one as it is
            **{name: {"label": name} for name in choices("selector") if name not in self.aliases}, **value["methods"]}
        self.datasets: Mapping[str, Mapping[str, Any]] = value["datasets"]
        self.experiments: Mapping[str, Mapping[str, Any]] = value["experiments"]
        self.task_settings: Mapping[str, Mapping[str, list[str]]] = value["task_settings"]

    def label(self, method: str) -> str:
        """How tables name a method."""
        return str(self.methods[method]["label"])

    def data_path(self, dataset: str) -> Path:
        """Where the prepared set of a data set of the plan lies."""
        return self.data_root / dataset

    def experiment(self, name: str, datasets: Sequence[str], **changes: Any) -> Grid:
        """A named experiment on some data sets, each in the experiment's task settings, as far as it has them.

        Args:
            name: a key of ``experiments``.
            datasets: names of data sets.
            changes: axes to replace, e.g. ``seeds=3``.

        Raises:
            UserError: no experiment is called that, or an axis has an unknown value.
        """
        _known("experiment", [name], self.experiments)
        axes = {key: tuple(value) if isinstance(value, list) else value
                for key, value in self.experiments[name].items()}
        settings, ours = axes.pop("task_settings", ("main",)), axes.get("ours", ())
        axes["methods"] = (*axes["methods"], *ours)
        places = [self.task_settings[setting].get(dataset, [dataset, "auto"] if setting == "main" else None)
                  for setting in settings for dataset in datasets]
        given = {"seeds": None, "places": tuple(dict.fromkeys(tuple(place) for place in places if place))}
        if "tasks" in changes:
            given.pop("places")
        return self.checked(Grid(**{**axes, **given, "datasets": tuple(datasets), **changes}))

    def grid(self, **axes: Any) -> Grid:
        """A grid of the user's own; the axes are those of ``Grid``.

        Raises:
            UserError: an axis has an unknown value.
        """
        return self.checked(Grid(**axes))

    def checked(self, grid: Grid) -> Grid:
        """Returns the grid, or says which value of an axis is unknown.

        Raises:
            UserError: a value is unknown.
        """
        grid = replace(grid, methods=tuple(self.aliases.get(name, name) for name in grid.methods))
        _known("method", grid.methods, self.methods)
        _known("backbone", grid.backbones, choices("backbone"))
        for dataset in grid.datasets:
            if dataset not in self.datasets and not (self.data_path(dataset) / "schema.json").exists():
                raise UserError(f"data set {dataset!r} is not known and {self.data_path(dataset)} is not prepared; "
                                f"expected one of {', '.join(self.datasets)}{nearest(dataset, self.datasets)}")
        for ratio in grid.keep_ratios:
            if ratio != "auto" and not _is_ratio(ratio):
                raise UserError(f"keep_ratio is {ratio!r}; expected auto or a number above 0 and at most 1")
        return grid

    def cells(self, grid: Grid) -> list[Cell]:
        """The runs of a grid, seed by seed, so that an interrupted grid has whole seeds; none twice."""
        return list(dict.fromkeys(self._cells(grid)))

    def _cells(self, grid: Grid) -> Iterator[Cell]:
        for dataset, tasks in grid.where:
            own = range(1, self.datasets.get(dataset, {}).get("seeds", PAPER_SEEDS) + 1)
            seeds = own if grid.seeds is None else grid.seed_list
            for seed, backbone, method, keep in product(seeds, grid.backbones, grid.methods, grid.keep_ratios):
                yield self.cell(dataset, backbone, method, keep, seed, tasks, grid.settings)

    def cell(self, dataset: str, backbone: str, method: str, keep: str, seed: int, tasks: str = "auto",
             settings: Sequence[str] = ()) -> Cell:
        """One run, with the arguments that make it."""
        how = {key: value for key, value in self.methods[method].items() if key not in ("label", "paper")}
        how.setdefault("selector", method)
        backbone = how.pop("backbone", backbone)
        whole = how["selector"] == "none" or how.get("end_to_end")
        keep = "1" if whole else keep if keep == "auto" else format(float(keep), "g")
        about = self.datasets.get(dataset, {})
        given = {"dataset": about.get("dataset", dataset), "data_dir": str(self.data_path(dataset)), **self.budget,
                 **about.get("settings", {}), "backbone": backbone, "keep_ratio": keep, "tasks": tasks, **how,
                 "seed": seed}
        words = [f"{key}={_text(value)}" for key, value in given.items()]
        return Cell(dataset, backbone, method, keep, seed, tasks, (*words, *settings))


def read_plan(data_root: Path = HOME / "data") -> Plan:
    """Reads paper.yaml; ``data_root`` holds the prepared data sets, each in a folder of its name."""
    return Plan(read_yaml(PLAN_FILE), data_root)


def _known(what: str, names: Iterable[str], allowed: Iterable[str]) -> None:
    for name in names:
        if name not in allowed:
            raise UserError(f"{what} {name!r} is unknown; expected some of {', '.join(allowed)}"
                            f"{nearest(name, allowed)}")


def _is_ratio(text: str) -> bool:
    try:
        return 0 < float(text) <= 1
    except ValueError:
        return False


def _text(value: Any) -> str:
    if isinstance(value, Mapping):  # keep_fields by task
        return ",".join(f"{task}:{number}" for task, number in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)

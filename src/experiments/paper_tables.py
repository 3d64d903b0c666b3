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
"""Tables 1-5 in the paper's layout, and the numbers behind Figures 2 and 3. No MindSpore.

No table averages over backbones. Where a data set is the paper's, its printed cell follows ours in brackets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..evaluation import paired_tests
from .grid import Grid, Plan
from .paper.printed import BACKBONES, printed
from .tables import LEVEL, REFERENCE, Record, Table, group, spread

OURS = "multisfs-paper"
SINGLE = "single_task"
LINE = "—"  # fills the row above the methods that the paper does not have
NOTE = ("Mean ± standard deviation over seeds ({seeds}) on the test split; [in brackets] the paper's cell, where it "
        "has the data set. * {star}: two-sided paired t-test over seeds, p < " + str(LEVEL) + ". {tasks}")
STARS = {"1": "better than the same backbone with all fields", "3": "better than the best of the paper's other methods "
         "with the same backbone", "4": "the best with its backbone, and better than the second"}


class Metric(NamedTuple):
    """One column: of the task at a place, AUC or log loss."""

    name: str  # AUC1, Logloss2, as in the paper
    task: str
    what: str

    def values(self, records: Sequence[Record]) -> dict[int, float]:
        """By seed, of the runs that have it."""
        found = {record["seed"]: record["tasks"][self.task][self.what] for record in records}
        return {seed: value for seed, value in found.items() if value is not None}

    def gain(self, ours: float, theirs: float) -> float:
        """Relative improvement in %: a higher AUC or R², a lower log loss."""
        return 100 * (theirs - ours if self.what == "logloss" else ours - theirs) / abs(theirs)


def metrics_of(records: Sequence[Record]) -> list[Metric]:
    """AUC1, AUC2, .., Logloss1, .. of the tasks, in their order; R²1 in place of the log loss of a number."""
    entries = list(enumerate(records[0]["tasks"].items(), 1))
    second = {"logloss": "Logloss", "r2": "R²"}
    return [*(Metric(f"AUC{place}", task, "auc") for place, (task, _) in entries),
            *(Metric(f"{name}{place}", task, what) for place, (task, entry) in entries
              for what, name in second.items() if what in entry)]


def method_table(number: str, records: Sequence[Record], grid: Grid, plan: Plan) -> tuple[Table, list[dict[str, Any]]]:
    """Table 1, 3 or 4: backbone x method, AUC and log loss of every task at every place side by side.

    Args:
        number: of the table, which decides what a star says and whether there are rows of gains.
        records: finished runs.
        grid: the experiment; ``ours`` are its rows below the line.
        plan: names of methods and data sets.

    Returns:
        the table, and its cells one by one: mean, standard deviation, gain over all fields, p, star, the paper's.
    """
    places = {name: _Place(number, mine, grid, plan) for name, mine in
              ((name, mine) for (name,), mine in group(records, "dataset").items())}
    several = len(places) > 1
    header = ["backbone", "fields by", *(f"{name}: {metric.name}" if several else metric.name
                                         for name, place in places.items() for metric in place.metrics)]
    rows = []
    for backbone, method in _rows(records, grid, number == "1"):
        if method == LINE:
            rows.append([LINE] * len(header))
            continue
        label = "Gain (%)" if method == "gain" else plan.label(method) + (" (ours)" if method in grid.ours else "")
        rows.append([BACKBONES.get(backbone, backbone), label,
                     *(place.text(backbone, method, metric) for place in places.values() for metric in place.metrics)])
    tasks = "; ".join(f"{name}: {', '.join(f'{i} {task}' for i, task in enumerate(place.records[0]['tasks'], 1))}"
                      for name, place in places.items())
    seeds = sorted({len({record["seed"] for record in place.records}) for place in places.values()})
    note = NOTE.format(seeds="/".join(map(str, seeds)), star=STARS[number], tasks=f"Tasks of {tasks}.")
    cells = [{"dataset": name, **cell} for name, place in places.items() for cell in place.cells()]
    return Table(grid.title or f"Table {number}", header, rows, note), cells


def _rows(records: Sequence[Record], grid: Grid, gains: bool) -> list[tuple[str, str]]:
    """Single task first, then every backbone's methods (and gains), then a line and the rows that are ours."""
    there = list(group(records, "backbone", "method"))
    found = [key for key in there if key[0] == SINGLE]
    for backbone in grid.backbones:
        mine = [(backbone, method) for method in grid.methods if (backbone, method) in there
                and method not in grid.ours and backbone != SINGLE]
        found += mine + ([(backbone, "gain")] if gains and len(mine) > 1 else [])
    ours = [(backbone, method) for backbone in grid.backbones for method in grid.ours if (backbone, method) in there]
    return found + ([(LINE, LINE), *ours] if ours else [])


class _Place:
    """The cells of one data set with one set of tasks."""

    def __init__(self, number: str, records: Sequence[Record], grid: Grid, plan: Plan):
        self.number, self.records, self.grid, self.plan = number, records, grid, plan
        self.groups = group(records, "backbone", "method")
        self.metrics = metrics_of(records)

    def values(self, backbone: str, method: str, metric: Metric) -> dict[int, float]:
        return metric.values(self.groups.get((backbone, method), ()))

    def text(self, backbone: str, method: str, metric: Metric) -> str:
        """A cell: ours, its star, and the paper's in brackets."""
        if method == "gain":
            gain = self.gain(backbone, OURS, metric)
            paper = self.paper(backbone, "Gain (%)", f"Gain {metric.name}")
            return ("-" if gain is None else f"{gain:+.2f}") + paper
        star = "*" if self.test(backbone, method, metric)[1] else ""
        paper = self.paper(backbone, self.plan.methods[method].get("paper"), metric.name)
        return spread(list(self.values(backbone, method, metric).values())) + star + paper

    def paper(self, backbone: str, method: str | None, metric: str) -> str:
        record = self.records[0]
        found = printed(self.number, self.plan.datasets.get(record["set"], {}).get("paper"), record["task_set"],
                        backbone, method, metric)
        return f" [{found}]" if found else ""

    def gain(self, backbone: str, method: str, metric: Metric) -> float | None:
        """Of the mean, in % of that of all fields with the same backbone, over the seeds that both have."""
        pairs = _pairs(self.values(backbone, method, metric), self.values(backbone, REFERENCE, metric))
        return metric.gain(*np.mean(pairs, 0)) if pairs else None

    def test(self, backbone: str, method: str, metric: Metric) -> tuple[float | None, bool]:
        """p of the method against the best other of the paper's with this backbone; and whether it gets a star.

        In Table 4 the best method of a backbone gets it, in the others MultiSFS.
        """
        rivals = {name: self.values(backbone, name, metric) for name in self.grid.methods
                  if name not in self.grid.ours and backbone != SINGLE}
        rivals = {name: values for name, values in rivals.items() if values}
        mine = rivals.pop(method, {})
        if not mine or not rivals or (self.number != "4" and method != OURS):
            return None, False
        sign = -1 if metric.what == "logloss" else 1
        best = max(rivals.values(), key=lambda values: sign * np.mean(list(values.values())))
        pairs = _pairs(mine, best)
        if len(pairs) < 2:
            return None, False
        p = paired_tests(*zip(*pairs))[0]
        better = sign * (np.mean(pairs, 0)[0] - np.mean(pairs, 0)[1]) > 0
        return p, bool(better and p is not None and p < LEVEL)

    def cells(self) -> list[dict[str, Any]]:
        """Every cell with the numbers it was computed from."""
        found = []
        for backbone, method in self.groups:
            for metric in self.metrics:
                values = list(self.values(backbone, method, metric).values())
                p, star = self.test(backbone, method, metric)
                paper = self.paper(backbone, self.plan.methods[method].get("paper"), metric.name).strip(" []")
                found.append({"backbone": backbone, "method": method, "metric": metric.name, "task": metric.task,
                              "mean": np.mean(values) if values else None,
                              "deviation": np.std(values, ddof=1) if len(values) > 1 else None, "seeds": len(values),
                              "gain_percent": self.gain(backbone, method, metric), "p": p, "star": star,
                              "paper": paper})
        return found


def _pairs(ours: Mapping[int, float], theirs: Mapping[int, float]) -> list[tuple[float, float]]:
    return [(value, theirs[seed]) for seed, value in ours.items() if seed in theirs]


def data_table(title: str, schemas: Mapping[str, Any], plan: Plan) -> Table:
    """Table 2: users, items, interactions and fields of prepared sets.

    Args:
        title: of the table.
        schemas: data set name -> Schema.
        plan: which fields are users and items, and the paper's numbers.
    """
    rows = []
    for name, schema in schemas.items():
        about = plan.datasets.get(name, {})
        sizes = dict(zip(schema.field_names, schema.cardinalities))
        entities = [sizes[field] - 1 if field in sizes else None for field in about.get("entities") or (None, None)]
        numbers = [*entities, sum(schema.rows.values()), len(schema.fields)]
        papers = about.get("table2", [None] * 4)
        rates = ", ".join(f"{task.name} {100 * task.positive_rate['train']:.3g}" for task in schema.tasks)
        rows.append([name, *(("-" if ours is None else f"{ours:,}") + (f" [{theirs:,}]" if theirs else "")
                             for ours, theirs in zip(numbers, papers)), rates])
    header = ["data set", "# User", "# Item", "# Interactions", "# Feature", "tasks, % positive"]
    return Table(title, header, rows,
                 "Users and items: values of these fields in the train split; - where there is no such field. [In "
                 "brackets] the paper's Table 2; docs/DATASETS.md has what is known of the differences.")


def seconds_table(records: Sequence[Record], grid: Grid, plan: Plan) -> Table:
    """Table 5: seconds to select. MSSM and CFS: the whole training, which is their selection; MultiSFS: scoring and
    building (Ours-FS), and learning the relations (Ours-GNN), once for all backbones of a data set and seed."""
    groups = group(records, "dataset", "backbone", "method")
    rows = []
    for name, backbone in dict.fromkeys(key[:2] for key in groups):
        cells = []
        for method, column in (("mssm-end-to-end", "MSSM"), ("cfs-end-to-end", "CFS"), (OURS, "Ours-FS")):
            mine = groups.get((name, backbone, method), [])
            seconds = [record["select"] - record["parts"].get("relation", 0) if method == OURS else
                       record["train"] + record["compile"] for record in mine]
            paper = printed("5", plan.datasets.get(mine[0]["set"], {}).get("paper"), mine[0]["task_set"], backbone,
                            column, "seconds") if mine else ""
            cells.append(spread(seconds, ".2f") + (f" [{paper}]" if paper else ""))
        learning = [record["parts"].get("relation_learning") for record in groups.get((name, backbone, OURS), ())]
        rows.append([name, BACKBONES.get(backbone, backbone), *cells, spread(learning, ".2f")])
    header = ["data set", "backbone", "MSSM (s)", "CFS (s)", "Ours-FS (s)", "Ours-GNN (s)"]
    return Table(grid.title or "Table 5", header, rows,
                 "Wall seconds, compiling of graphs included, mean ± standard deviation over seeds, while the grid's "
                 "workers shared the machine. [In brackets] the paper's, on a V100.")


def ablation_table(records: Sequence[Record], grid: Grid, plan: Plan) -> Table:
    """The numbers behind Figure 2: AUC and log loss of every task by backbone and variant."""
    metrics = metrics_of(records)
    rows = [[name, BACKBONES.get(backbone, backbone), plan.label(method),
             *(spread(list(metric.values(mine).values())) for metric in metrics), str(len(mine))]
            for (name, backbone, method), mine in group(records, "dataset", "backbone", "method").items()]
    return Table(grid.title or "Figure 2", ["data set", "backbone", "fields by", *(metric.name for metric in metrics),
                                            "seeds"], rows, "Mean ± standard deviation over seeds on the test split.")


def ratio_table(records: Sequence[Record], grid: Grid, plan: Plan) -> Table:
    """The numbers behind Figure 3: mean AUC over tasks by backbone and number of fields K."""
    rows = [[name, BACKBONES.get(backbone, backbone), plan.label(method), str(k),
             spread([record["mean_auc"] for record in mine]), str(len(mine))]
            for (name, backbone, method), line in sorted(group(records, "dataset", "backbone", "method").items())
            for k, mine in sorted(by_fields(line).items())]
    return Table(grid.title or "Figure 3", ["data set", "backbone", "fields by", "K", "mean AUC", "seeds"], rows,
                 "Mean ± standard deviation over seeds on the test split; all fields are K = N.")


def by_fields(records: Sequence[Record]) -> dict[int, list[Record]]:
    """Records by the number of fields that a task keeps."""
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(max(record["fields"].values()), []).append(record)
    return found

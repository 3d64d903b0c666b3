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
"""What an experiment shows: its tables and pictures, from the records of its runs. No MindSpore."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..common.files import write_text
from ..common.text import csv_cell
from ..data import PreparedData
from .figures import draw_ablation, draw_ratios
from .grid import Grid, Plan
from .paper_tables import ablation_table, data_table, method_table, ratio_table, seconds_table
from .records import Record, long_rows
from .tables import REFERENCE, Table, result_table

METHOD_TABLES = {"table1": "1", "table3": "3", "table4": "4"}
FIGURES = {"figure2": draw_ablation, "figure3": draw_ratios}


def show_experiment(name: str, grid: Grid, records: Sequence[Record], plan: Plan, folder: Path) -> str:
    """Writes the tables of an experiment as .md, .csv and .tex, its pictures as .png and .svg, and its runs as .csv.

    Args:
        name: of the experiment, from which the files take theirs.
        grid: the experiment.
        records: its finished runs.
        plan: where the labels of the methods are.
        folder: where the files go.

    Returns:
        The tables and pictures in Markdown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [f"## {grid.title or name}"]
    for table, cells in _tables(grid, records, plan):
        stem = f"{name}-{len(parts)}"
        text = table.markdown() if table.title == grid.title else f"{table.title}\n\n{table.markdown()}"
        write_text(folder / f"{stem}.md", f"{table.title}\n\n{table.markdown()}\n")
        write_text(folder / f"{stem}.tex", table.latex())
        write_text(folder / f"{stem}.csv", _csv([table.header, *table.rows]))
        if cells:
            write_text(folder / f"{stem}-cells.csv", _csv([list(cells[0]), *(list(cell.values()) for cell in cells)]))
        parts.append(text)
    if records and grid.show in FIGURES:
        FIGURES[grid.show](_comparable(records), plan.label, folder / name)
        parts.append(f"![{grid.title or name}]({name}.png)")
    rows = long_rows(records)
    if rows:
        write_text(folder / f"{name}-runs.csv", _csv([list(rows[0]), *(list(row.values()) for row in rows)]))
    if len(parts) == 1:
        parts.append("No data set named here has these task settings." if not grid.where else "No run is finished.")
    return "\n\n".join(parts)


def _tables(grid: Grid, records: Sequence[Record], plan: Plan) -> Iterator[tuple[Table, list[dict]]]:
    """The tables of the grid's layout, with their cells one by one where the layout has them."""
    if grid.show == "table2":
        prepared = {name: plan.data_path(name) for name, _ in grid.where}
        yield data_table(grid.title, {name: PreparedData.open(path, verify=False).schema
                                      for name, path in prepared.items()}, plan), []
    elif not records:
        return
    elif grid.show in METHOD_TABLES:
        for title, some in _by_ratio(grid.title, records):
            yield method_table(METHOD_TABLES[grid.show], some, replace(grid, title=title), plan)
    elif grid.show == "results":
        for dataset in dict.fromkeys(record["dataset"] for record in records):
            for title, some in _by_ratio(dataset, [record for record in records if record["dataset"] == dataset]):
                yield result_table(title, some, plan.label), []
    else:
        makers = {"table5": seconds_table, "figure2": ablation_table, "figure3": ratio_table}
        yield makers[grid.show](_comparable(records), grid, plan), []


def _by_ratio(dataset: str, records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """The records of every keep_ratio, with those of all fields."""
    ratios = list(dict.fromkeys(record["keep"] for record in records if record["keep"] != "1")) or ["1"]
    for ratio in ratios:
        title = dataset if len(ratios) == 1 else f"{dataset}, keep_ratio {ratio}"
        yield title, [record for record in records if record["keep"] in (ratio, "1")]


def _comparable(records: Sequence[Record]) -> list[Record]:
    """All-fields runs only for seeds that the other methods have too."""
    seeds = {(record["dataset"], record["seed"]) for record in records if record["method"] != REFERENCE}
    return [record for record in records if not seeds or (record["dataset"], record["seed"]) in seeds]


def _csv(rows: Sequence[Sequence]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [csv_cell(value) if isinstance(value, str) else value for value in row] for row in rows)
    return text.getvalue()

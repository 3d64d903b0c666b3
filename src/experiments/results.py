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
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..data import PreparedData
from ..files import write_text
from ..text import csv_cell
from .figures import draw_ablation, draw_ratios
from .grid import Grid, Plan
from .records import Record, long_rows
from .tables import REFERENCE, Table, data_table, ratio_table, result_table, seconds_table


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
    for table in _tables(grid, records, plan):
        stem = f"{name}-{len(parts)}"
        write_text(folder / f"{stem}.md", f"{table.title}\n\n{table.markdown()}\n")
        write_text(folder / f"{stem}.tex", table.latex())
        write_text(folder / f"{stem}.csv", _csv([table.header, *table.rows]))
        parts += [f"{table.title}\n\n{table.markdown()}"]
    draw = {"ablation": draw_ablation, "ratios": draw_ratios}
    for kind in draw.keys() & set(grid.show) if records else ():
        draw[kind](_comparable(records), plan.label, folder / name)
        parts.append(f"![{grid.title or name}]({name}.png)")
    rows = long_rows(records)
    if rows:
        write_text(folder / f"{name}-runs.csv", _csv([list(rows[0]), *(list(row.values()) for row in rows)]))
    return "\n\n".join(parts)


def _tables(grid: Grid, records: Sequence[Record], plan: Plan) -> Iterator[Table]:
    if "data" in grid.show:
        prepared = {name: plan.data_path(name) for name in grid.datasets}
        yield data_table(", ".join(prepared), {name: PreparedData.open(path, verify=False).schema
                                               for name, path in prepared.items()})
    makers: Mapping[str, Callable] = {"results": result_table, "seconds": seconds_table, "ratios": ratio_table}
    for dataset in dict.fromkeys(record["dataset"] for record in records):
        mine = [record for record in records if record["dataset"] == dataset]
        for kind in (kind for kind in grid.show if kind in makers):
            for title, some in [(dataset, mine)] if kind == "ratios" else _by_ratio(dataset, mine):
                yield makers[kind](title, some, plan.label)


def _by_ratio(dataset: str, records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """The records of every keep_ratio, all fields beside each."""
    ratios = list(dict.fromkeys(record["keep"] for record in records if record["keep"] != "1")) or ["1"]
    for ratio in ratios:
        title = dataset if len(ratios) == 1 else f"{dataset}, keep_ratio {ratio}"
        yield title, [record for record in records if record["keep"] in (ratio, "1")]


def _comparable(records: Sequence[Record]) -> list[Record]:
    """Those of the first backbone, and all-fields runs only for seeds that the others have too."""
    first = next((record["backbone"] for record in records), None)
    seeds = {(record["dataset"], record["seed"]) for record in records if record["method"] != REFERENCE}
    return [record for record in records if record["backbone"] == first
            and (not seeds or (record["dataset"], record["seed"]) in seeds)]


def _csv(rows: Sequence[Sequence]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [csv_cell(value) if isinstance(value, str) else value for value in row] for row in rows)
    return text.getvalue()

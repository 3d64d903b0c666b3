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
"""Tables and the picture of ``python -m benchmarks --suite selection``. No MindSpore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from src.evaluation import standard_error
from src.report.tables import markdown_table, number

DARK = 0.6  # cells of a lower mean are so dark that they need white text


def truth_table(records: Sequence[Mapping]) -> str:
    """Precision@k, ranking AUC, Jaccard, fields above chance and seconds per law and selector, averaged over instances.

    Entries of several tasks are joined by " / ".
    """
    rows = [[law, selector, _per_task(mine, "relevant", ".1f"), _per_task(mine, "precision", ".3f"),
             _per_task(mine, "auc", ".3f"), _per_task(mine, "jaccard", ".2f"), _per_task(mine, "above_chance", ".1f"),
             f"{np.mean([record['seconds'] for record in mine]):.1f}"] for law, selector, mine in _cells(records)]
    return markdown_table(["law", "selector", "relevant", "precision@k", "AUC", "Jaccard", "above chance", "seconds"],
                          rows)


def summary_table(records: Sequence[Mapping]) -> str:
    """The same over all laws in which something matters, for the tasks that all laws have; best selector first."""
    rows = []
    for selector in _names(records, "selector"):
        mine = [record for record in records if record["selector"] == selector and None not in record["precision"]]
        if mine:
            two = [{**record, **{key: record[key][:2] for key in ("precision", "jaccard")}} for record in mine]
            rows.append([np.mean([record["precision"] for record in two]), selector, _per_task(two, "precision", ".3f"),
                         _per_task(two, "jaccard", ".2f"), f"{np.mean([record['seconds'] for record in mine]):.1f}"])
    rows.sort(key=lambda row: -row[0])
    return markdown_table(["selector", "precision@k", "Jaccard", "seconds"], [row[1:] for row in rows])


def null_table(records: Sequence[Mapping]) -> str:
    """Fields above the chance level where no field matters: how many a data set and task, and in how many there is any.

    ± is the standard error, from the spread between data sets.
    """
    rows = []
    for selector in _names(records, "selector"):
        mine = np.array([record["above_chance"] for record in records if record["selector"] == selector
                         and not any(record["relevant"]) and record["above_chance"] is not None])
        for task, counts in enumerate(mine.T, 1):
            share = f"{np.mean(counts > 0):.3f}"
            rows.append([selector, str(task), str(len(counts)), with_error(counts, ".3f"), share])
    header = ["selector", "task", "data sets", "false fields each", "share with any"]
    return markdown_table(header, rows) if rows else ""


def training_table(records: Sequence[Mapping]) -> str:
    """Mean test AUC over seeds and the difference from all fields, paired by seed, both with their standard errors.

    Args:
        records: ``{"set", "selector", "seed", "mean_auc", "fields"}``; the selector "none" has all fields.
    """
    rows = []
    for name in _names(records, "set"):
        of_set = [record for record in records if record["set"] == name]
        everything = {record["seed"]: record["mean_auc"] for record in of_set if record["selector"] == "none"}
        for selector in _names(of_set, "selector"):
            mine = [record for record in of_set if record["selector"] == selector and record["mean_auc"] is not None]
            aucs = np.array([record["mean_auc"] for record in mine])
            against = [record["mean_auc"] - everything[record["seed"]] for record in mine
                       if record["seed"] in everything]
            if len(aucs):
                error = aucs.std(ddof=1) / np.sqrt(len(aucs)) if len(aucs) > 1 else None
                rows.append([name, selector, _per_task(mine, "fields", ".3g").replace(" ", ""), f"{aucs.mean():.4f}",
                             number(error), paired(against) if against else "-", str(len(aucs))])
    header = ["data set", "selector", "fields", "mean AUC", "standard error", "against all", "seeds"]
    return markdown_table(header, rows)


def draw_truth(records: Sequence[Mapping], path: Path) -> None:
    """Writes a picture: precision@k per selector (rows) and law (columns), coloured by its mean over tasks.

    Laws in which no field matters have no precision; a picture of them alone is not written.
    """
    from matplotlib.figure import Figure

    known = [record for record in records if None not in record["precision"]]
    laws, selectors = _names(known, "law"), _names(known, "selector")
    if not laws:
        return
    figure = Figure(figsize=(1.3 * len(laws) + 2.2, 0.42 * len(selectors) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    means = np.full((len(selectors), len(laws)), np.nan)
    for law, selector, mine in _cells(known):
        column, row = laws.index(law), selectors.index(selector)
        means[row, column] = np.mean([record["precision"] for record in mine])
        axes.text(column, row, _per_task(mine, "precision", ".2f").replace(" ", ""), ha="center", va="center",
                  fontsize=8, color="white" if means[row, column] < DARK else "black")
    axes.imshow(means, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(laws)), laws)
    axes.set_yticks(range(len(selectors)), selectors)
    axes.tick_params(length=0)
    axes.set_title("precision@k, one number a task", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _cells(records: Sequence[Mapping]) -> Iterator[tuple[str, str, list[Mapping]]]:
    """Law, selector and their records, law by law, where there are any."""
    for law, selector in product(_names(records, "law"), _names(records, "selector")):
        mine = [record for record in records if (record["law"], record["selector"]) == (law, selector)]
        if mine:
            yield law, selector, mine


def _names(records: Iterable[Mapping], key: str) -> list[str]:
    """The different values of a key, in order of appearance."""
    return list(dict.fromkeys(record[key] for record in records))


def _per_task(records: Sequence[Mapping], key: str, form: str) -> str:
    """The mean over records of a list with one entry per task."""
    lists = [record[key] for record in records if record[key] is not None]
    if not lists:
        return "-"
    columns = [[value for value in column if value is not None] for column in zip(*lists)]
    return " / ".join(number(float(np.mean(column)) if column else None, form) for column in columns)


def with_error(values: np.ndarray, form: str = "+.4f") -> str:
    """Mean ± standard error, which a single value does not have."""
    mean = format(values.mean(), form)
    return mean if len(values) < 2 else f"{mean} ± {format(standard_error(values), form.removeprefix('+'))}"


def paired(differences: Sequence[float]) -> str:
    """Mean ± standard error."""
    values = np.array(differences)
    error = f"{standard_error(values):.4f}" if len(values) > 1 else "?"
    return f"{values.mean():+.4f} ± {error}"

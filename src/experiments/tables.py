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
"""Tables of runs, and that of a grid of the user's: mean and spread over seeds, gain, significance. No MindSpore."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..evaluation import holm, names_of, paired_tests
from ..report.tables import markdown_table, mean_heading, number

Record = Mapping[str, Any]
REFERENCE = "none"  # the method that all others are held against
LEVEL = 0.05
NOTE = ("Mean ± standard deviation over seeds on the test split. Kept: fields per task; inputs: those that any task "
        "keeps. Gain: of the mean AUC over all fields with the same backbone. p: two-sided, paired by seed, against "
        f"all fields, corrected by Holm over the table; * better, and the t-test's p below {LEVEL}.")


class Table(NamedTuple):
    """A table as text cells; ``note`` says how to read it."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str = ""

    def markdown(self) -> str:
        """The table and its note in Markdown."""
        return markdown_table(self.header, self.rows) + (f"\n\n{self.note}" if self.note else "")

    def latex(self) -> str:
        """The table in LaTeX, for the package booktabs."""
        lines = [" & ".join(map(_latex, row)) + r" \\" for row in (self.header, *self.rows)]
        body = "\n".join([r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"])
        note = f"\n\\par\\smallskip {_latex(self.note)}" if self.note else ""
        columns = "l" * len(self.header)
        return (f"\\begin{{table}}\n\\caption{{{_latex(self.title)}}}\n\\begin{{tabular}}{{{columns}}}\n{body}\n"
                f"\\end{{tabular}}{note}\n\\end{{table}}\n")


def result_table(title: str, records: Sequence[Record], label: Callable[[str], str]) -> Table:
    """Test AUC and log loss of the methods on one data set, for every backbone.

    Every method is compared with all fields with the same backbone, seed by seed; p values are corrected by Holm over
    the table.
    """
    columns = _columns_of(records[0]["tasks"])
    several = len({record["backbone"] for record in records if record["backbone"] != "single_task"}) > 1
    groups = group(records, "backbone", "method")
    tested = {key: _against(mine, _reference(key, groups)) for key, mine in groups.items()}
    corrected = [dict(zip(tested, holm([pair[kind] for _, pair in tested.values()]))) for kind in (0, 1)]
    header = [*(["backbone"] if several else []), "fields by", "kept", "inputs",
              *(f"{task} {name}" for task, _, name in columns), mean_heading(list(records[0]["tasks"])), "gain %",
              "p (t)", "p (Wilcoxon)", "seeds"]
    rows = []
    for key, mine in groups.items():
        better = corrected[0][key] is not None and corrected[0][key] < LEVEL and tested[key][0] > 0
        rows.append([
            *([key[0]] if several else []), label(key[1]), *_kept(mine),
            *(spread([record["tasks"][task][metric] for record in mine]) for task, metric, _ in columns),
            spread([record["mean_auc"] for record in mine]) + "*" * better, number(tested[key][0], "+.2f"),
            *(number(column[key], ".3f") for column in corrected), str(len(mine))])
    return Table(title, header, rows, NOTE)


def _columns_of(entries: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str, str]]:
    """(task, metric, its name) of the columns of metrics: every task's AUC, or what it has in its place, come first."""
    found = [(task, key, name) for task, entry in entries.items() for key, name in names_of(entry).items()]
    return sorted(found, key=lambda column: column[1] != "auc")


def group(records: Sequence[Record], *keys: str) -> dict[tuple, list[Record]]:
    """Records by the values of some keys, in order of appearance."""
    found: dict[tuple, list[Record]] = {}
    for record in records:
        found.setdefault(tuple(record[key] for key in keys), []).append(record)
    return found


def _reference(key: tuple, groups: Mapping[tuple, list[Record]]) -> list[Record]:
    """The all-fields runs that a group is compared with; the single-task model has none of its own backbone."""
    if (key[0], REFERENCE) in groups:
        return groups[(key[0], REFERENCE)]
    return next((mine for (_, method), mine in groups.items() if method == REFERENCE), [])


def _against(mine: Sequence[Record], reference: Sequence[Record]) -> tuple[float | None, tuple]:
    """Gain in % of the mean AUC, and the p values, over the seeds that both have."""
    theirs = {record["seed"]: record["mean_auc"] for record in reference if record["mean_auc"] is not None}
    pairs = [(record["mean_auc"], theirs[record["seed"]]) for record in mine
             if record["mean_auc"] is not None and record["seed"] in theirs]
    if mine is reference or not pairs:
        return None, (None, None)
    ours, others = zip(*pairs)
    return 100 * (float(np.mean(ours)) / float(np.mean(others)) - 1), paired_tests(ours, others)


def _kept(records: Sequence[Record]) -> tuple[str, str]:
    """Kept fields per task, and how many different ones; the mean over seeds where they differ."""
    counts = np.mean([list(record["fields"].values()) for record in records], 0)
    inputs = np.mean([len(set().union(*record["selected"].values())) for record in records])
    return "/".join(f"{count:.3g}" for count in counts), f"{inputs:.3g}"


def spread(values: Sequence[float | None], form: str = ".4f") -> str:
    """Mean ± standard deviation of the known values; a dash where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    deviation = f" ± {format(float(np.std(known, ddof=1)), form)}" if len(known) > 1 else ""
    return f"{format(float(np.mean(known)), form)}{deviation}"


def _latex(text: str) -> str:
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", str(text))
    return escaped.replace("±", r"$\pm$").replace("÷", r"$\div$")

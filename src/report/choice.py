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
"""The report's part on the selection: what every task keeps, how choices overlap, how tasks relate field by field."""

from __future__ import annotations

from collections.abc import Sequence

from ..schema import Selection
from .page import Cell, Table, Text, number


def chosen(selection: Selection) -> list:
    """Heat map of fields and tasks; the pictures of ranked scores come after it."""
    if not selection.scores:
        return [Text("No scores: every task keeps the fields ticked here."), _heat_map(selection)]
    chance = selection.settings.get("chance")
    level = ("This score has no chance level." if chance is None else
             f"Dashed line: the chance level {chance:.4g}, which a field without information seldom exceeds.")
    words = ("✓ and bold: the task keeps the field. The stronger the colour, the better the field's rank within the "
             "task; the number is its score. In the pictures, filled and ticked: kept; hollow: dropped. ")
    return [*_ladder(selection), Text(words + level), _heat_map(selection)]


def _ladder(selection: Selection) -> list:
    """The numbers of fields that ``keep_ratio=auto`` tried, and what came out."""
    steps = selection.settings.get("ladder")
    if not steps:
        return []
    rows = []
    for step in steps:
        tried = step["change"] is not None
        rows.append([", ".join(str(step["fields"][task]) for task in selection.tasks),
                     f"{100 * step['change']:+.2f} % ± {100 * step['error']:.2f} %" if tried else "not tried",
                     *(f"{step['losses'][task]:.4f}" if tried else "–" for task in selection.tasks),
                     "✓" if step["kept"] else ""])
    words = ("keep_ratio is auto: a small network was trained on train rows with all fields, and asked with all but "
             "the best fields of each task blank; kept (✓) are the fewest with which held-out train rows are predicted "
             "better by a standard error, or no worse where only fields without evidence go.")
    header = [f"fields of {', '.join(selection.tasks)}", "held-out loss against all fields",
              *(f"loss of {task}" for task in selection.tasks), "kept"]
    return [Text(words), Table("Numbers of fields tried", header, rows)]


def _heat_map(selection: Selection) -> Table:
    fields, ranks = selection.fields, {}
    for task in selection.tasks:
        known = (selection.scores or {}).get(task, {})
        ranks[task] = {name: rank for rank, name in enumerate(sorted(known, key=known.__getitem__, reverse=True))}
    order = sorted(fields, key=lambda name: sum(rank.get(name, len(fields)) for rank in ranks.values()))
    rows = []
    for name in order:
        cells = [_heat_cell(selection, task, name, ranks[task].get(name)) for task in selection.tasks]
        rows.append([name, *cells, *(["✓" if name in selection.shared else ""] if selection.shared else [])])
    header = ["field", *selection.tasks, *(["shared path"] if selection.shared else [])]
    return Table(f"Fields of every task: {len(fields)} fields, {len(selection.tasks)} tasks", header, rows)


def _heat_cell(selection: Selection, task: str, name: str, rank: int | None) -> Cell:
    kept = name in selection.selected[task]
    if rank is None:
        return Cell("✓" if kept else "–", float(kept), bold=kept)
    score = selection.scores[task][name]
    worst = max(1, len(selection.fields) - 1)
    return Cell(f"{'✓ ' if kept else ''}{score:.4g}", score, max(0, 9 - 9 * rank // worst), kept)


def overlap(selection: Selection) -> list:
    """How many fields every two tasks keep both."""
    if len(selection.tasks) < 2:
        return [Text("There is one task, so there is nothing to overlap with.")]
    rows = []
    for first in selection.tasks:
        mine, cells = set(selection.selected[first]), []
        for second in selection.tasks:
            theirs = set(selection.selected[second])
            share = len(mine & theirs) / len(mine | theirs)
            cells.append(Cell(f"{len(mine & theirs)} ({share:.2f})", share, round(9 * share)))
        rows.append([first, *cells])
    kept = [set(names) for names in selection.selected.values()]
    common, some = set.intersection(*kept), set.union(*kept)
    words = (f"{len(common)} of {len(selection.fields)} fields are kept by all tasks, {len(some - common)} by some, "
             f"{len(selection.fields) - len(some)} by none.")
    never = [name for name in selection.fields if name not in some]
    if never:
        words += f" Kept by none: {', '.join(never)}."
    return [Text(words), Table("Fields two tasks have in common (Jaccard index)", ["task", *selection.tasks], rows)]


def relations(selection: Selection, reused: bool) -> list:
    """How much of every task's score goes into every other's: on average, and for every field."""
    if not selection.relations:
        return [Text("In this selection tasks tell each other nothing, so there are no relations.")]
    if reused:
        return [Text("The selection was read from a file; see the run it came from for the relations of its tasks.")]
    tasks, matrices = selection.tasks, selection.relations
    names = [name for name in selection.fields if name in matrices]
    rows = [[to, *(_weight([matrices[name][t][i] for name in names]) for i in range(len(tasks)))]
            for t, to in enumerate(tasks)]
    pairs = [(t, i) for t in range(len(tasks)) for i in range(len(tasks))]
    each = [[name, *(_weight([matrices[name][t][i]]) for t, i in pairs)] for name in names]
    return [Text(_meaning(selection)),
            Table("Mean relation over fields", ["task", *(f"← {task}" for task in tasks)], rows),
            Table("Relations of every field", ["field", *(f"{tasks[t]} ← {tasks[i]}" for t, i in pairs)], each)]


def _meaning(selection: Selection) -> str:
    colour = " The stronger the colour, the larger its magnitude."
    if selection.settings.get("score") == "calibrated" and selection.settings.get("relation") == "evidence":
        return ("How far two tasks agree on what a field's values do, times the chance that they agree at all: 1 for "
                "the same effects, 0 for none in common. A task has looked for the effects that others found; its "
                "score has that in it." + colour)
    return ("A task's merged score of a field is the sum over tasks of relation times score. Rows take from columns; "
            "“a ← b” is the weight of b's score in that of a." + colour)


def _weight(values: Sequence[float]) -> Cell:
    mean = sum(values) / len(values)
    return number(mean, ".3f", min(9, max(0, round(9 * abs(mean)))))

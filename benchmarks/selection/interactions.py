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
"""Whether fields act together with users and items: evidence and worth of every field crossed with one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from benchmarks.selection.dropped import Table, among_entities
from src.report.tables import markdown_table
from src.selection.calibrated.additive import AdditiveFit
from src.selection.calibrated.pairs import Crossing
from src.selection.calibrated.value_sums import ValueTable

ENTITY, OTHERS = 10.0, 20.0  # λ of the own effects of users and items, and of other fields
SWEEPS = 2


def interactions(table: Table, kept: Collection[int], seed: int = 0) -> list[dict]:
    """How far every field's effect differs between users or items, on the train rows.

    Own effects of users, items and the fields that are kept are fitted first. A field that describes the user is then
    crossed with the item, every other field with the user. To compare, the same with the field exchanged between
    entities (``among_entities``), where chance is all there is.

    Returns:
        a record for every task and field, with z and the gain in nats over these rows, real and shuffled.
    """
    rest = [n for n, name in enumerate(table.names) if name not in table.entities]
    shuffled, found = among_entities(table, rest, seed), []
    for task, name in enumerate(table.data.schema.task_names):
        real, chance = (_of_task(table, ids, kept, task) for ids in (table.ids, shuffled))
        found += [{"task": name, "field": table.names[n], "kept": n in kept, "z": real[n][0], "gain": real[n][1],
                   "shuffled_z": chance[n][0], "shuffled_gain": chance[n][1]}
                  for n in rest if n in real and n in chance]
    return found


def _of_task(table: Table, ids: np.ndarray, kept: Collection[int], task: int) -> dict[int, tuple[float, float]]:
    rows, places = table.cuts[0], {name: table.names.index(name) for name in table.entities}
    fit = AdditiveFit(table.labels[:rows, task].astype(np.float64), np.ones(rows, bool))
    for n in dict.fromkeys([*places.values(), *kept]):
        fit.add(n, ids[:rows, n].astype(np.int64), table.sizes[n], ENTITY if n in places.values() else OTHERS)
    for _ in range(SWEEPS):
        fit.sweep()
    first, last = list(places)[0], list(places)[-1]
    found = {}
    for n in range(len(table.names)):
        partner = places[last if table.entity_of(n) == first else first]
        values = ValueTable(ids[:rows][:, [partner, n]], [table.sizes[partner], table.sizes[n]])
        sizes = np.diff(values.offsets)
        if table.names[n] not in places and sizes.min() > 1:
            cells = values.slots[0] * sizes[1] + values.slots[1] - values.offsets[1]
            counts = np.bincount(cells, minlength=sizes[0] * sizes[1]).reshape(sizes).astype(np.float64)
            crossing = Crossing(cells, counts)
            found[n] = crossing.evidence(fit.standardized(), 1), crossing.best_shrinkage(fit.residual)[1]
    return found


def interaction_table(records: Sequence[Mapping]) -> str:
    """Per task, kept fields and dropped ones: mean z and sum of gains above 0, real and shuffled."""
    rows = []
    for task in dict.fromkeys(record["task"] for record in records):
        for kept in (True, False):
            mine = [record for record in records if (record["task"], record["kept"]) == (task, kept)]
            if mine:
                gains = [sum(max(record[key], 0) for record in mine) for key in ("gain", "shuffled_gain")]
                rows.append([task, "kept" if kept else "dropped", str(len(mine)),
                             *(f"{np.mean([record[key] for record in mine]):.1f}" for key in ("z", "shuffled_z")),
                             *(f"{gain:.0f}" for gain in gains)])
    return markdown_table(["task", "fields", "number", "mean z", "shuffled", "gain, nats", "shuffled"], rows)

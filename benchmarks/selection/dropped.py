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
"""Why a network loses accuracy without the fields below the chance level: the same network on altered data sets.

Every variant answers one question. Fields that are dropped come back as something that has lost one of the ways in
which they could have helped; if accuracy comes back with them, it was not that way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from benchmarks.selection.tables import paired
from benchmarks.selection.truth import train_on
from src.data.memory import MemoryData
from src.evaluation import read_predictions, task_aucs
from src.report.tables import markdown_table
from src.schema import SPLITS
from src.selection import SELECTORS
from src.settings import Settings
from src.training import choose_device

NEARLY = 0.99  # share of the rows


class Table:
    """All rows of a data set, and who its users and items are.

    Args:
        data: a PreparedData or MemoryData.
        entities: names of the fields of users and items; may be empty.
    """

    def __init__(self, data, entities: Sequence[str] = ()):
        self.data, self.names, self.sizes = data, list(data.schema.field_names), list(data.schema.cardinalities)
        read = [data.split(split).read(0, data.split(split).rows) for split in SPLITS]
        self.ids, self.labels = (np.concatenate(parts) for parts in zip(*read))
        self.cuts = np.cumsum([len(ids) for ids, _ in read])[:-1]
        self.entities = {name: self.ids[:, self.names.index(name)] for name in entities if name in self.names}

    def entity_of(self, field: int) -> str | None:
        """Which entity decides the value of a field (nearly everywhere), if one does."""
        if self.names[field] in self.entities:
            return None
        for name, codes in self.entities.items():
            first = np.unique(codes, return_index=True, return_inverse=True)[1:]
            if np.mean(self.ids[first[0], field][first[1]] == self.ids[:, field]) > NEARLY:
                return name
        return None

    def made_of(self, ids: np.ndarray, names: Sequence[str], sizes: Sequence[int]) -> MemoryData:
        """The data set with other fields ``[rows, fields]``."""
        splits = dict(zip(SPLITS, zip(np.split(ids, self.cuts), np.split(self.labels, self.cuts))))
        return MemoryData(self.data.schema.dataset, names, sizes, self.data.schema.task_names, splits)

    def take(self, fields: Sequence[int], ids: np.ndarray | None = None) -> MemoryData:
        """The data set with some of its fields, their values from ``ids`` if given."""
        return self.made_of((self.ids if ids is None else ids)[:, list(fields)], [self.names[n] for n in fields],
                            [self.sizes[n] for n in fields])


def among_rows(table: Table, fields: Collection[int], seed: int) -> np.ndarray:
    """The ids, with every one of ``fields`` shuffled over all rows: nothing is left but its number of values."""
    rng, ids = np.random.default_rng([seed, 1]), table.ids.copy()
    for field in sorted(fields):
        ids[:, field] = rng.permutation(ids[:, field])
    return ids


def among_entities(table: Table, fields: Collection[int], seed: int) -> np.ndarray:
    """The ids, with fields that an entity decides exchanged between entities, each field by itself: still a fact about
    the user or item, but one that says nothing. Other fields are shuffled over rows."""
    rng = np.random.default_rng([seed, 2])
    ids = among_rows(table, [n for n in fields if table.entity_of(n) is None], seed)
    for field in sorted(fields):
        entity = table.entity_of(field)
        if entity is not None:
            _, first, place = np.unique(table.entities[entity], return_index=True, return_inverse=True)
            ids[:, field] = rng.permutation(table.ids[first, field])[place]
    return ids


VARIANTS = ("all", "kept", "dropped shuffled over rows", "dropped shuffled over entities",
            "kept and users and items twice", "kept with embeddings of 40", "kept and fields of user",
            "kept and fields of item", "kept and other fields", "all with weight_decay 1e-05",
            "kept with weight_decay 1e-05", "all with epochs 16", "kept with epochs 16")


def variants(table: Table, kept: Sequence[int], seed: int) -> dict[str, tuple[MemoryData, dict]]:
    """Every variant by name: the data set, and settings that it changes."""
    everything = range(len(table.names))
    dropped = [n for n in everything if n not in kept]
    whose = {n: table.entity_of(n) for n in dropped}
    groups = {f"kept and {f'fields of {name}' if name else 'other fields'}": [n for n in dropped if whose[n] == name]
              for name in (*table.entities, None)}
    twice = [*kept, *(table.names.index(name) for name in table.entities)]
    again = table.made_of(table.ids[:, twice], [f"{n}_{place}" for place, n in enumerate(twice)],
                          [table.sizes[n] for n in twice])
    found = {"all": (table.take(everything), {}), "kept": (table.take(kept), {}),
             "dropped shuffled over rows": (table.take(everything, among_rows(table, dropped, seed)), {}),
             "dropped shuffled over entities": (table.take(everything, among_entities(table, dropped, seed)), {}),
             "kept and users and items twice": (again, {}),
             "kept with embeddings of 40": (table.take(kept), {"embedding_dim": 40})}
    found.update({name: (table.take(sorted([*kept, *more])), {}) for name, more in groups.items() if more})
    for changes in ({"weight_decay": 1e-5}, {"epochs": 16, "patience": 4}):
        key, value = next(iter(changes.items()))
        found.update({f"{name} with {key} {value:g}": (found[name][0], changes) for name in ("all", "kept")})
    return found


def above_chance(data, config: Settings) -> list[int]:
    """The fields that score above chance for some task."""
    choose_device(config.device_target, config.device_id)
    selector = SELECTORS["multisfs"](config).fit(data, data.schema.task_names)
    return [int(n) for n in np.flatnonzero((selector.scores_ > selector.chance_).any(0))]


def measure_dropped(data, entities: Sequence[str], seeds: int, config: Settings,
                    names: Collection[str]) -> Iterator[dict]:
    """Trains the variants with these names, of VARIANTS, with every seed.

    Yields:
        a record with the mean test AUC, and that of the rows of rare and of frequent entities.
    """
    table = Table(data, entities)
    for seed in range(seeds):
        mine = config.replace(seed=seed, progress=False)
        for place, (name, (altered, changes)) in enumerate(variants(table, above_chance(data, mine), seed).items()):
            if name not in names:
                continue
            run = f"dropped-{data.schema.dataset}-{place}-{seed}"
            metrics = train_on(altered, run, {"selector": "none", **changes}, mine)
            yield {"variant": name, "seed": seed, "fields": len(altered.schema.fields),
                   "mean_auc": metrics["mean_auc"], "best_epoch": metrics["best_epoch"],
                   "groups": by_frequency(table, config, run)}


def by_frequency(table: Table, config: Settings, run: str) -> dict[str, float]:
    """Mean test AUC over the rows of the rarest third of the test rows' users or items, and of the most frequent."""
    logits, labels = read_predictions(config.output_path / run, table.data.schema.task_names)["test"].arrays
    found = {}
    for name, codes in table.entities.items():
        seen = np.bincount(codes[:table.cuts[0]], minlength=codes.max() + 1)[codes[table.cuts[1]:]]
        low, high = np.quantile(seen, [1 / 3, 2 / 3])
        for words, rows in ((f"rare {name}", seen <= low), (f"frequent {name}", seen > high)):
            found[words] = float(np.mean(task_aucs(logits[rows], labels[rows])))
    return found


def dropped_table(records: Sequence[Mapping], base: str = "kept") -> str:
    """Per variant the means, and the differences of the AUC from ``base``, paired by seed, with standard errors."""
    reference = {record["seed"]: record for record in records if record["variant"] == base}
    groups, rows = list(records[0]["groups"]), []
    for name in dict.fromkeys(record["variant"] for record in records):
        mine = [record for record in records if record["variant"] == name and record["seed"] in reference]
        if mine:
            pairs = [(record, reference[record["seed"]]) for record in mine]
            rows.append([name, *(f"{np.mean([record[key] for record in mine]):{form}}" for key, form in
                                 (("fields", ".1f"), ("mean_auc", ".4f"))),
                         paired([one["mean_auc"] - other["mean_auc"] for one, other in pairs]),
                         *(paired([one["groups"][group] - other["groups"][group] for one, other in pairs])
                           for group in groups),
                         f"{np.mean([record['best_epoch'] for record in mine]):.1f}", str(len(mine))])
    return markdown_table(["variant", "fields", "mean AUC", f"against {base}", *groups, "best epoch", "seeds"], rows)

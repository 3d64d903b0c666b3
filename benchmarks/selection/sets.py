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
"""The data sets that selectors are measured on: planted ones, real ones split anew by seed or with labels dealt out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from src.common.errors import UserError
from src.data.memory import MemoryData, with_noise
from src.data.simulation.planted import Planted, plant
from src.data.subsets import DataSet
from src.labels import forget, known_labels
from src.schema import SPLITS
from src.settings import Settings
from src.workflow import open_data

TRAINED = {"simulate": "simulate", "adult": "adult", "adult_noise": "adult", "movielens": "movielens",
           "flights": "flights", "caravan": "caravan", "yeast": "yeast"}  # name -> dataset of its settings
NOISE = 15  # fields added to adult_noise
TRIES = 100  # random splits, of which one has to have two labels of every task


def open_set(name: str, config: Settings, rows: int) -> DataSet:
    """A set of TRAINED as it was prepared; ``rows`` rows of a simulated one."""
    data = plant("mix", 0, rows).data if name == "simulate" else open_data(config)
    return with_noise(data, NOISE, 0) if name.endswith("_noise") else data


def draw_set(name: str, config: Settings, rows: int, seed: int) -> DataSet:
    """A set of TRAINED whose rows were split anew, at most ``rows`` of them; a simulated one was drawn anew.

    One split is one sample: what is the best choice for its 483 test rows (yeast) need not be for others.
    """
    if name == "simulate":
        return plant("mix", seed, rows).data
    data = split_anew(open_data(config), seed, rows)
    return with_noise(data, NOISE, seed) if name.endswith("_noise") else data


def split_anew(data: DataSet, seed: int, rows: int) -> MemoryData:
    """At most ``rows`` random rows of a set, in splits of the same shares; a task has two labels in each of them.

    Raises:
        UserError: no such split was found.
    """
    read = [data.split(split).read(0, data.split(split).rows) for split in SPLITS]
    ids, labels = (np.concatenate(parts) for parts in zip(*read))
    share, rng = min(rows / len(ids), 1.0), np.random.default_rng([seed, 3])
    cuts = np.cumsum([int(share * len(own)) for own, _ in read])
    for _ in range(TRIES):
        places = np.split(rng.permutation(len(ids)), cuts)[:len(SPLITS)]
        if all(_two_labels(labels[some, task]) for some in places for task in range(labels.shape[1])):
            return _made(data, "", [(ids[some], labels[some]) for some in places])
    raise UserError(f"rows is {rows}: in {TRIES} random splits of {data.schema.dataset} some task had one label only "
                    "in train, valid or test; give more rows")


def draw_planted(law: str, instance: int, rows: int, noise: int = 0, clicked: bool = False) -> Planted:
    """A data set of a law.

    Args:
        law: its name.
        instance: its seed.
        rows: of it.
        noise: fields that say nothing, added to KuaiRand's 41.
        clicked: whether all labels but the first task's are known only where that one is 1, as conversions are.
    """
    planted = plant(law, instance, rows)
    if noise:
        planted = replace(planted, data=with_noise(planted.data, noise, instance))
    return replace(planted, data=known_where_clicked(planted.data)) if clicked else planted


def known_where_clicked(data: DataSet) -> MemoryData:
    """A set without the labels of all tasks but the first in the rows where the first one's is 0."""
    read = []
    for split in SPLITS:
        ids, labels = data.split(split).read(0, data.split(split).rows)
        labels = labels.copy()
        forget(labels[:, 1:], labels[:, 0] != 1)
        read.append((ids, labels))
    return _made(data, "-clicked", read)


def dealt(data: DataSet, seed: int) -> Planted:
    """A set with the labels of every split's rows dealt out to other rows of it: no field of it says anything, but
    fields are as common, as rare and as much alike as real ones, and so are the tasks."""
    rng, read = np.random.default_rng([seed, 4]), []
    for split in SPLITS:
        ids, labels = data.split(split).read(0, data.split(split).rows)
        read.append((ids, labels[rng.permutation(len(labels))]))
    return Planted(_made(data, "-dealt", read), (frozenset(),) * len(data.schema.tasks), {})


def _two_labels(column: np.ndarray) -> bool:
    known = column[known_labels(column)]
    return len(known) > 0 and known.min() < known.max()


def _made(data: DataSet, suffix: str, splits: Sequence[tuple[np.ndarray, np.ndarray]]) -> MemoryData:
    schema = data.schema
    return MemoryData(schema.dataset + suffix, schema.field_names, schema.cardinalities, schema.task_names,
                      dict(zip(SPLITS, splits)), None, schema.pools, schema.widths, schema.scales)

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
"""A small PreparedData with planted fields, and the settings of selectors that train on it."""

from __future__ import annotations

import numpy as np

from src.data.memory import MemorySplit
from src.settings import Settings, load_settings
from tests.helpers import make_schema
from tests.unit.selection.planted import draw_ids, draw_labels, standard

SIZES = (4, 5, 3, 6, 4, 8)
SETTINGS = ["embedding_dim=4", "bottom_dims=[16]", "tower_dims=[8]", "experts=2", "batch_size=128", "dropout=0.1",
            "learning_rate=0.01", "search_epochs=1", "epochs=1", "patience=1", "relation_epochs=1", "relation_dim=4",
            "score_batches=2", "progress=false", "keep_ratio=0.5", "backbone=shared_bottom"]


def trained_config(*changes: str) -> Settings:
    """Tiny networks, one epoch."""
    return load_settings([*SETTINGS, *changes])


class PlantedData:
    """Task t depends on field t strongly and on field t + 1 half as much; the last fields are noise.

    With ``scramble`` the valid and test rows are other ones; the train rows stay.
    """

    def __init__(self, rows: int = 2000, tasks: int = 2, strength: float = 2.0, scramble: bool = False):
        self.schema = make_schema(tasks, SIZES)
        self.splits = {}
        for index, (name, count) in enumerate({"train": rows, "valid": 200, "test": 200}.items()):
            rng = np.random.default_rng([7, index, scramble and name != "train"])
            ids = draw_ids(rng, count, SIZES)
            effects = [standard(np.arange(size) % 2 * 2.0 - 1 + 0.1 * np.arange(size))[column]
                       for size, column in zip(SIZES, ids.T)]
            logits = np.stack([strength * (effects[t] + 0.5 * effects[t + 1]) for t in range(tasks)], 1)
            self.splits[name] = MemorySplit(ids, draw_labels(rng, logits))

    def split(self, name):
        return self.splits[name]


class TrainOnly:
    """The same data, of which nothing but the train split can be had."""

    def __init__(self, data: PlantedData):
        self.schema, self.data = data.schema, data

    def split(self, name):
        assert name == "train", f"the selector reads {name}"
        return self.data.split(name)


def assert_train_only(kind, config: Settings, tasks: int = 2) -> np.ndarray:
    """Fits twice by one seed, the second time with other valid and test rows; returns the scores, which are equal.

    The first fit can have nothing but the train split.
    """
    data = PlantedData(600, tasks)
    first = kind(config).fit(TrainOnly(data), data.schema.task_names)
    again = kind(config).fit(PlantedData(600, tasks, scramble=True), data.schema.task_names)
    np.testing.assert_array_equal(first.scores_, again.scores_)
    assert first.scores_.shape == (tasks, len(SIZES)) and first.scores_.dtype == np.float64
    assert np.isfinite(first.scores_).all() and first.seconds_["total"] > 0
    return first.scores_


def fit_planted(kind, config: Settings, rows: int = 2000, tasks: int = 2):
    """The selector, fitted to planted data of so many rows and tasks."""
    data = PlantedData(rows, tasks)
    return kind(config).fit(data, data.schema.task_names)

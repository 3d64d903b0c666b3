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
"""Simulated laws in memory, without the way over raw files: for measuring selectors against the planted truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ...common.streams import SimulationStream, generator
from ...schema import SPLITS
from ..memory import MemoryData
from .columns import COLUMNS
from .generate import Simulation
from .laws import draw_plan

PARTS = (0.8, 0.1)  # train, valid; the rest is test


@dataclass(frozen=True)
class Planted:
    """A simulated data set and its truth.

    Attributes:
        data: its rows.
        relevant: fields that act on every task, as positions.
        copies: field -> the field it copies, as positions.
    """

    data: MemoryData
    relevant: tuple[frozenset, ...]
    copies: dict[int, int]


def plant(law: str, seed: int, rows: int) -> Planted:
    """Draws ``rows`` rows by a law, every one with its own user and video."""
    plan = draw_plan(law, seed)
    simulation = Simulation(plan, rows, rows, True, seed)
    row, rng = np.arange(rows), generator(seed, SimulationStream.RANDOM_ROWS)
    labels = np.stack([rng.random(rows) < expit(simulation.logit(task, row, row)) for task in plan.tasks], 1)
    ids = np.stack([simulation.codes[column.name] for column in COLUMNS], 1).astype(np.int32)
    cuts = np.cumsum([int(rows * part) for part in PARTS])
    splits = dict(zip(SPLITS, zip(np.split(ids, cuts), np.split(labels.astype(np.uint8), cuts))))
    names = [column.name for column in COLUMNS]
    data = MemoryData(f"simulate-{law}", names, [column.size for column in COLUMNS], plan.tasks, splits)
    return Planted(data, tuple(frozenset(map(names.index, plan.relevant(task))) for task in plan.tasks),
                   {names.index(copy): names.index(original) for copy, original in plan.copies.items()})

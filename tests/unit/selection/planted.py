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
"""Small planted data for the statistics of selection."""

from __future__ import annotations

import numpy as np

from src.selection.calibrated.sampling import ScoredRows
from src.selection.calibrated.score import CalibratedScores, calibrated_scores


def as_part(ids: np.ndarray, labels: np.ndarray, used=None, numbers=None, uz=None, places=None) -> ScoredRows:
    """Rows of tasks ``[rows, tasks]`` that have labels of all of them; all rows count for all, where not said."""
    tasks = tuple(range(labels.shape[1]))
    return ScoredRows(tasks, np.arange(len(ids)) if places is None else places, ids, labels,
                      np.ones(labels.shape, bool) if used is None else used, numbers or [False] * len(tasks), uz)


def scores_of(ids: np.ndarray, labels: np.ndarray, cardinalities, uz=None, used=None, pools=None, widths=None,
              numbers=None, share: bool = False) -> CalibratedScores:
    """Calibrated scores of tasks that have the same rows."""
    return calibrated_scores([as_part(ids, labels, used, numbers, uz)], cardinalities, pools, widths, share)


def draw_ids(rng: np.random.Generator, rows: int, cardinalities) -> np.ndarray:
    """Independent fields with unequal shares of their values, ``[rows, fields]``."""
    columns = []
    for size in cardinalities:
        share = 1 / np.arange(1, size + 1)
        columns.append(rng.choice(size, rows, p=share / share.sum()))
    return np.stack(columns, 1).astype(np.int32)


def draw_labels(rng: np.random.Generator, logits: np.ndarray) -> np.ndarray:
    """0/1 labels, uint8, of the logits' shape."""
    return (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.uint8)


def standard(effect: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1 over the rows."""
    return (effect - effect.mean()) / effect.std()

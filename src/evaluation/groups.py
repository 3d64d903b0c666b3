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
"""AUC within groups of rows, such as those of one user: how well a model ranks what one user is shown."""

from __future__ import annotations

import numpy as np


def group_aucs(logits: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The AUC of every group that has both labels; ties count half.

    Args:
        logits: float ``[rows]``.
        labels: 0 or 1, ``[rows]``.
        groups: int ``[rows]``; a negative one is none, and its rows are left out.

    Returns:
        the groups, int, their AUCs, float64, and their rows, int64, all ``[groups with both labels]``.
    """
    held = groups >= 0
    logits, labels, groups = np.asarray(logits, np.float64)[held], labels[held].astype(np.float64), groups[held]
    order = np.lexsort((logits, groups))
    logits, labels, groups = logits[order], labels[order], groups[order]
    names, first, number, rows = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    change = np.ones(len(groups), bool)  # where a run of equal logits of one group begins
    change[1:] = (np.diff(groups) != 0) | (np.diff(logits) != 0)
    starts = np.flatnonzero(change)
    ends = np.append(starts[1:], len(groups))
    rank = ((starts + ends + 1) / 2)[np.cumsum(change) - 1] - first[number]  # mean of its run, from 1 in its group
    positives = np.bincount(number, labels, len(names))
    ranks = np.bincount(number, labels * rank, len(names))
    both = (positives > 0) & (positives < rows)
    positives, rows = positives[both], rows[both]
    aucs = (ranks[both] - positives * (positives + 1) / 2) / (positives * (rows - positives))
    return names[both], aucs, rows.astype(np.int64)


def gauc(logits: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float | None:
    """The mean AUC of the groups that have both labels, weighted by their rows (Zhu et al., 2017); None without any.

    Args: those of :func:`group_aucs`.
    """
    _, aucs, rows = group_aucs(logits, labels, groups)
    return float(aucs @ rows / rows.sum()) if len(rows) else None

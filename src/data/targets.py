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
"""Labels as a loss takes them: the one place where unknown labels are left out of it and rows get their weights."""

from __future__ import annotations

import numpy as np

from ..labels import known_labels


def loss_targets(labels: np.ndarray, partial: bool, mine: slice | None = None,
                 weights: np.ndarray | None = None) -> np.ndarray:
    """The labels of a batch for TaskLosses (src/models/model.py).

    Args:
        labels: ``[batch, tasks]`` as src/labels.py says; only where ``partial`` some may be unknown.
        partial: whether the data set has unknown labels or weights; it decides the shape, which is the same for all
            batches.
        mine: the rows of the batch that this rank of several trains on; all ranks have equally many. The mean of
            the ranks' losses is then the loss of the whole batch.
        weights: of the rows, float ``[batch]``; None for all alike. A mean is then a weighted one.

    Returns:
        float32 ``[batch, tasks]``, the labels; where ``partial`` float32 ``[batch, tasks, 2]``: the label, 0 where it
        is not known, and the share that the entry has in the mean of its task over the known entries of the batch.

    Raises:
        ValueError: a label is unknown or no label, which ``partial`` would have to say.
    """
    if not partial:
        if labels.dtype.kind != "f" and labels.size and labels.max() > 1:
            raise ValueError(f"a label is {labels.max()}; expected 0 or 1 in data without unknown labels")
        if not known_labels(labels).all():
            raise ValueError("a label is NaN; expected a number in data without unknown labels")
        return labels.astype(np.float32)
    known = known_labels(labels)
    parts = known if weights is None else known * weights[:, None].astype(np.float64)
    total = parts.sum(0)
    shares = parts / np.where(total > 0, total, 1)
    targets = np.stack([np.where(known, labels, 0), shares], 2)
    if mine is not None:
        targets = targets[mine]
        targets[:, :, 1] *= len(labels) / len(targets)
    return np.ascontiguousarray(targets, np.float32)

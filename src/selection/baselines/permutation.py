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
"""Permutation importance of a trained model (Breiman, 2001): what predictions lose without a field's ties."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from ...evaluation import task_metrics
from ...settings import Settings
from ...training import predict_logits
from ..base import Selector
from ..multisfs import fresh_model
from .searching import HELD_OUT, MODEL_SETTINGS, Rows, hold_out, train_model

LOG = logging.getLogger(__name__)


class Permutation(Selector):
    """A field is worth the drop of the AUC on held-out train rows when its column is permuted there.

    A model of all fields is trained on the other train rows, with early stopping on those held out. A task whose
    held-out labels are of one class scores 0 everywhere.

    Args:
        config: the run's Settings (backbone and its sizes, batch_size, epochs, patience, learning_rate, weight_decay,
            dropout, seed, progress).

    After ``fit``: ``scores_``, ``best_epoch_`` and ``seconds_`` (train, score, total).
    """

    name = "permutation"

    def __init__(self, config: Settings):
        self.config = config

    def fit(self, data, tasks: Sequence[str]) -> Permutation:
        began, config = time.perf_counter(), self.config
        plan, model = fresh_model(data, tasks, config)
        indices = data.schema.task_indices(tasks)
        kept, held = hold_out(data.split("train"), config.seed)
        self.best_epoch_ = train_model(model, plan, (kept, held), indices, config)
        trained = time.perf_counter()

        def aucs(rows) -> np.ndarray:
            return task_aucs(*predict_logits(model, rows, plan, indices, config.batch_size))

        whole = aucs(held)
        for task in np.flatnonzero(np.isnan(whole)):
            LOG.warning("task %s has one class in the held-out rows; all its scores are 0", tasks[task])
        order = np.random.default_rng([config.seed, 0x9E7]).permutation(held.rows)
        fields = tqdm(range(len(plan.columns)), desc=self.name, unit="field", leave=False, disable=not config.progress)
        drops = [whole - aucs(Shuffled(held, field, order)) for field in fields]
        self.scores_ = np.nan_to_num(np.stack(drops, 1), nan=0.0)
        ended = time.perf_counter()
        self.seconds_ = {"train": trained - began, "score": ended - trained, "total": ended - began}
        return self

    def settings(self):
        values = self.config.to_dict()
        return {"held_out": HELD_OUT, "best_epoch": self.best_epoch_,
                **{name: values[name] for name in ("epochs", "patience", *MODEL_SETTINGS)}}


class Shuffled:
    """A split whose rows have one field from other rows; the plan of all fields reads the columns in their order.

    Args:
        split: the Rows.
        field: position of the field.
        order: int64 ``[rows]``, the row whose value every row gets.
    """

    def __init__(self, split: Rows, field: int, order: np.ndarray):
        self.split, self.field, self.order, self.rows = split, field, order, split.rows

    def read(self, start: int, stop: int, columns: Sequence[int], tasks: Sequence[int] | None = None):
        """Rows ``start`` to ``stop - 1`` as ``Split.read`` gives them, one column from elsewhere."""
        ids, labels = self.split.read(start, stop, columns, tasks)
        other = self.split.take(self.order[start:start + len(ids)], [self.field])[0]
        ids[:, list(columns).index(self.field)] = other[:, 0]
        return ids, labels


def task_aucs(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """AUC of every task, ``[tasks]``; NaN for labels of one class."""
    found = np.full(labels.shape[1], np.nan)
    varied = np.flatnonzero(labels.min(0) < labels.max(0))
    metrics = task_metrics(logits[:, varied], labels[:, varied], [str(task) for task in varied])
    found[varied] = [entry["auc"] for entry in metrics.values()]
    return found

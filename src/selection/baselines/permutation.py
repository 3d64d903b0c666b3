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
from collections.abc import Sequence

import numpy as np

from ...common.progress import progress
from ...common.streams import Stream, generator
from ...data.subsets import HELD_OUT, DataSet, RowSource, Shuffled, hold_out
from ...evaluation import task_aucs
from ...models import fresh_model
from ...training import predict_logits
from ..base import Selector
from .searching import MODEL_SETTINGS, train_model

LOG = logging.getLogger(__name__)


class Permutation(Selector):
    """A field is worth the drop of the AUC (XAUC of a number) on held-out train rows when its column is permuted there.

    A model of all fields is trained on the other train rows, with early stopping on those held out. A task whose
    held-out labels are of one class scores 0 everywhere.

    Args:
        config: the run's Settings (backbone and its sizes, batch_size, epochs, patience, learning_rate, weight_decay,
            dropout, seed, progress).

    After ``fit``: ``scores_``, ``best_epoch_`` and ``seconds_`` (train, score, total).
    """

    name = "permutation"

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        config, indices = self.config, data.schema.task_indices(tasks)
        plan, model = fresh_model(data.schema, tasks, config)
        kept, held = hold_out(data.split("train"), config.seed)
        with self.timed("train"):
            self.best_epoch_ = train_model(model, plan, (kept, held), indices, config)

        def aucs(rows: RowSource) -> np.ndarray:
            return task_aucs(*predict_logits(model, rows, plan, indices, config.batch_size))

        with self.timed("score"):
            before = aucs(held)
            for task in np.flatnonzero(np.isnan(before)):
                LOG.warning("task %s has one class in the held-out rows; all its scores are 0", tasks[task])
            order = generator(config.seed, Stream.PERMUTATION).permutation(held.rows)
            fields = progress(self.name, "field", config.progress, range(len(plan.columns)))
            drops = [before - aucs(Shuffled(held, field, order)) for field in fields]
        return np.nan_to_num(np.stack(drops, 1), nan=0.0)

    def settings(self):
        values = self.config.to_dict()
        return {"held_out": HELD_OUT, "best_epoch": self.best_epoch_,
                **{name: values[name] for name in ("epochs", "patience", *MODEL_SETTINGS)}}

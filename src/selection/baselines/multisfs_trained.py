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
"""MultiSFS-1, the paper's ablation: its score of weights that were trained, in place of initial ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...data.subsets import HELD_OUT, DataSet, hold_out
from ...models import fresh_model
from ...settings import Settings
from ..multisfs import MultiSFS
from .searching import train_model


class MultiSFSTrained(MultiSFS):
    """Trains all fields until held-out train rows stop improving, then scores and merges as MultiSFS with score paper.

    The score is always the paper's (eq. 10), whatever ``score`` says: chance as the calibrated one takes it out is that
    of untrained weights. ``score_sign``, ``score_batches``, ``relation`` and relation_* mean what they mean there.

    Args:
        config: the run's Settings: those of MultiSFS and epochs, patience, learning_rate, weight_decay, dropout.

    After ``fit``: ``scores_``, ``relations_``, ``best_epoch_`` and ``seconds_`` (train, score, relation, total).
    """

    name = "multisfs_trained"

    def __init__(self, config: Settings):
        super().__init__(config.replace(score="paper"))

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        with self.timed("train"):
            plan, model = self.trained = fresh_model(data.schema, tasks, self.config)
            self.best_epoch_ = train_model(model, plan, hold_out(data.split("train"), self.config.seed),
                                           data.schema.task_indices(tasks), self.config)
        return super().score_fields(data, tasks)

    def network(self, data, tasks):
        return self.trained

    def settings(self):
        config = self.config
        names = ("epochs", "patience", "learning_rate", "embedding_optimizer", "weight_decay", "dropout")
        return {**super().settings(), "held_out": HELD_OUT, "best_epoch": self.best_epoch_,
                **{name: getattr(config, name) for name in names}}

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
"""L1-penalised regression over one-hot values, one per task, through scikit-learn: logistic, or linear for numbers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from inspect import signature

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import Lasso as LinearLasso
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from ...common.progress import progress
from ...common.streams import Stream, generator
from ...data.subsets import DataSet, label_groups, sample_by_weight
from ...pooling import Pool, blocks
from ...schema import Schema
from ..base import Selector
from ..calibrated.several import value_matrix

LOG = logging.getLogger(__name__)
MOST_ROWS = 100_000  # rows of the train split that are used
STRENGTHS = (0.03, 0.1, 0.3, 1.0)  # scikit-learn's C, of which the best on held-out rows is taken
HELD_OUT = 0.2


class Lasso(Selector):
    """A field is worth the standard deviation of what its values add to the log-odds over the rows, or to the number.

    C is chosen per task on a fifth of the rows by log loss, or squared error. A field all of whose values got the
    weight 0 has score 0.

    Args:
        config: the run's Settings (seed, progress).
    """

    name = "lasso"

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        config, indices, sizes = self.config, data.schema.task_indices(tasks), data.schema.cardinalities
        scores, strengths = np.empty((len(tasks), len(sizes))), {}
        with progress("lasso", "task", config.progress, total=len(tasks)) as bar:
            for split, places in label_groups(sample_by_weight(data.split("train"), config.seed), indices):
                rows = generator(config.seed, Stream.LASSO_ROWS).permutation(split.rows)[:MOST_ROWS]
                ids, labels = split.take(rows, None, [indices[place] for place in places])
                hot = design(ids, data.schema)
                for place, label in zip(places, labels.T):
                    number = data.schema.scales[indices[place]] is not None
                    weights, strengths[tasks[place]] = best_weights(hot, label, tasks[place], config.seed, number)
                    scores[place] = field_spread(hot, weights, sizes, data.schema.pools)
                    bar.update()
        self.strengths_ = {task: strengths[task] for task in tasks}
        return scores

    def settings(self):
        return {"rows": MOST_ROWS, "C": self.strengths_}


def design(ids: np.ndarray, schema: Schema) -> csr_matrix:
    """Sparse ``[rows, Σ cardinalities]`` of ids ``[rows, columns]``: one column a value, 1 in its rows; in those of a
    pooled field's value what it counts there."""
    if not any(schema.pools):
        return one_hot(ids, schema.cardinalities)
    parts = zip(blocks(ids, schema.widths), schema.pools, schema.cardinalities)
    return hstack([value_matrix(block, pool or "sum", size) for block, pool, size in parts], "csr")


def one_hot(ids: np.ndarray, cardinalities: Sequence[int]) -> csr_matrix:
    """Sparse 0/1 ``[rows, Σ cardinalities]``: field n has the columns from the sum of those before it."""
    rows, fields = ids.shape
    offsets = np.concatenate([[0], np.cumsum(cardinalities)])
    columns = (ids + offsets[:-1]).astype(np.int32).ravel()
    return csr_matrix((np.ones(rows * fields, np.float64), columns, np.arange(0, rows * fields + 1, fields)),
                      (rows, int(offsets[-1])))


def best_weights(hot: csr_matrix, label: np.ndarray, task: str, seed: int,
                 number: bool = False) -> tuple[np.ndarray, float]:
    """Weights of every value at the C that predicts held-out rows best, and that C; zeros for labels all alike."""
    held = max(1, int(hot.shape[0] * HELD_OUT))
    if len(np.unique(label[held:])) < 2:
        LOG.warning("task %s has one class or number in the rows of the lasso; all its scores are 0", task)
        return np.zeros(hot.shape[1]), 0.0
    losses = []
    for strength in STRENGTHS:
        if number:
            model = _linear(strength, hot.shape[0] - held).fit(hot[held:], label[held:])
            losses.append(np.mean(np.square(model.predict(hot[:held]) - label[:held])))
        else:
            model = _model(strength, seed).fit(hot[held:], label[held:])
            losses.append(log_loss(label[:held], model.predict_proba(hot[:held])[:, 1], labels=[0, 1]))
    best = STRENGTHS[int(np.argmin(losses))]
    if number:
        return _linear(best, hot.shape[0]).fit(hot, label).coef_, best
    return _model(best, seed).fit(hot, label).coef_[0], best


def _linear(strength: float, rows: int) -> LinearLasso:
    """The L1 norm plus C times the sum of half the squared errors, as of the log losses in ``_model``."""
    return LinearLasso(alpha=1 / (strength * rows), max_iter=1000, tol=1e-3)


def _model(strength: float, seed: int) -> LogisticRegression:
    # scikit-learn 1.8 renamed the way to ask for an L1 penalty.
    renamed = signature(LogisticRegression).parameters["penalty"].default == "deprecated"
    penalty = {"l1_ratio": 1.0} if renamed else {"penalty": "l1"}
    return LogisticRegression(C=strength, solver="liblinear", random_state=seed, max_iter=50, tol=1e-3, **penalty)


def field_spread(hot: csr_matrix, weights: np.ndarray, cardinalities: Sequence[int],
                 pools: Sequence[Pool | None] | None = None) -> np.ndarray:
    """Standard deviation over the rows of every field's part of the log-odds or number, ``[fields]``."""
    share = np.asarray(hot.sum(0)).ravel() / hot.shape[0]
    first = np.concatenate([[0], np.cumsum(cardinalities)[:-1]])
    mean = np.add.reduceat(share * weights, first)
    spread = np.sqrt(np.maximum(np.add.reduceat(share * weights ** 2, first) - mean ** 2, 0))
    for n in np.flatnonzero(pools or ()):  # a row adds up several values
        own = slice(first[n], first[n] + cardinalities[n])
        spread[n] = (hot[:, own] @ weights[own]).std()
    return spread

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
"""Selectors that count: chi-squared, mutual information between every field and every label, and the random one.

Of a label that is a number, Pearson's statistic is read as n η²: the rows times the share of the label's variance that
lies between the field's values. For labels 0 and 1 the two are equal; η² is that of the analysis of variance, whose F
is η² / (1 - η²) times (n - values) / (values - 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import expected_mutual_information

from ...common.progress import progress
from ...common.streams import Stream, generator
from ...data.subsets import DataSet, RowSource, label_groups, sample_by_weight
from ..base import Selector

BLOCK = 262_144  # rows in memory at a time


class Counting(Selector):
    """Base of the selectors that need no more than how often every value meets every label, or the sum of its labels.

    One pass over the train split, and one over its rows with a label for every task that some rows have none of; memory
    is one number per value and task, and a block of rows.

    Args:
        config: the run's Settings (progress).
    """

    takes_pooled = False  # a row that counts in several values leaves no chance level that holds
    numbers = False

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        indices, cardinalities = data.schema.task_indices(tasks), data.schema.cardinalities
        scores, scales = np.empty((len(tasks), len(cardinalities))), data.schema.scales_of(tasks)
        for rows, places in label_groups(sample_by_weight(data.split("train"), self.config.seed), indices):
            own = [indices[place] for place in places]
            with self.timed("count"):
                tables, squares = contingency(rows, cardinalities, own, self.config.progress)
            with self.timed("score"):
                for t, place in enumerate(places):
                    pairs = [table[:, (0, 1 + t)] for table in tables]
                    scores[place] = [self.score(_seen(pair)) if scales[place] is None else
                                     self.score_number(pair[pair[:, 0] > 0], squares[t]) for pair in pairs]
        return scores

    def score(self, table: np.ndarray) -> float:
        """The score of one field for one task.

        Args:
            table: rows with label 0 and label 1 of every value seen, int64 ``[values, 2]``.
        """
        raise TypeError(f"{type(self).__name__} does not say how it scores")

    def score_number(self, table: np.ndarray, squares: float) -> float:
        """The score of one field for one task whose label is a number, of selectors that say ``numbers``.

        Args:
            table: rows and sum of the labels of every value seen, float64 ``[values, 2]``.
            squares: sum of the squares of all labels.
        """
        raise TypeError(f"{type(self).__name__} does not score numbers")


class ChiSquared(Counting):
    """Pearson's statistic (Liu and Setiono, 1995): it grows with the number of values, useful or not."""

    name = "chi2"
    numbers = True

    def score(self, table):
        return _chi_squared(table)[0]

    def score_number(self, table, squares):
        return explained(table, squares)[0]


class ChiSquaredZ(Counting):
    """Pearson's statistic less its degrees of freedom, in its standard deviations: comparable over cardinalities."""

    name = "chi2_z"
    chance_ = 3.0

    numbers = True

    def score(self, table):
        return _less_chance(*_chi_squared(table))

    def score_number(self, table, squares):
        return _less_chance(*explained(table, squares))


class MutualInformation(Counting):
    """Mutual information less its exact expectation under shuffled labels, in nats."""

    name = "mutual_information"

    def score(self, table):
        if not _varies(table):
            return 0.0
        expected = expected_mutual_information(table, int(table.sum()))
        return float(mutual_info_score(None, None, contingency=table) - expected)


class Random(Selector):
    """Every task's fields in an order of its own, drawn from the seed."""

    name = "random"

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        return generator(self.config.seed, Stream.RANDOM_SCORES).random((len(tasks), len(data.schema.fields)))


def contingency(split: RowSource, cardinalities: Sequence[int], tasks: Sequence[int],
                show: bool = False) -> tuple[list[np.ndarray], np.ndarray]:
    """How often every value occurs, and how often with every label, or the sum of its labels.

    Args:
        split: the rows.
        cardinalities: ids of every field.
        tasks: positions of the tasks, whose labels are known in all of the rows.
        show: progress bar.

    Returns:
        ``[cardinality, 1 + tasks]`` for every field, rows and the sum of labels: int64, so rows with label 1; float64
        where the set has labels that are numbers. And the sum of the squares of all labels, float64 ``[tasks]``.
    """
    whole = split.read_labels(0, 0).dtype.kind != "f"
    tables = [np.zeros((size, 1 + len(tasks)), np.int64 if whole else np.float64) for size in cardinalities]
    squares = np.zeros(len(tasks))
    with progress("count", "row", show, total=split.rows) as bar:
        for start in range(0, split.rows, BLOCK):
            ids, labels = split.read(start, start + BLOCK, None, tasks)
            squares += np.square(labels, dtype=np.float64).sum(0)
            for table, column in zip(tables, ids.T):
                table[:, 0] += np.bincount(column, minlength=len(table))
                for t, label in enumerate(labels.T):
                    table[:, 1 + t] += (np.bincount(column[label > 0], minlength=len(table)) if whole else
                                        np.bincount(column, label, len(table)))
            bar.update(len(ids))
    return tables, squares


def explained(table: np.ndarray, squares: float) -> tuple[float, int]:
    """n η² and its degrees of freedom, values - 1; 0, 0 for a constant field or label.

    Args: those of ``Counting.score_number``.
    """
    rows, sums = table.T
    whole = squares - sums.sum() ** 2 / rows.sum() if len(table) else 0.0
    if len(table) < 2 or whole <= 1e-12 * squares:
        return 0.0, 0
    between = (sums ** 2 / rows).sum() - sums.sum() ** 2 / rows.sum()
    return float(rows.sum() * max(between, 0.0) / whole), len(table) - 1


def _seen(table: np.ndarray) -> np.ndarray:
    """(rows, positives) of all values to (negatives, positives) of those that occur."""
    table = table[table[:, 0] > 0].astype(np.int64, copy=False)
    return np.stack([table[:, 0] - table[:, 1], table[:, 1]], 1)


def _varies(table: np.ndarray) -> bool:
    return len(table) > 1 and (table.sum(0) > 0).all()


def _less_chance(statistic: float, freedom: int) -> float:
    """The statistic less what is expected by chance, its degrees of freedom, in standard deviations."""
    return (statistic - freedom) / np.sqrt(2 * freedom) if freedom else 0.0


def _chi_squared(table: np.ndarray) -> tuple[float, int]:
    """Statistic and degrees of freedom; 0, 0 for a constant field or label."""
    if not _varies(table):
        return 0.0, 0
    found = chi2_contingency(table, correction=False)
    return float(found[0]), int(found[2])

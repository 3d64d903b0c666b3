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
"""Metrics of labels that are numbers: R², MAE, RMSE, and XAUC, the AUC of numbers. No MindSpore.

Of two rows with different labels, XAUC is the chance that the model predicts more for the one with the larger label;
equal predictions count half (Zhan et al., KDD 2022; the concordance index of statistics). For labels 0 and 1 that is
the AUC itself, so it stands beside the AUC of binary tasks in means, intervals and costs of fields.
"""

from __future__ import annotations

import numpy as np

from ..schema import Scale

MOST_COMPARED = 500_000  # rows; of more, as many are compared, evenly spaced
NAMES = ("r2", "mae", "rmse")


def number_metrics(outputs: np.ndarray, labels: np.ndarray, scale: Scale) -> dict[str, float | None]:
    """All metrics of a task; those that cannot be computed are None.

    Args:
        outputs: what the model predicts, in units of the scale, float64 ``[rows]``.
        labels: in units of the scale, ``[rows]``.
        scale: of the train split.

    Returns:
        ``auc`` (XAUC), ``r2`` (of 1 at most; 0 is that of always predicting the rows' mean), ``mae`` and ``rmse`` in
        the label's own units, and ``loss``, what training minimises: half the squared error in units of the scale.
    """
    if not len(labels):
        return dict.fromkeys(("auc", *NAMES, "loss"))
    labels = labels.astype(np.float64)
    squared, unit = float(np.mean(np.square(outputs - labels))), scale.unit
    spread = float(np.var(labels))
    return {"auc": xauc(outputs, labels), "r2": 1 - squared / spread if spread > 0 else None,
            "mae": float(np.mean(np.abs(outputs - labels))) * unit, "rmse": float(np.sqrt(squared)) * unit,
            "loss": squared / 2}


def xauc(outputs: np.ndarray, labels: np.ndarray) -> float | None:
    """XAUC, of at most MOST_COMPARED rows; None where all labels are equal."""
    if len(labels) > MOST_COMPARED:
        rows = np.linspace(0, len(labels) - 1, MOST_COMPARED).astype(np.int64)
        outputs, labels = outputs[rows], labels[rows]
    agreeing, different = concordance(outputs, labels)
    return float(agreeing.sum() / different.sum()) if different.any() else None


def concordance(outputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every row, the rows that are on its right side, and the rows it is compared with.

    Args:
        outputs, labels: float ``[rows]``.

    Returns:
        float64 ``[rows]``: rows with a smaller label and a smaller output, or a larger label and a larger output, and
        half of those with another label and the same output; and rows with another label.
    """
    count = len(labels)
    if not count:
        return np.zeros(0), np.zeros(0)
    label, same_label = _ranks(labels)
    output, same_output = _ranks(outputs)
    _, same_both = _ranks(label * count + output)
    below = _below_in_both(label, output)
    # Of the rows with a label that is not larger and an output that is not larger: those equal in one of the two.
    beside = _below_within(label, output) + _below_within(output, label) + same_both
    above = count - (label + same_label) - (output + same_output) + below + beside
    return below + above + (same_output - same_both) / 2, (count - same_label).astype(np.float64)


def _ranks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many values are smaller than each one, and how many are equal to it, itself included; int64."""
    _, first, counts = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    return below[first.reshape(-1)].astype(np.int64), counts[first.reshape(-1)].astype(np.int64)


def _below_within(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many rows of a row's own group have a smaller value; both are ranks, int64 ``[rows]``."""
    below, _ = _ranks(groups * len(groups) + values)
    return below - groups  # the rank of a group is the number of rows in groups before it


def _below_in_both(labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """How many rows have a smaller label and a smaller output than each one, int64; both are ranks.

    Rows stand in the order of their labels and are dealt into two heaps by the highest bit of their outputs' ranks,
    then each heap by the next bit, always in that order. Two rows part at the highest bit in which their outputs
    differ; the one with a 1 counts the one with a 0 if it stands before. Equal labels begin in falling order of output,
    so that they count nothing.
    """
    count = len(labels)
    rows = np.lexsort((-outputs, labels))
    keys, found, places = outputs[rows], np.zeros(count, np.int64), np.arange(count)
    heaps = np.zeros(1, np.int64)  # where the heap of every prefix begins
    for bit in range(int(keys.max()).bit_length() - 1, -1, -1):
        prefix = keys >> bit
        one = (prefix & 1).astype(bool)
        start = heaps[prefix >> 1]
        before = np.cumsum(~one) - ~one  # rows with a 0 that stand before, of all heaps
        before -= before[start]
        found[rows[one]] += before[one]
        sizes = np.bincount(prefix)
        heaps = np.cumsum(sizes) - sizes
        place = heaps[prefix] + np.where(one, places - start - before, before)
        keys[place], rows[place] = keys.copy(), rows.copy()
    return found


def number_parts(outputs: np.ndarray, labels: np.ndarray, scale: Scale) -> dict[str, np.ndarray]:
    """Each row's part in the error of every metric, as in src/evaluation/intervals.py: float64 ``[rows]`` by name.

    Of more than MOST_COMPARED rows, the parts of XAUC are those of the rows compared, and 0 for the others.
    """
    labels = labels.astype(np.float64)
    if not len(labels):
        return dict.fromkeys(("auc", *NAMES), np.zeros(0))
    errors, unit = outputs - labels, scale.unit
    squared, spread = np.square(errors), float(np.var(labels))
    mean, absolute = squared.mean(), np.abs(errors)
    nothing = np.full(len(labels), np.nan)
    return {
        "auc": _xauc_parts(outputs, labels),
        "r2": (mean / spread * np.square(labels - labels.mean()) - squared) / spread if spread > 0 else nothing,
        "mae": (absolute - absolute.mean()) * unit,
        "rmse": (squared - mean) / (2 * np.sqrt(mean)) * unit if mean > 0 else np.zeros(len(labels)),
    }


def _xauc_parts(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Those of a ratio of two means over pairs of rows, to first order; all NaN where all labels are equal."""
    count = len(labels)
    rows = np.linspace(0, count - 1, min(count, MOST_COMPARED)).astype(np.int64)
    agreeing, different = concordance(outputs[rows], labels[rows])
    parts = np.zeros(count)
    if not different.any():
        return np.full(count, np.nan)
    share = agreeing.sum() / different.sum()
    parts[rows] = 2 * len(rows) * (agreeing - share * different) / different.sum() * (count / len(rows))
    return parts


class CountedNumbers:
    """The metrics of one task for rows that count several times: ``Counted`` of bootstrap.py for a number.

    R², MAE and RMSE are those of the rows as they count. XAUC is that of all rows once, plus the parts of the rows as
    they count: to first order.

    Args:
        outputs: float ``[rows]``, all with a label.
        labels: ``[rows]``.
        scale: of the train split.
    """

    def __init__(self, outputs: np.ndarray, labels: np.ndarray, scale: Scale):
        self.labels, self.unit = labels.astype(np.float64), scale.unit
        self.errors = outputs - self.labels
        self.xauc = xauc(outputs, self.labels) if len(labels) else None
        self.parts = _xauc_parts(outputs, self.labels) if len(labels) else self.labels

    def metrics(self, counts: np.ndarray) -> dict[str, float]:
        """Every metric that can be computed, by name."""
        total = counts.sum()
        if not total:
            return {}
        squared = counts @ np.square(self.errors) / total
        spread = counts @ np.square(self.labels - counts @ self.labels / total) / total
        found = {"mae": counts @ np.abs(self.errors) / total * self.unit, "rmse": np.sqrt(squared) * self.unit}
        if spread > 0:
            found["r2"] = 1 - squared / spread
        if self.xauc is not None:
            found["auc"] = self.xauc + counts @ self.parts / total
        return found

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
"""Intervals against DeLong's formula, computed pair by pair, and against the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from src.evaluation.intervals import NORMAL_95, auc_parts, half_width, logloss_parts, metric_parts
from src.evaluation.metrics import task_metrics
from src.schema import UNKNOWN


def two_models(rows: int = 300, seed: int = 0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.3).astype(np.uint8)
    first = np.round(labels + rng.normal(size=rows), 1)  # rounded: there are ties
    return labels, first, np.round(0.7 * first + rng.normal(size=rows), 1)


def delong_variance(labels, first, second=None):
    """DeLong et al. (1988), equations 4 to 6, over all pairs."""
    def components(scores):
        pairs = scores[labels == 1][:, None] - scores[labels == 0][None, :]
        kernel = (pairs > 0) + 0.5 * (pairs == 0)
        return kernel.mean(1), kernel.mean(0)

    (v10, v01), (w10, w01) = components(first), (0, 0) if second is None else components(second)
    return np.var(v10 - w10, ddof=1) / len(v10) + np.var(v01 - w01, ddof=1) / len(v01)


def test_auc_is_delong():
    labels, first, second = two_models()
    parts = auc_parts(first, labels)
    assert parts.mean() == pytest.approx(0, abs=1e-12)
    assert half_width(parts) == pytest.approx(NORMAL_95 * np.sqrt(delong_variance(labels, first)), rel=0.01)
    difference = half_width(parts - auc_parts(second, labels))
    assert difference == pytest.approx(NORMAL_95 * np.sqrt(delong_variance(labels, first, second)), rel=0.01)


def test_log_loss_is_the_error_of_a_mean():
    labels, logits, _ = two_models()
    losses = np.log1p(np.exp(np.where(labels == 1, -logits, logits)))
    assert half_width(logloss_parts(logits, labels)) == pytest.approx(NORMAL_95 * losses.std() / np.sqrt(300))


def test_mean_over_tasks_agrees_with_the_bootstrap():
    """Tasks share their rows, so their errors are not independent."""
    labels, first, second = two_models(800)
    other = (first + np.random.default_rng(2).normal(size=800) > 1).astype(np.uint8)
    width = half_width((auc_parts(first, labels) + auc_parts(second, other)) / 2)
    rng, means = np.random.default_rng(1), []
    for _ in range(200):
        rows = rng.integers(0, 800, 800)
        means.append((roc_auc_score(labels[rows], first[rows]) + roc_auc_score(other[rows], second[rows])) / 2)
    assert width == pytest.approx(NORMAL_95 * np.std(means), rel=0.15)


def test_one_class_or_no_rows_have_no_interval():
    assert half_width(auc_parts(np.arange(3.0), np.ones(3))) is None
    assert half_width(auc_parts(np.empty(0), np.empty(0))) is None
    assert half_width(logloss_parts(np.empty(0), np.empty(0))) is None


def test_intervals_are_those_of_the_rows_with_a_label():
    labels, first, second = two_models(500)
    hidden = np.column_stack([labels, labels, labels])
    known = np.random.default_rng(3).random(500) < 0.4
    hidden[~known, 1], hidden[:, 2] = UNKNOWN, UNKNOWN
    logits = np.column_stack([first, second, first])
    parts, alone = metric_parts(logits, hidden), metric_parts(logits[known, 1:2], hidden[known, 1:2])
    whole = metric_parts(logits, np.column_stack([labels] * 3))
    for key in ("auc", "logloss"):
        np.testing.assert_array_equal(parts[key][:, 0], whole[key][:, 0])
        assert half_width(parts[key][:, 1]) == pytest.approx(half_width(alone[key][:, 0]))
        assert half_width(parts[key][:, 2]) is None


def test_mean_over_tasks_of_different_rows_agrees_with_the_bootstrap():
    labels, first, second = two_models(900)
    hidden = np.column_stack([labels, labels])
    hidden[np.random.default_rng(3).random(900) < 0.6, 1] = UNKNOWN
    logits = np.column_stack([first, second])
    width = half_width(metric_parts(logits, hidden)["auc"].mean(1))
    rng, means = np.random.default_rng(1), []
    for _ in range(200):
        rows = rng.integers(0, 900, 900)
        means.append(np.mean([entry["auc"] for entry in task_metrics(logits[rows], hidden[rows], ["a", "b"]).values()]))
    assert width == pytest.approx(NORMAL_95 * np.std(means), rel=0.15)

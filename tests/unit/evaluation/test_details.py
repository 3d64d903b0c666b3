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
"""Metrics besides AUC and log loss, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from src.evaluation import Predictions, change, half_width, metric_parts, task_details
from src.schema import UNKNOWN

LABELS = (np.random.default_rng(0).random((500, 2)) < [0.2, 0.5]).astype(np.uint8)
LOGITS = (LABELS + np.random.default_rng(1).normal(size=LABELS.shape)).astype(np.float32)


def test_average_precision_is_the_mean_precision_at_the_positives():
    order = LABELS[np.argsort(-LOGITS[:, 0]), 0]
    precision = np.cumsum(order) / np.arange(1, 501)
    assert task_details(LOGITS, LABELS, ["a", "b"])["a"]["pr_auc"] == pytest.approx(precision[order == 1].mean())


def test_predicting_the_rate_has_normalised_entropy_1_and_no_calibration_error():
    rate = LABELS[:, 0].mean()
    found = task_details(np.full((500, 1), np.log(rate / (1 - rate))), LABELS[:, :1], ["a"])["a"]
    assert found["normalised_entropy"] == pytest.approx(1) and found["calibration_error"] == pytest.approx(0, abs=1e-9)


def test_calibration_error_does_not_depend_on_the_order_of_rows():
    """Rows with the chance 1 / 2 of which all are positive, and others with 1 / 4 of which a quarter is."""
    logits, labels = np.repeat([0.0, np.log(1 / 3)], [10, 40]), np.array([1] * 10 + [1, 0, 0, 0] * 10)
    for order in (np.arange(50), np.random.default_rng(0).permutation(50)):
        found = task_details(logits[order, None], labels[order, None], ["a"])["a"]
        assert found["calibration_error"] == pytest.approx(0.2 * 0.5)


def test_change_from_another_model():
    theirs = Predictions(LOGITS + np.random.default_rng(2).normal(size=LOGITS.shape), LABELS)
    found = change(Predictions(LOGITS, LABELS), theirs, ["a", "b"])
    aucs = [[roc_auc_score(LABELS[:, task], logits[:, task]) for task in (0, 1)] for logits in (LOGITS, theirs.logits)]
    assert found["b"]["auc"] == pytest.approx(aucs[0][1] - aucs[1][1])
    assert found["mean_auc"]["auc"] == pytest.approx(np.mean(aucs[0]) - np.mean(aucs[1]))
    parts = metric_parts(LOGITS, LABELS)["logloss"] - metric_parts(*theirs)["logloss"]
    assert found["a"]["logloss_error"] == half_width(parts[:, 0])
    assert set(found["mean_auc"]) == {"auc", "auc_error"}


def test_one_class_and_no_rows():
    found = task_details(np.zeros((3, 1)), np.ones((3, 1)), ["a"])["a"]
    assert (found["pr_auc"], found["normalised_entropy"], found["auc_error"]) == (None, None, None)
    assert found["calibration_error"] == 0.5 and found["logloss_error"] == 0
    assert set(task_details(np.zeros((0, 1)), np.zeros((0, 1)), ["a"])["a"].values()) == {None}


def test_details_are_those_of_the_rows_with_a_label():
    hidden, known = LABELS.copy(), np.arange(500) % 3 > 0
    hidden[~known, 1] = UNKNOWN
    found, alone = task_details(LOGITS, hidden, ["a", "b"]), task_details(LOGITS[known], LABELS[known], ["a", "b"])
    assert found["a"] == task_details(LOGITS, LABELS, ["a", "b"])["a"]
    assert found["b"] == pytest.approx(alone["b"])

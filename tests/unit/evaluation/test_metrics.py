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
"""AUC and log loss against direct computation."""

import logging

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from src.common.errors import UserError
from src.evaluation import mean_auc, monitored, task_aucs, task_metrics
from src.evaluation.metrics import check_monitor
from src.schema import UNKNOWN


def test_auc_counts_pairs_and_ties():
    logits, labels = np.array([[0.0], [1.0], [1.0], [2.0], [-1.0]], np.float32), np.array([[0], [1], [0], [1], [1]])
    pairs = [(p > n) + 0.5 * (p == n) for p in (1.0, 2.0, -1.0) for n in (0.0, 1.0)]
    assert task_metrics(logits, labels, ["a"])["a"]["auc"] == pytest.approx(np.mean(pairs))


def test_log_loss_is_exact_where_probabilities_saturate():
    logits, labels = np.array([[800.0], [-800.0], [0.3]], np.float32), np.array([[1], [1], [0]])
    expected = (0 + 800 + np.log1p(np.exp(np.float64(np.float32(0.3))))) / 3
    assert task_metrics(logits, labels, ["a"])["a"]["logloss"] == pytest.approx(expected, rel=1e-12)


def test_one_class_gives_null_and_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        found = task_metrics(np.zeros((3, 2), np.float32), np.array([[1, 0], [1, 1], [1, 0]]), ["a", "b"], "test")
    assert found["a"]["auc"] is None and found["b"]["auc"] == 0.5 and mean_auc(found) is None
    assert "task a has only label 1 in the test split" in caplog.text


def test_no_rows():
    assert task_metrics(np.zeros((0, 1)), np.zeros((0, 1)), ["a"])["a"] == {"auc": None, "logloss": None}


def test_monitors():
    metrics = {"a": {"auc": 0.6, "logloss": 0.5}, "b": {"auc": 0.8, "logloss": 0.1}, "c": {"auc": None, "logloss": 0.3}}
    assert monitored(metrics, "mean_auc") == pytest.approx(0.7)
    assert monitored(metrics, "min_auc") == 0.6
    assert monitored(metrics, "mean_logloss") == pytest.approx(-0.3)
    assert monitored(metrics, "b") == 0.8 and monitored(metrics, "c") is None


def test_aucs_of_several_tasks_by_hand():
    logits = np.array([[0.0, 1], [1, 1], [2, 1], [3, 1]])
    labels = np.array([[0, 1], [1, 1], [0, 1], [1, 1]])
    np.testing.assert_array_equal(task_aucs(logits, labels), [0.75, np.nan])


@pytest.mark.parametrize("monitor, rates, words", [
    ("mean_acu", {}, "monitor is 'mean_acu'; expected .*did you mean mean_auc"),
    ("click", {"click": 0.0}, "monitor click cannot be computed: click has one class or no rows in the valid split"),
    ("mean_auc", {"click": 0.0, "like": 1.0}, "monitor mean_auc cannot be computed: click, like has one class"),
    ("min_auc", {"click": None, "like": None}, "monitor min_auc cannot be computed"),
])
def test_a_monitor_that_cannot_be_computed_is_refused_before_training(monitor, rates, words):
    with pytest.raises(UserError, match=words):
        check_monitor(monitor, ["click", "like"], rates)


def test_monitors_that_can_be_computed():
    tasks = ["click", "like"]
    check_monitor("mean_auc", tasks, {})  # what is not known is not refused
    check_monitor("mean_auc", tasks, {"click": 0.0, "like": 0.5})  # a task without an AUC is left out
    check_monitor("mean_logloss", tasks, {"click": 0.0, "like": 1.0})
    check_monitor("like", tasks, {"click": 0.0, "like": 0.5})


def test_a_task_named_as_a_metric_is_not_taken_for_it():
    with pytest.raises(UserError, match="monitor mean_auc may be the task of this name or the metric"):
        check_monitor("mean_auc", ["mean_auc", "like"], {})
    check_monitor("like", ["mean_auc", "like"], {})


def test_metrics_are_those_of_the_rows_with_a_label():
    rng = np.random.default_rng(5)
    logits, labels = rng.normal(size=(200, 3)).astype(np.float32), rng.integers(0, 2, (200, 3)).astype(np.uint8)
    hidden = labels.copy()
    hidden[rng.random(200) < 0.7, 1], hidden[:, 2] = UNKNOWN, UNKNOWN
    known = hidden[:, 1] != UNKNOWN
    found = task_metrics(logits, hidden, ["a", "b", "c"])
    assert found["a"] == task_metrics(logits, labels, ["a", "b", "c"])["a"]
    assert found["b"]["auc"] == roc_auc_score(labels[known, 1], logits[known, 1])
    chance = 1 / (1 + np.exp(-logits[known, 1].astype(np.float64)))
    losses = -np.where(labels[known, 1] == 1, np.log(chance), np.log(1 - chance))
    assert found["b"]["logloss"] == pytest.approx(losses.mean())
    assert found["c"] == {"auc": None, "logloss": None}
    aucs = task_aucs(logits, hidden)
    assert aucs[:2].tolist() == [found["a"]["auc"], found["b"]["auc"]] and np.isnan(aucs[2])

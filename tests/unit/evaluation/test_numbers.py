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
"""Metrics of numbers against scikit-learn, pairs of rows, the AUC, and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from src.evaluation import (
    Predictions,
    bootstrap_intervals,
    change,
    half_width,
    metric_parts,
    task_details,
    task_metrics,
)
from src.evaluation.intervals import auc_parts
from src.evaluation.metrics import mean_auc, monitored, task_aucs
from src.evaluation.numbers import concordance, number_metrics, number_parts, xauc
from src.evaluation.predictions import read_predictions, write_predictions
from src.schema import Scale

SCALE = Scale(200.0, 50.0)


def made(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and labels in units of SCALE."""
    rng = np.random.default_rng(seed)
    labels = rng.normal(size=rows).astype(np.float32)
    return 0.3 + 0.7 * labels + 0.5 * rng.normal(size=rows), labels


def mixed(rows: int = 400, noise: float = 1.0) -> Predictions:
    """One binary task, and one of numbers that some rows have no label of."""
    rng = np.random.default_rng(1)
    outputs, numbers = made(rows)
    classes = (rng.random(rows) < 0.4).astype(np.float32)
    numbers[::7] = np.nan
    logits = np.stack([classes + noise * rng.normal(size=rows), outputs + (noise - 1) * rng.normal(size=rows)], 1)
    return Predictions(logits.astype(np.float32), np.stack([classes, numbers], 1), (None, SCALE))


def test_metrics_are_those_of_scikit_learn_in_own_units():
    outputs, labels = made()
    found = number_metrics(outputs, labels, SCALE)
    truth, predicted = 200 + 50 * labels.astype(float), 200 + 50 * outputs
    assert found["r2"] == pytest.approx(r2_score(truth, predicted))
    assert found["mae"] == pytest.approx(mean_absolute_error(truth, predicted))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(truth, predicted))
    assert found["loss"] == pytest.approx(np.mean((outputs - labels) ** 2) / 2)


@pytest.mark.parametrize("rows, values", [(1, 3), (2, 2), (9, 4), (60, 2), (60, 5), (200, 1000)])
def test_concordance_counts_pairs(rows, values):
    rng = np.random.default_rng(rows)
    labels, outputs = rng.integers(0, values, rows).astype(float), rng.integers(0, max(2, values // 2), rows) / 2
    by_label, by_output = np.sign(labels[:, None] - labels), np.sign(outputs[:, None] - outputs)
    agreeing = (by_label * by_output > 0) + 0.5 * ((by_label != 0) & (by_output == 0))
    found = concordance(outputs, labels)
    np.testing.assert_array_equal(found[0], agreeing.sum(1))
    np.testing.assert_array_equal(found[1], (by_label != 0).sum(1))


def test_xauc_of_two_classes_is_the_auc_with_its_interval():
    rng = np.random.default_rng(2)
    labels = (rng.random(300) < 0.3).astype(float)
    outputs = np.round(labels + rng.normal(size=300), 1)
    assert xauc(outputs, labels) == pytest.approx(task_aucs(outputs[:, None], labels[:, None].astype(np.uint8))[0])
    np.testing.assert_allclose(number_parts(outputs, labels, SCALE)["auc"], auc_parts(outputs, labels), atol=1e-12)
    assert xauc(outputs, np.ones(300)) is None


def test_parts_are_the_change_of_a_metric_when_a_row_counts_more():
    """A part is the derivative of the metric by the row's weight: the influence function, here by weighing it twice."""
    outputs, labels = made(200)
    parts, whole = number_parts(outputs, labels, SCALE), number_metrics(outputs, labels, SCALE)
    for row in (0, 17, 120):
        more = number_metrics(np.append(outputs, outputs[row]), np.append(labels, labels[row]), SCALE)
        for name in ("auc", "r2", "mae", "rmse"):
            assert (more[name] - whole[name]) * 201 == pytest.approx(parts[name][row], rel=0.05, abs=0.02), name


def test_intervals_are_those_of_the_bootstrap():
    found = mixed(1500)
    details = task_details(*found.arrays, ["click", "watch"], scales=found.scales)["watch"]
    drawn = bootstrap_intervals(found, ["click", "watch"], None, 400)["watch"]
    metrics = task_metrics(*found.arrays, ["click", "watch"], scales=found.scales)["watch"]
    assert set(drawn) == {"auc", "r2", "mae", "rmse"}
    for name, interval in drawn.items():
        assert interval["value"] == pytest.approx(metrics[name])
        assert (interval["high"] - interval["low"]) / 2 == pytest.approx(details[f"{name}_error"], rel=0.15), name


def test_unknown_labels_and_the_other_kind_are_left_out():
    found = mixed()
    known = ~np.isnan(found.labels[:, 1])
    metrics = task_metrics(*found.arrays, ["click", "watch"], scales=found.scales)
    assert metrics["watch"] == number_metrics(found.logits[known, 1].astype(float), found.labels[known, 1], SCALE)
    assert set(metrics["click"]) == {"auc", "logloss"}
    parts = metric_parts(*found.arrays, found.scales)
    assert half_width(parts["r2"][:, 0]) is None and half_width(parts["logloss"][:, 1]) is None
    own = half_width(number_parts(found.logits[known, 1], found.labels[known, 1], SCALE)["r2"])
    assert half_width(parts["r2"][:, 1]) == pytest.approx(own, rel=1e-6)


def test_means_and_monitors_take_the_xauc_and_the_loss():
    metrics = {"click": {"auc": 0.7, "logloss": 0.5},
               "watch": {"auc": 0.8, "r2": 0.3, "mae": 1.0, "rmse": 2.0, "loss": 0.4}}
    assert mean_auc(metrics) == pytest.approx(0.75)
    assert monitored(metrics, "watch") == 0.8 and monitored(metrics, "min_auc") == 0.7
    assert monitored(metrics, "mean_logloss") == pytest.approx(-0.45)


def test_equal_labels_have_no_xauc_and_no_r2(caplog):
    labels = np.zeros((5, 1), np.float32)
    entry = task_metrics(np.ones((5, 1)), labels, ["watch"], "test", [SCALE])["watch"]
    assert entry == {"auc": None, "r2": None, "mae": 50.0, "rmse": 50.0, "loss": 0.5}
    assert "no two different numbers in the test split" in caplog.text
    nothing = task_metrics(np.ones((0, 1)), labels[:0], ["watch"], "test", [SCALE])["watch"]
    assert set(nothing.values()) == {None}


def test_a_change_has_the_metrics_of_its_kind():
    better, worse = mixed(noise=1.0), mixed(noise=1.5)
    found = change(better, worse, ["click", "watch"])
    assert set(found["watch"]) == {f"{name}{end}" for name in ("auc", "r2", "mae", "rmse") for end in ("", "_error")}
    assert found["watch"]["r2"] > found["watch"]["r2_error"] > 0 > found["watch"]["rmse"]
    assert found["mean_auc"]["auc"] == pytest.approx((found["click"]["auc"] + found["watch"]["auc"]) / 2)


def test_predictions_are_read_back_with_their_scales(tmp_path):
    found = mixed()
    write_predictions(tmp_path, {"valid": found, "test": found})
    again = read_predictions(tmp_path, ["click", "watch"])["test"]
    assert again.scales == (None, SCALE)
    np.testing.assert_array_equal(again.labels, found.labels)

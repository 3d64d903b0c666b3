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
"""Metrics of drawn rows against scikit-learn on repeated rows; intervals against the formulas that there are."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from src.evaluation import Predictions, bootstrap_intervals, half_width, metric_parts, task_details
from src.evaluation.bootstrap import METRICS, Counted, draws
from src.evaluation.details import calibration_error
from src.evaluation.groups import gauc

RNG = np.random.default_rng(0)
ROWS = 800
LABELS = (RNG.random((ROWS, 2)) < [0.2, 0.5]).astype(np.uint8)
LOGITS = np.round(LABELS + RNG.normal(size=(ROWS, 2)), 1).astype(np.float32)
GROUPS = RNG.integers(-1, 30, ROWS).astype(np.int32)
FOUND = Predictions(LOGITS, LABELS)


def test_metrics_of_rows_that_count_several_times_are_those_of_repeated_rows():
    counts, of_groups = list(draws(ROWS, GROUPS, 3, 7))[-1]
    repeated = np.repeat(np.arange(ROWS), counts)
    assert counts.max() > 2 and counts.min() == 0
    logit, label = LOGITS[:, 0], LABELS[:, 0]
    values = dict(zip(METRICS, Counted(logit, label, GROUPS).metrics(counts, of_groups)))
    rate, loss = label[repeated].mean(), log_loss(label[repeated], 1 / (1 + np.exp(-logit[repeated].astype(float))))
    again = np.concatenate([np.arange(c) for c in counts])  # a group that is drawn twice is two groups
    apart = np.where(GROUPS[repeated] < 0, -1, GROUPS[repeated] * 100 + again)
    expected = {
        "auc": roc_auc_score(label[repeated], logit[repeated]), "logloss": loss,
        "pr_auc": average_precision_score(label[repeated], logit[repeated]),
        "normalised_entropy": loss / log_loss(label[repeated], np.full(len(repeated), rate)),
        "gauc": gauc(logit[repeated], label[repeated], apart)}
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_every_row_once_gives_the_metrics_themselves():
    details = task_details(LOGITS, LABELS, ["a", "b"], GROUPS)
    found = bootstrap_intervals(FOUND, ["a", "b"], GROUPS, 20)
    for place, task in enumerate(["a", "b"]):
        values = {name: entry["value"] for name, entry in found[task].items()}
        assert {name: values[name] for name in ("pr_auc", "normalised_entropy", "calibration_error", "gauc")} == \
            pytest.approx({name: details[task][name] for name in ("pr_auc", "normalised_entropy", "calibration_error",
                                                                  "gauc")}, abs=1e-12)
        assert values["calibration_error"] == pytest.approx(calibration_error(LOGITS[:, place], LABELS[:, place]))
        assert all(entry["low"] < entry["value"] < entry["high"] for entry in found[task].values()
                   if entry is not found[task]["calibration_error"])
    assert "gauc" not in bootstrap_intervals(FOUND, ["a", "b"], None, 20)["a"]


def test_intervals_of_auc_and_log_loss_are_those_of_their_formulas():
    """DeLong's interval of the AUC, and of a mean; the bootstrap has to find them without knowing either."""
    found, parts = bootstrap_intervals(FOUND, ["a", "b"], None, 1000, seed=1), metric_parts(*FOUND)
    for place, task in enumerate(["a", "b"]):
        for metric in ("auc", "logloss"):
            entry = found[task][metric]
            assert (entry["high"] - entry["low"]) / 2 == pytest.approx(half_width(parts[metric][:, place]), rel=0.1)
    entry = found["mean_auc"]
    assert (entry["high"] - entry["low"]) / 2 == pytest.approx(half_width(parts["auc"].mean(1)), rel=0.1)


def test_intervals_of_a_change_are_paired():
    theirs = Predictions(LOGITS + 0.1 * RNG.normal(size=LOGITS.shape).astype(np.float32), LABELS)
    found = bootstrap_intervals(FOUND, ["a", "b"], None, 400, theirs=theirs)
    parts = metric_parts(*FOUND)["auc"] - metric_parts(*theirs)["auc"]
    entry = found["a"]["auc"]
    assert entry["value"] == pytest.approx(roc_auc_score(LABELS[:, 0], LOGITS[:, 0])
                                           - roc_auc_score(LABELS[:, 0], theirs.logits[:, 0]), abs=1e-12)
    assert (entry["high"] - entry["low"]) / 2 == pytest.approx(half_width(parts[:, 0]), rel=0.15)


def test_rows_of_one_group_are_not_independent():
    """Every row ten times, in one group each time: drawn by group, intervals are as wide as those of the rows once."""
    ten = Predictions(np.repeat(LOGITS, 10, 0), np.repeat(LABELS, 10, 0))
    of_groups = bootstrap_intervals(ten, ["a", "b"], np.repeat(np.arange(ROWS), 10), 300)["a"]["auc"]
    of_rows = bootstrap_intervals(ten, ["a", "b"], None, 300)["a"]["auc"]
    once = 2 * half_width(metric_parts(*FOUND)["auc"][:, 0])
    assert of_groups["high"] - of_groups["low"] == pytest.approx(once, rel=0.15)
    assert of_rows["high"] - of_rows["low"] == pytest.approx(once / 10 ** 0.5, rel=0.15)


def test_a_seed_gives_one_result():
    first, again, other = (bootstrap_intervals(FOUND, ["a", "b"], GROUPS, 5, seed) for seed in (0, 0, 1))
    assert first == again != other


def test_what_cannot_be_computed_is_none():
    labels = LABELS.copy()
    labels[:, 0] = 0
    labels[1:, 1] = 255  # one label is known
    found = bootstrap_intervals(Predictions(LOGITS, labels), ["a", "b"], GROUPS, 20)
    assert [name for name, entry in found["a"].items() if entry] == ["logloss", "calibration_error"]
    assert found["mean_auc"] is None and found["b"]["auc"] is None
    nothing = bootstrap_intervals(Predictions(LOGITS[:0], LABELS[:0]), ["a", "b"], None, 5)
    assert set(nothing["a"].values()) == {None} and nothing["mean_auc"] is None

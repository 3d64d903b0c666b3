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
"""GAUC against scikit-learn's AUC of every group."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from src.evaluation import task_details
from src.evaluation.groups import gauc, group_aucs

RNG = np.random.default_rng(0)
GROUPS = RNG.integers(-1, 40, 2000).astype(np.int32)
LABELS = ((RNG.random(2000) < 0.2) & (GROUPS > 3)).astype(np.uint8)  # the first groups have one class
LOGITS = np.round(LABELS + RNG.normal(size=2000), 1).astype(np.float32)  # with ties


def test_gauc_is_the_mean_auc_of_the_groups_weighted_by_rows():
    aucs, rows = [], []
    for group in range(40):
        here = group == GROUPS
        if 0 < LABELS[here].sum() < here.sum():
            aucs.append(roc_auc_score(LABELS[here], LOGITS[here]))
            rows.append(here.sum())
    assert 20 < len(aucs) < 40
    assert gauc(LOGITS, LABELS, GROUPS) == pytest.approx(np.average(aucs, weights=rows), abs=1e-12)
    assert group_aucs(LOGITS, LABELS, GROUPS)[1] == pytest.approx(aucs)


def test_gauc_does_not_see_what_differs_between_groups():
    shifted = LOGITS + 10 * GROUPS
    assert gauc(shifted, LABELS, GROUPS) == pytest.approx(gauc(LOGITS, LABELS, GROUPS))
    assert gauc(-LOGITS, LABELS, GROUPS) == pytest.approx(1 - gauc(LOGITS, LABELS, GROUPS))


def test_without_a_group_of_both_labels_there_is_none():
    assert gauc(LOGITS, np.zeros(2000), GROUPS) is None and gauc(LOGITS[:0], LABELS[:0], GROUPS[:0]) is None
    assert gauc(LOGITS, LABELS, np.full(2000, -1)) is None


def test_details_have_it_where_groups_are_known_and_leave_unknown_labels_out():
    logits, labels = np.stack([LOGITS, -LOGITS], 1), np.stack([LABELS, np.where(GROUPS == 7, 255, LABELS)], 1)
    assert "gauc" not in task_details(logits, labels, ["a", "b"])["a"]
    found, without = task_details(logits, labels, ["a", "b"], GROUPS), GROUPS != 7
    assert found["a"]["gauc"] == gauc(LOGITS, LABELS, GROUPS)
    assert found["b"]["gauc"] == gauc(-LOGITS[without], LABELS[without], GROUPS[without])

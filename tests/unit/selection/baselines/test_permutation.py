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
"""Permutation importance: planted fields, noise, one class, and which rows it reads."""

from __future__ import annotations

import numpy as np
import pytest

from src.selection.baselines.permutation import Permutation
from tests.unit.selection.planted_data import PlantedData, assert_train_only, fit_planted, trained_config


def test_planted_fields_lead_and_noise_is_worth_nothing():
    scores = fit_planted(Permutation, trained_config("epochs=4", "patience=2"), 4000).scores_
    assert [np.argsort(-row)[:2].tolist() for row in scores] == [[0, 1], [1, 2]]
    assert scores[0, 0] > 0.2 and np.abs(scores[:, 3:]).max() < 0.02


@pytest.mark.slow
def test_one_seed_gives_one_result_from_train_rows_alone():
    scores = assert_train_only(Permutation, trained_config())
    assert (fit_planted(Permutation, trained_config("seed=7"), 600).scores_ != scores).any()


@pytest.mark.slow
def test_one_task_and_three_tasks_of_aitm():
    assert fit_planted(Permutation, trained_config("backbone=mmoe"), 300, 1).scores_.shape == (1, 6)
    assert np.isfinite(fit_planted(Permutation, trained_config("backbone=aitm"), 300, 3).scores_).all()


def test_a_task_of_one_class_scores_0(caplog):
    data = PlantedData(300)
    data.split("train").labels[:, 1] = 1
    selector = Permutation(trained_config()).fit(data, data.schema.task_names)
    assert (selector.scores_[1] == 0).all() and (selector.scores_[0] != 0).any()
    assert "task t1 has one class in the held-out rows" in caplog.text

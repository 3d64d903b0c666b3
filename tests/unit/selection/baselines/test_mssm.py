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
"""MSSM: the mask's formula, planted fields, and which rows it reads."""

from __future__ import annotations

import numpy as np
import pytest

from src.selection.baselines.mssm import MSSM
from tests.unit.selection.planted_data import assert_train_only, fit_planted, trained_config


def test_planted_fields_have_the_largest_masks():
    selector = fit_planted(MSSM, trained_config("search_epochs=3"), 4000)
    first, second = np.argsort(-selector.scores_, 1)
    assert first[0] == 0 and set(second[:2]) == {1, 2}
    assert ((selector.scores_ >= 0) & (selector.scores_ < 1)).all()
    assert selector.settings()["search_epochs"] == 3 and set(selector.seconds_) == {"prepare", "search", "total"}


@pytest.mark.slow
def test_one_seed_gives_one_result_from_train_rows_alone():
    scores = assert_train_only(MSSM, trained_config())
    assert (fit_planted(MSSM, trained_config("seed=7"), 600).scores_ != scores).any()


@pytest.mark.slow
def test_one_task_and_three_tasks_of_ple():
    assert fit_planted(MSSM, trained_config("backbone=single_task"), 300, 1).scores_.shape == (1, 6)
    assert np.isfinite(fit_planted(MSSM, trained_config("backbone=ple"), 300, 3).scores_).all()

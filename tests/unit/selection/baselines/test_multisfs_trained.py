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
"""MultiSFS-1: the paper's score of trained weights."""

from __future__ import annotations

import numpy as np
import pytest

from src.selection.baselines.multisfs_trained import MultiSFSTrained
from tests.unit.selection.planted_data import assert_train_only, fit_planted, trained_config


@pytest.mark.slow
def test_one_seed_gives_one_result_from_train_rows_alone():
    scores = assert_train_only(MultiSFSTrained, trained_config())
    other = fit_planted(MultiSFSTrained, trained_config("seed=7"), 600)
    assert (other.scores_ != scores).any()


def test_the_score_is_of_trained_weights_and_the_papers():
    """At initialisation the loss hardly depends on the fields; trained, it does most on the planted one."""
    selector = fit_planted(MultiSFSTrained, trained_config("relation=none", "epochs=3", "patience=3"), 2000)
    assert selector.scores_.argmax(1).tolist() == [0, 1] and selector.relations_ is None
    settings = selector.settings()
    assert settings["score"] == "paper" and settings["best_epoch"] == selector.best_epoch_ >= 1
    assert set(selector.seconds_) == {"train", "score", "relation", "total"}


@pytest.mark.slow
def test_one_task_and_three_tasks_of_esmm():
    assert fit_planted(MultiSFSTrained, trained_config("backbone=single_task"), 300, 1).scores_.shape == (1, 6)
    three = fit_planted(MultiSFSTrained, trained_config("backbone=esmm"), 300, 3)
    assert np.isfinite(three.scores_).all() and three.relations_.shape == (6, 3, 3)

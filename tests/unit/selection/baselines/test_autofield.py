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
"""AutoField: the gate's formula and law, planted fields, and which rows it reads."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from src.selection.baselines.autofield import AutoField, Gates, draw_noise, temperature
from tests.unit.selection.planted_data import PlantedData, assert_train_only, fit_planted, trained_config


def test_gate_by_hand(eager):
    gates = Gates(1, 3)
    gates.theta.set_data(Tensor(np.array([[0, 0.5, -1]], np.float32)))
    found = gates(Tensor(np.array([[1, 0, 0.5]], np.float32)), Tensor(np.array([0.5], np.float32))).asnumpy()
    np.testing.assert_allclose(found, [[0.88079708, 0.73105858, 0.26894142]], rtol=1e-6)  # σ(2), σ(1), σ(-1)


def test_gates_have_the_law_of_gumbel_softmax(eager):
    """A gate is above one half with the probability of keep, whatever the temperature; so is the two-logit form."""
    gates, rng = Gates(1, 20_000), np.random.default_rng(0)
    gates.theta.set_data(Tensor(np.full((1, 20_000), 0.8, np.float32)))
    found = gates(draw_noise(rng, gates), Tensor(np.array([0.3], np.float32))).asnumpy()
    keep = np.log(0.9) + 0.8 + rng.gumbel(size=20_000)
    drop = np.log(0.9) + rng.gumbel(size=20_000)
    two_logits = np.exp(keep / 0.3) / (np.exp(keep / 0.3) + np.exp(drop / 0.3))
    assert (found > 0.5).mean() == pytest.approx(1 / (1 + np.exp(-0.8)), abs=0.01)
    np.testing.assert_allclose(np.quantile(found, [0.2, 0.4, 0.6]), np.quantile(two_logits, [0.2, 0.4, 0.6]), atol=0.04)


def test_temperature_falls_from_hot_to_cold():
    found = [float(temperature(step, 3).asnumpy()[0]) for step in range(3)]
    np.testing.assert_allclose(found, [1, 0.1 ** 0.5, 0.1], rtol=1e-6)
    assert temperature(0, 1).asnumpy() == [1]


@pytest.mark.slow
def test_planted_fields_are_kept():
    scores = fit_planted(AutoField, trained_config("search_epochs=5"), 4000).scores_
    assert [set(np.argsort(-row)[:2]) for row in scores] == [{0, 1}, {1, 2}]
    assert ((scores > 0) & (scores < 1)).all() and scores[0, 0] > 0.6 and scores[:, 3:].max() < 0.6


@pytest.mark.slow
def test_one_seed_gives_one_result_from_train_rows_alone():
    scores = assert_train_only(AutoField, trained_config())
    assert (fit_planted(AutoField, trained_config("seed=7"), 600).scores_ != scores).any()


@pytest.mark.slow
def test_every_task_has_a_search_of_its_own():
    """The scores of a task do not depend on the tasks that are searched with it, nor on the backbone."""
    alone = fit_planted(AutoField, trained_config("backbone=mmoe"), 300, 2)
    data = PlantedData(300, 2)
    second = AutoField(trained_config("backbone=esmm")).fit(data, data.schema.task_names[1:])
    np.testing.assert_array_equal(second.scores_[0], alone.scores_[1])
    assert set(alone.seconds_) == {"prepare", "search", "total"}


@pytest.mark.slow
def test_one_task_and_three_tasks_of_esmm():
    assert fit_planted(AutoField, trained_config("backbone=mmoe"), 300, 1).scores_.shape == (1, 6)
    assert np.isfinite(fit_planted(AutoField, trained_config("backbone=esmm"), 300, 3).scores_).all()

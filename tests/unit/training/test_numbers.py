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
"""Training on a task whose label is a number: whole runs, the lazy optimizer, learned task weights, several ranks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mindspore import Tensor

from src.data.loader import TrainLoader
from src.data.targets import loss_targets
from src.evaluation.numbers import number_metrics
from src.models import NetWithLoss, TaskLosses, fresh_model
from src.run import RunFolder
from src.training import Trainer, make_step
from tests.helpers import make_config, toy_numbers

CHANGES = {"batch_size": 150, "learning_rate": 0.02, "epochs": 4, "backbone": "mmoe"}


def trained(folder, **changes) -> Trainer:
    data = toy_numbers(known=lambda ids: ids[:, 3] == 1)
    config = make_config(**{**CHANGES, "output_dir": str(folder), "run_name": "run", **changes})
    plan, model = fresh_model(data.schema, ["t0", "t1"], config)
    trainer = Trainer(model, plan, data, ["t0", "t1"], config, RunFolder.create(config, data))
    trainer.fit()
    return trainer


def test_a_run_learns_the_number_and_measures_it_in_its_own_units(tmp_path):
    trainer = trained(tmp_path)
    history = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    entry = history[-1]["valid"]["t1"]
    assert set(entry) == {"auc", "r2", "mae", "rmse", "loss"} and entry["r2"] > 0.6
    assert history[-1]["mean_auc"] == pytest.approx(np.mean([one["auc"] for one in history[-1]["valid"].values()]))
    found = trainer.predict("test")
    known = ~np.isnan(found.labels[:, 1])
    assert 0 < known.sum() < len(known) and found.scales[1].std == 10.0
    expected = number_metrics(found.logits[known, 1].astype(float), found.labels[known, 1], found.scales[1])
    assert trainer.measure(found, "test")["t1"] == expected
    own = found.scales[1].own(found.logits[known, 1]) - found.scales[1].own(found.labels[known, 1])
    assert expected["rmse"] == pytest.approx(np.sqrt(np.mean(own.astype(float) ** 2)), rel=1e-5)


@pytest.mark.parametrize("changes", [
    {"task_weights": "uncertainty"}, {"embedding_optimizer": "lazy"},
    pytest.param({"monitor": "mean_logloss"}, marks=pytest.mark.slow),
    pytest.param({"task_weights": {"t0": 1.0, "t1": 3.0}}, marks=pytest.mark.slow)])
def test_the_ways_of_training_take_numbers(tmp_path, changes):
    trainer = trained(tmp_path, **changes)
    assert trainer.history[-1]["train_loss"] < trainer.history[0]["train_loss"]
    assert trainer.history[-1]["valid"]["t1"]["r2"] > 0.3


def test_lazy_and_dense_steps_have_one_loss():
    data, losses = toy_numbers(), []
    for optimizer in ("lazy", "dense"):
        config = make_config(**CHANGES, embedding_optimizer=optimizer)
        plan, model = fresh_model(data.schema, ["t0", "t1"], config)
        batch = next(TrainLoader(data.split("train"), plan.columns, [0, 1], 150, 0).epoch(1))
        step = make_step(model, config)
        step.set_train()
        losses.append(float(step(*batch).asnumpy()))
        network = NetWithLoss(fresh_model(data.schema, ["t0", "t1"], config)[1])
        network.set_train()
        assert float(network(*batch).asnumpy()) == pytest.approx(losses[-1], rel=1e-5)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_mean_over_ranks_is_the_loss_of_the_whole_batch(eager):
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(12, 2)).astype(np.float32)
    labels = np.stack([rng.integers(0, 2, 12), rng.normal(size=12)], 1).astype(np.float32)
    labels[[0, 2, 3, 8], 1] = np.nan
    losses = TaskLosses([False, True])
    whole = losses(Tensor(outputs), Tensor(loss_targets(labels, True))).asnumpy()
    parts = [losses(Tensor(outputs[mine]), Tensor(loss_targets(labels, True, mine))).asnumpy()
             for mine in (slice(0, 6), slice(6, 12))]
    np.testing.assert_allclose(np.mean(parts, 0), whole, rtol=1e-5)
    known = ~np.isnan(labels[:, 1])
    assert whole[1] == pytest.approx(np.mean((outputs - labels)[known, 1] ** 2) / 2, rel=1e-5)


def test_weights_of_rows_weigh_the_squared_error(eager):
    outputs, labels = np.array([[1.0], [3.0]], np.float32), np.array([[0.0], [0.0]], np.float32)
    targets = loss_targets(labels, True, weights=np.array([3.0, 1.0]))
    found = TaskLosses([True])(Tensor(outputs), Tensor(targets)).asnumpy()
    assert found[0] == pytest.approx((3 * 0.5 + 1 * 4.5) / 4)

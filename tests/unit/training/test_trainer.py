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
"""Training: early stopping, repeatability, resuming exactly, stopping on signals and on NaN."""

import json
import os
import signal

import numpy as np
import pytest

from src.common.errors import Interrupted, UserError
from src.models import build_model, plan_inputs
from src.models.model import set_output_bias
from src.run import RunFolder
from src.schema import UNKNOWN
from src.settings import load_settings
from src.training import Trainer
from tests.helpers import hide_labels, toy_data

SETTINGS = ["backbone=shared_bottom", "embedding_dim=4", "bottom_dims=[8]", "tower_dims=[4]", "batch_size=64",
            "dropout=0.3", "epochs=3", "patience=3", "learning_rate=0.01", "progress=false"]


def make_trainer(folder, data=None, *changes):
    config = load_settings([*SETTINGS, *changes, f"output_dir={folder}", "run_name=run"])
    data = data or toy_data()
    tasks = data.schema.task_names
    plan = plan_inputs(config.backbone, data.schema, tasks)
    run = RunFolder.create(config, data)
    model = build_model(plan, len(tasks), config)
    return Trainer(model, plan, data, tasks, config, run)


def stop_after(trainer, steps):
    """Makes the trainer receive SIGTERM after so many more steps."""
    advance, left = trainer._stop_if_told, [steps]

    def count():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        advance()

    trainer._stop_if_told = count


def test_training_learns_and_keeps_the_best_weights(tmp_path):
    trainer = make_trainer(tmp_path)
    trainer.fit()
    aucs = [record["mean_auc"] for record in trainer.history]
    assert max(aucs) > 0.7
    found = trainer.evaluate("valid")
    assert np.mean([entry["auc"] for entry in found.values()]) == max(aucs)  # the best, not the last
    assert trainer.state["best_epoch"] == int(np.argmax(aucs)) + 1
    assert trainer.run.read_history() == trainer.history


def test_early_stopping_waits_patience_epochs(tmp_path):
    trainer = make_trainer(tmp_path, None, "epochs=50", "patience=2", "learning_rate=0.05")
    trainer.fit()
    epochs = [record["epoch"] for record in trainer.history]
    assert epochs[-1] == trainer.state["best_epoch"] + 2 < 50


@pytest.mark.parametrize("steps, changes", [
    (10, ()),  # within the second epoch of 9 steps; below, within the first, at the beginning of the second
    pytest.param(4, (), marks=pytest.mark.slow), pytest.param(12, (), marks=pytest.mark.slow),
    pytest.param(10, ("embedding_optimizer=lazy",), marks=pytest.mark.slow),
    pytest.param(10, ("precision=float16",), marks=pytest.mark.slow),
    pytest.param(10, ("selector=cfs", "end_to_end=true"), marks=pytest.mark.slow)])
def test_a_stopped_run_ends_with_the_numbers_of_an_uninterrupted_one(tmp_path, steps, changes):
    whole = make_trainer(tmp_path / "whole", None, *changes)
    whole.fit()
    first = make_trainer(tmp_path / "parts", None, *changes)
    stop_after(first, steps)
    with pytest.raises(Interrupted) as stopped:
        first.fit()
    assert stopped.value.signum == signal.SIGTERM
    first.run.close()
    second = make_trainer(tmp_path / "parts", None, *changes)
    second.fit()
    rounding = 1e-7 if "selector=cfs" in changes else 0  # its summed loss, and nothing else, can be an ulp off
    losses = [[record.pop("train_loss") for record in trainer.history] for trainer in (whole, second)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=rounding)
    assert second.history == whole.history
    for a, b in zip(whole.model.get_parameters(), second.model.get_parameters()):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy(), err_msg=a.name)


def test_on_a_device_losses_are_read_rarely_and_all_numbers_are_the_same(tmp_path, monkeypatch):
    """9 steps an epoch: losses are read after the first, the fifth and the ninth; SIGTERM waits for that."""
    whole = make_trainer(tmp_path / "whole")
    whole.fit()
    monkeypatch.setattr("src.training.trainer.on_cpu", lambda: False)
    monkeypatch.setattr("src.training.trainer.TOLD_EVERY", 5)
    first = make_trainer(tmp_path / "parts")
    stop_after(first, 6)  # looked at after steps 1, 5 and 9, at the end of the epoch, after 1 and 5 of the second
    with pytest.raises(Interrupted):
        first.fit()
    assert (first.state["epoch"], first.state["step"]) == (2, 5)
    first.run.close()
    second = make_trainer(tmp_path / "parts")
    second.fit()
    assert second.history == whole.history
    for a, b in zip(whole.model.get_parameters(), second.model.get_parameters()):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy(), err_msg=a.name)


def test_same_seed_same_history_other_seed_another(tmp_path):
    histories = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trainer = make_trainer(tmp_path / name, None, f"seed={seed}", "epochs=1")
        trainer.fit()
        histories.append(trainer.history)
    assert histories[0] == histories[1] != histories[2]


def test_a_loss_that_is_not_finite_stops_with_the_batch_number(tmp_path):
    trainer = make_trainer(tmp_path)
    set_output_bias(trainer.model, [np.nan, 0.0])
    with pytest.raises(UserError, match="loss is nan in epoch 1, batch 1; no epoch was finished before"):
        trainer.fit()
    assert not (trainer.run.path / "best.ckpt").exists()


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    trainer = make_trainer(tmp_path)
    table = trainer.model.embedding.table
    table.set_data(table * np.nan)  # hidden from the loss by ReLU
    with pytest.raises(UserError, match="is not finite in epoch 1"):
        trainer.fit()
    assert not list(trainer.run.path.glob("*.ckpt"))


def test_a_damaged_last_checkpoint_falls_back_to_the_previous_one(tmp_path, caplog):
    whole = make_trainer(tmp_path / "whole")
    whole.fit()
    first = make_trainer(tmp_path / "parts")
    stop_after(first, 21)  # after the second epoch's checkpoint, before the third's
    with pytest.raises(Interrupted):
        first.fit()
    first.run.close()
    last = tmp_path / "parts" / "run" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    second = make_trainer(tmp_path / "parts")
    second.fit()
    assert "last.ckpt is damaged" in caplog.text
    assert second.history == whole.history


def test_one_class_in_the_validation_split_is_named(tmp_path):
    data = toy_data()
    data.split("valid").labels[:] = 1
    with pytest.raises(UserError, match="monitor mean_auc cannot be computed"):
        make_trainer(tmp_path, data).fit()


def test_two_runs_on_one_folder_are_refused(tmp_path):
    trainer = make_trainer(tmp_path)
    with pytest.raises(UserError, match="another run is writing"):
        make_trainer(tmp_path)
    trainer.run.close()
    with pytest.raises(UserError, match="holds a run with other settings .seed 42 -> 7"):
        make_trainer(tmp_path, None, "seed=7")


def test_history_is_one_json_record_a_line(tmp_path):
    trainer = make_trainer(tmp_path, None, "epochs=2")
    trainer.fit()
    lines = (trainer.run.path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_a_task_without_labels_in_most_batches_is_trained_on_those_it_has(tmp_path):
    """Finite, and what the hidden labels are makes no difference."""
    def known(ids, labels):
        return np.arange(len(ids)) % 97 == 5

    trainers = []
    for place, change in enumerate((0, 1)):
        data = toy_data()
        for split in data._splits.values():
            split.labels[:, 1] ^= (change & ~known(split.ids, split.labels)).astype(np.uint8)
        trainers.append(make_trainer(tmp_path / str(place), hide_labels(data, 1, known), "patience=9"))
        trainers[-1].fit()
    one, other = ([parameter.asnumpy() for parameter in trainer.model.get_parameters()] for trainer in trainers)
    assert all(np.isfinite(values).all() for values in one)
    for values, expected in zip(one, other):
        np.testing.assert_array_equal(values, expected)
    logits, labels = trainers[0].predict("train").arrays
    assert np.abs(logits[:, 1]).max() > 0.1 and (labels[:, 1] == UNKNOWN).sum() > 500

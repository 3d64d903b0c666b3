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
"""Weights of the tasks' losses: what is refused, and what training does with them."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from src.common.errors import Interrupted, UserError
from src.models import MASKS, LearnedMaskModel, MultiTaskModel, plan_inputs
from src.settings import load_settings
from src.training import make_step, task_weights, training_summary
from src.training.checkpoint import load_checkpoint
from tests.helpers import make_batch, make_config, make_schema
from tests.unit.training.test_trainer import make_trainer, stop_after


@pytest.mark.parametrize(("setting", "words"), [
    (2.0, "task_weights is 2; expected none, uncertainty, or a number for each of click, like, such as click:1"),
    ({"click": 1.0}, "task_weights has no number for like"), ({"click": 0.0, "like": 0.0}, "are all 0"),
    ({"click": 1.0, "likes": 2.0}, "names task 'likes'; .*did you mean like"),
])
def test_weights_that_do_not_fit_the_tasks(setting, words):
    with pytest.raises(UserError, match=words):
        task_weights(setting, ["click", "like"])


def test_weights_follow_the_order_of_the_tasks():
    given = load_settings(["task_weights=like:2,click:0.5"]).task_weights
    assert task_weights(given, ["click", "like"]).values == (0.5, 2.0)
    assert task_weights("none", ["click"]) is None and task_weights("uncertainty", ["a", "b"]).learned
    with pytest.raises(UserError, match="task_weights is -1 for task click"):
        load_settings(["task_weights=click:-1"])


@pytest.mark.parametrize("optimizer", ["dense", "lazy"])
@pytest.mark.parametrize("kind", [None, *MASKS])
def test_every_step_trains_with_weights(eager, kind, optimizer):
    """A task of weight 0 teaches its tower nothing; learned weights move, and are no part of the model."""
    if kind and optimizer == "lazy":
        pytest.skip("masks are trained with dense embeddings only")
    schema = make_schema(2)
    ids, labels = map(Tensor, make_batch(32, schema))
    config = make_config(embedding_optimizer=optimizer, weight_decay=0.0, learning_rate=0.01)
    plan = plan_inputs("shared_bottom", schema, schema.task_names)

    def build():
        return (LearnedMaskModel(plan, "shared_bottom", 2, config, kind) if kind else
                MultiTaskModel(plan, "shared_bottom", 2, config))

    model = build()
    last = model.backbone.tower.products[-1].weight  # one matrix a task
    before = last.asnumpy().copy()
    make_step(model, config, weights=task_weights({"t0": 1.0, "t1": 0.0}, ["t0", "t1"]))(ids, labels, None)
    assert (last.asnumpy() != before).any((1, 2)).tolist() == [True, False]
    model = build()
    step = make_step(model, config, weights=task_weights("uncertainty", ["t0", "t1"]))
    for _ in range(3):
        step(ids, labels, None)
    own = {parameter.name: parameter for parameter in step.get_parameters()}
    assert (own["task_log_variances"].asnumpy() != 0).all()
    assert "task_log_variances" not in {parameter.name for parameter in model.get_parameters()}


def test_learned_weights_are_continued_and_reported(tmp_path):
    """After an interruption, too: they are in last.ckpt, and not in best.ckpt."""
    whole = make_trainer(tmp_path / "whole", None, "task_weights=uncertainty")
    whole.fit()
    cut = make_trainer(tmp_path / "cut", None, "task_weights=uncertainty")
    stop_after(cut, 13)
    with pytest.raises(Interrupted):
        cut.fit()
    cut.run.close()
    again = make_trainer(tmp_path / "cut", None, "task_weights=uncertainty")
    again.fit()
    weights = training_summary(whole)["task_weights"]
    assert list(weights) == ["t0", "t1"] and training_summary(again)["task_weights"] == weights
    assert all(0.7 < value < 1.5 and value != 1 for value in weights.values())  # towards 1 / 2 L, for L near log 2
    best = load_checkpoint(tmp_path / "cut" / "run" / "best.ckpt")
    assert not any("log_variances" in name for name in best)
    np.testing.assert_array_equal(*(trainer.model.embedding.table.asnumpy() for trainer in (whole, again)))

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
"""Early stopping, epochs over and over, and which parameters a search step moves."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from mindspore import Tensor

from src.data.loader import TrainLoader
from src.data.subsets import hold_out
from src.models import fresh_model
from src.selection.baselines import searching
from src.selection.baselines.autofield import GatedLoss, Gates
from src.selection.baselines.searching import held_out_value, make_search_step, repeat_epochs, train_model
from src.selection.paper.mask_scores import MaskedTaskLosses
from tests.unit.selection.planted_data import PlantedData, trained_config


def test_repeated_epochs_come_in_another_order_every_epoch():
    split = PlantedData(64).split("train")
    loader = TrainLoader(split, range(6), [0, 1], 32, seed=0)
    first, second, third, fourth = (ids.asnumpy() for ids, _, _ in islice(repeat_epochs(loader), 4))
    assert (np.concatenate([first, second]) != np.concatenate([third, fourth])).any()


def test_training_keeps_the_best_weights():
    config = trained_config("epochs=8", "patience=2", "learning_rate=0.1", "dropout=0")
    data = PlantedData(400)
    plan, model = fresh_model(data.schema, data.schema.task_names, config)
    parts = hold_out(data.split("train"), config.seed)
    values, original = [], held_out_value

    def remember(*arguments):
        values.append(original(*arguments))
        return values[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "held_out_value", remember)
        best = train_model(model, plan, parts, [0, 1], config)
    assert best == int(np.argmax(values)) + 1 and len(values) == min(8, best + 2)
    assert original(model, plan, parts[1], [0, 1], config) == max(values) > values[0] - 1e-12


def test_a_search_step_moves_what_it_was_given(eager):
    config = trained_config()
    data = PlantedData(200)
    plan, model = fresh_model(data.schema, data.schema.task_names, config)
    gates = Gates(2, 6)
    loss = GatedLoss(gates, MaskedTaskLosses(model, plan, 2))
    ids, labels = data.split("train").take(np.arange(64))
    inputs = (Tensor(ids), Tensor(labels.astype(np.float32)), None, Tensor(np.zeros((2, 6), np.float32)),
              Tensor(np.ones(1, np.float32)))

    def state():
        return [[parameter.asnumpy().copy() for parameter in cell.trainable_params()] for cell in (model, gates)]

    def moved(before, after):
        return [all((old != new).any() for old, new in zip(*pair)) for pair in zip(before, after)]

    def same(before, after):
        return [all((old == new).all() for old, new in zip(*pair)) for pair in zip(before, after)]

    start = state()
    make_search_step(loss, model.trainable_params(), config, 0.0)(*inputs)
    middle = state()
    assert not same(start, middle)[0] and same(start, middle)[1]
    make_search_step(loss, gates.trainable_params(), config, 0.0)(*inputs)
    end = state()
    assert same(middle, end)[0] and moved(middle, end)[1]

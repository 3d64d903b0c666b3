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
"""Field costs: a field that is switched off counts as one that is not there."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from src.evaluation import task_metrics
from src.models import TRAITS
from src.selection.field_costs import FieldsSwitchedOff, aucs_without
from src.training import predict_logits
from tests.helpers import copy_pruned_weights, make_batch, make_config, make_model, make_selection, toy_data


@pytest.mark.parametrize("backbone", TRAITS)
def test_a_switched_off_field_equals_a_pruned_one(backbone, eager):
    data = toy_data()
    names = data.schema.field_names
    rest = [name for name in names if name != "f2"]
    full, full_plan = make_model(backbone, data.schema)
    kept = make_selection(data.schema, dict.fromkeys(data.schema.task_names, rest), rest, backbone)
    pruned, plan = make_model(backbone, data.schema, kept)
    copy_pruned_weights(full, full_plan, pruned, plan)
    network = FieldsSwitchedOff(full, full_plan)
    network.set_train(False)
    pruned.set_train(False)
    ids, _ = make_batch(50, data.schema)
    network.switch_off([names.index("f2")])
    off = network(Tensor(ids)).asnumpy()
    np.testing.assert_allclose(off, pruned(Tensor(ids[:, list(plan.columns)])).asnumpy(), rtol=1e-4, atol=1e-5)
    network.switch_off([])
    full.set_train(False)
    np.testing.assert_allclose(network(Tensor(ids)).asnumpy(), full(Tensor(ids)).asnumpy(), rtol=1e-4, atol=1e-5)


def test_costs_are_those_of_one_field_at_a_time():
    data = toy_data()
    data.split("valid").labels[:, 1] = 0
    model, plan = make_model("mmoe", data.schema)
    config = make_config(progress=False)
    whole, without, errors = aucs_without(model, plan, data.split("valid"), [0, 1], [0, 4], config)
    logits, labels = predict_logits(model, data.split("valid"), plan, [0, 1], config.batch_size)
    assert whole[0] == pytest.approx(task_metrics(logits, labels, ["a", "b"])["a"]["auc"], abs=1e-6)
    assert without.shape == (2, 2) and np.isnan(whole[1]) and np.isnan(without[:, 1]).all()
    assert (np.abs(without[:, 0] - whole[0]) > 1e-4).all()
    assert np.shape(errors) == (2, 2) and all(0 < row[0] < 0.5 and row[1] is None for row in errors)
    again = aucs_without(model, plan, data.split("valid"), [0, 1], [4], config)[1]
    np.testing.assert_array_equal(again[0], without[1])
    assert aucs_without(model, plan, data.split("valid"), [0, 1], [], config)[1].shape == (0, 2)

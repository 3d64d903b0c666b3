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
"""Folded inputs: small fields as one-hot columns give the logits and gradients of embedded ones."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.models import TRAITS, NetWithLoss
from src.models.embedding import folds, rows_read
from tests.helpers import make_batch, make_model, make_schema, make_selection

MIXED = (5, 3, 9, 2, 7, 4)  # with embeddings of 4: fields below, at and above it
SMALL = (2, 3, 3, 2, 3, 2)
KEPT = {"t0": ("f1", "f3", "f2"), "t1": ("f5", "f0", "f2"), "t2": ("f1", "f3")}  # t1 has no small field, t2 no other
SHARED = ("f0", "f1", "f2", "f3", "f5")


def logits_and_gradients(backbone, schema, selection, folded):
    model, plan = make_model(backbone, schema, selection)
    assert model.folds
    model.folds = folded
    ids, labels = make_batch(16, schema)
    ids = Tensor(ids[:, list(plan.columns)])
    network = NetWithLoss(model)
    network.set_train()
    parameters = ms.ParameterTuple(network.trainable_params())
    gradients = ops.GradOperation(get_by_list=True)(network, parameters)(ids, Tensor(labels))
    model.set_train(False)
    return model(ids).asnumpy(), {p.name: g.asnumpy() for p, g in zip(parameters, gradients)}


def assert_folding_changes_nothing(backbone, cardinalities, selected):
    schema = make_schema(3, cardinalities)
    shared = SHARED if TRAITS[backbone].shared else ()
    selection = make_selection(schema, KEPT, shared, backbone) if selected else None
    logits, gradients = logits_and_gradients(backbone, schema, selection, True)
    expected, expected_gradients = logits_and_gradients(backbone, schema, selection, False)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected_gradients[name], rtol=1e-4, atol=1e-6, err_msg=name)
    assert np.abs(gradients["embedding.table"]).max() > 1e-4


@pytest.mark.parametrize("selected", [False, True], ids=["all_fields", "selected"])
@pytest.mark.parametrize("backbone", TRAITS)
def test_folding_changes_nothing(backbone, selected, eager):
    assert_folding_changes_nothing(backbone, MIXED, selected)


@pytest.mark.parametrize("backbone", ["mmoe", "single_task"])
def test_every_field_may_fold(backbone, eager):
    assert_folding_changes_nothing(backbone, SMALL, True)


@pytest.mark.parametrize("backbone", [pytest.param("ple", marks=pytest.mark.slow), "single_task"])
def test_folding_changes_nothing_compiled(backbone):
    assert_folding_changes_nothing(backbone, MIXED, True)


@pytest.mark.parametrize("cardinality, expected", [(3, True), (4, False)])
def test_only_fields_with_fewer_ids_than_columns_fold(cardinality, expected):
    _, plan = make_model("mmoe", make_schema(2, (9, cardinality)))
    assert folds(plan, 4) is expected


def test_first_layers_multiply_one_column_per_id(eager):
    """The whole point: 3 + 2 one-hot columns and the embeddings of four other fields, instead of six embeddings."""
    schema = make_schema(2, MIXED)
    model, _ = make_model("mmoe", schema)
    ids, _ = make_batch(16, schema)
    vectors = Tensor(model.embedding.table.asnumpy()[model.rows(Tensor(ids)).asnumpy()])
    ((hot, values), (dense,)), = model.folded(Tensor(ids), vectors)
    assert (hot.shape, dense.shape) == ((16, 5), (16, 4 * 4))
    first = model.backbone.expert.first
    assert (first.small.shape, first.large.shape) == ((2, 4 * 8 + 2 * 4, 4), (4 * 8 + 2 * 4, 4 * 4))
    assert hot.asnumpy().sum(1).tolist() == [2] * 16
    vectors = nn.Flatten()(model.embedding(Tensor(ids))[:, 1]).asnumpy()
    np.testing.assert_array_equal(hot.asnumpy()[:, :3] @ values.asnumpy()[0], vectors)


@pytest.mark.parametrize("selected", [False, True], ids=["all_fields", "selected"])
@pytest.mark.parametrize("cardinalities", [MIXED, SMALL, (9, 8, 7, 6, 5, 4)], ids=["some", "all", "none"])
@pytest.mark.parametrize("backbone", ["mmoe", "ple", "single_task"])
def test_rows_read_are_those_that_the_model_looks_up(backbone, cardinalities, selected, eager):
    schema = make_schema(3, cardinalities)
    shared = SHARED if TRAITS[backbone].shared else ()
    model, plan = make_model(backbone, schema, make_selection(schema, KEPT, shared, backbone) if selected else None)
    ids = make_batch(16, schema)[0][:, list(plan.columns)]
    rows = rows_read(plan, 4, ids)
    assert rows.dtype == np.int32
    np.testing.assert_array_equal(rows, model.rows(Tensor(ids)).asnumpy())

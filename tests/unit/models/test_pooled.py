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
"""Pooled fields: the vector of a field is the mean or sum of those of its values, as torch's EmbeddingBag has it."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.models import TRAITS, NetWithLoss, plan_inputs
from src.models.building import BuildContext
from src.models.embedding import FieldEmbedding, rows_read
from src.pooling import blocks, value_weights
from tests.helpers import make_model, make_pooled_schema, make_selection, pooled_ids

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: pip install -r requirements/pytorch.txt")
SIZES = (5, 9, 3, 2, 7, 6)  # with embeddings of 4: pooled fields that fold and that do not
POOLS = (None, "mean", "sum", None, "sum", None)
KEPT = {"t0": ("f1", "f3"), "t1": ("f4", "f0", "f2"), "t2": ("f1", "f3")}


def bags(block: np.ndarray) -> tuple:
    """Ids and offsets as EmbeddingBag takes them: the values of every row, id 0 for a row without any."""
    values = [row[row > 0] if (row > 0).any() else row[:1] for row in block]
    return torch.tensor(np.concatenate(values)).long(), torch.tensor(np.cumsum([0, *map(len, values[:-1])]))


def test_vectors_and_gradients_are_those_of_embedding_bag(eager):
    schema = make_pooled_schema(2, SIZES, POOLS)
    plan = plan_inputs("mmoe", schema, schema.task_names)
    embedding, ids = FieldEmbedding(plan, 3, BuildContext(1)), pooled_ids(20, schema)
    weight = np.random.default_rng(1).standard_normal((20, len(SIZES), 3)).astype(np.float32)

    class Weighted(nn.Cell):
        def __init__(self):
            super().__init__(auto_prefix=False)
            self.embedding = embedding

        def construct(self, held):
            return (self.embedding(held) * Tensor(weight)).sum()

    network = Weighted()
    gradient = ops.GradOperation(get_by_list=True)(network, ms.ParameterTuple([embedding.table]))(Tensor(ids))[0]
    table, start, wanted = embedding.table.asnumpy(), 0, []
    for n, (block, size, pool) in enumerate(zip(blocks(ids, schema.widths), SIZES, POOLS)):
        bag = torch.nn.EmbeddingBag(size, 3, mode=pool or "sum")
        bag.weight.data = torch.tensor(table[start:start + size])
        found = bag(*bags(block))
        np.testing.assert_allclose(embedding(Tensor(ids)).asnumpy()[:, n], found.detach(), rtol=1e-5, atol=1e-7)
        (found * torch.tensor(weight[:, n])).sum().backward()
        wanted.append(bag.weight.grad.numpy())
        start += size
    np.testing.assert_allclose(gradient.asnumpy(), np.concatenate(wanted), rtol=1e-4, atol=1e-6)


def logits_and_gradients(backbone, schema, selection, folded):
    model, plan = make_model(backbone, schema, selection)
    assert model.folds and plan.pooled
    model.folds = folded
    ids = pooled_ids(16, schema)
    ids = Tensor(np.concatenate([blocks(ids, schema.widths)[column] for column in plan.columns], 1))
    network = NetWithLoss(model)
    network.set_train()
    parameters = ms.ParameterTuple(network.trainable_params())
    labels = np.random.default_rng(2).integers(0, 2, (16, 3)).astype(np.float32)
    gradients = ops.GradOperation(get_by_list=True)(network, parameters)(ids, Tensor(labels))
    model.set_train(False)
    return model(ids).asnumpy(), {p.name: g.asnumpy() for p, g in zip(parameters, gradients)}


def assert_folding_changes_nothing(backbone, selected):
    schema = make_pooled_schema(3, SIZES, POOLS)
    shared = ("f0", "f1", "f2", "f3", "f4") if TRAITS[backbone].shared else ()
    selection = make_selection(schema, KEPT, shared, backbone) if selected else None
    logits, gradients = logits_and_gradients(backbone, schema, selection, True)
    expected, expected_gradients = logits_and_gradients(backbone, schema, selection, False)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected_gradients[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("selected", [False, True], ids=["all_fields", "selected"])
@pytest.mark.parametrize("backbone", ["mmoe", "ple", "single_task"])
def test_folded_pooled_fields_change_nothing(backbone, selected, eager):
    assert_folding_changes_nothing(backbone, selected)


def test_folded_pooled_fields_change_nothing_compiled():
    assert_folding_changes_nothing("shared_bottom", True)


@pytest.mark.parametrize("backbone", ["mmoe", "single_task"])
def test_rows_read_name_no_row_that_only_fills_up(backbone, eager):
    schema = make_pooled_schema(3, SIZES, POOLS)
    model, plan = make_model(backbone, schema)
    ids = pooled_ids(16, schema)
    looked_up, named = model.rows(Tensor(ids)).asnumpy(), rows_read(plan, 4, ids)
    assert named.dtype == np.int32 and named.shape == looked_up.shape
    counts = np.concatenate([value_weights(ids_of, pool) > 0
                             for ids_of, pool in zip(blocks(ids, schema.widths), schema.pools)], 1)
    large = [slot for slot, size in enumerate(plan.cardinalities) if size >= 4]
    counts = counts[:, [column for slot in large for column in plan.slot_ids[slot]]].ravel()
    hot = len(named) - len(counts)
    np.testing.assert_array_equal(named[:hot], looked_up[:hot])
    np.testing.assert_array_equal(named[hot:][counts], looked_up[hot:][counts])
    assert set(named[hot:]) == set(looked_up[hot:][counts])


def test_a_field_of_one_value_a_row_is_a_plain_field(eager):
    plain, pooled = (make_pooled_schema(2, SIZES, pools, width=3) for pools in ([None] * 6, POOLS))
    ids = pooled_ids(12, plain)
    wide = np.concatenate([np.pad(ids[:, [n]], ((0, 0), (0, 2 if pool else 0))) for n, pool in enumerate(POOLS)], 1)
    models = [make_model("mmoe", schema)[0].set_train(False) for schema in (plain, pooled)]
    np.testing.assert_allclose(models[1](Tensor(wide)).asnumpy(), models[0](Tensor(ids)).asnumpy(), rtol=1e-5,
                               atol=1e-6)

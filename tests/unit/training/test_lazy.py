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
"""Lazy Adam: PyTorch's SparseAdam on the table, Adam on the rest, and rows that no batch holds stay as they are."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.models import NetWithLoss
from src.training import Ranks, make_step
from src.training.lazy import CROSSOVER, LazyStep, is_lazy, touched_rows
from tests.helpers import make_config, make_model, make_pooled_schema, make_schema, pooled_ids

CARDINALITIES = (3, 40, 60)  # with embeddings of 4: one folded field, two looked up
CONFIG = {"learning_rate": 0.01, "weight_decay": 0.0, "loss_reduction": "sum", "batch_size": 8}


def setting(optimizer, **changes):
    return make_config(**{**CONFIG, "embedding_optimizer": optimizer, **changes})


def batches(count):
    rng = np.random.default_rng(5)
    for _ in range(count):
        ids = np.stack([rng.integers(0, size, 8) for size in CARDINALITIES], 1).astype(np.int32)
        yield Tensor(ids), Tensor(rng.integers(0, 2, (8, 2)).astype(np.float32))


def rows_of(ids):
    starts = np.array([0, 3, 43])
    return np.unique(np.concatenate([np.arange(3), (ids.asnumpy()[:, 1:] + starts[1:]).reshape(-1)]))


@pytest.mark.parametrize("seed", range(20))
def test_touched_rows_are_distinct_and_found_again(seed):
    rng = np.random.default_rng(seed)
    table_rows = int(rng.integers(1, 60))
    looked_up = rng.integers(0, table_rows, rng.integers(1, 50)).astype(np.int32)
    rows, places, real = touched_rows(looked_up, table_rows)
    assert len(rows) == len(real) == min(len(looked_up), table_rows)
    assert len(set(rows.tolist())) == len(rows) and rows.min() >= 0 and rows.max() < table_rows
    np.testing.assert_array_equal(rows[places], looked_up)
    assert set(rows[real[:, 0] == 1].tolist()) == set(looked_up.tolist())


@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_the_table_moves_as_with_sparse_adam(weight_decay):
    torch = pytest.importorskip("torch")
    model, _ = make_model("shared_bottom", make_schema(2, CARDINALITIES))
    loss, table = NetWithLoss(model), model.embedding.table
    loss.set_train()
    gradient = ops.GradOperation(get_by_list=True)(loss, ms.ParameterTuple([table]))
    step = make_step(model, setting("lazy", weight_decay=weight_decay))
    assert isinstance(step, LazyStep)
    step.set_train()
    expected = torch.nn.Parameter(torch.tensor(table.asnumpy()))
    optimizer = torch.optim.SparseAdam([expected], lr=0.01)
    for ids, labels in batches(6):
        rows, before = rows_of(ids), table.asnumpy().copy()
        dense = gradient(ids, labels)[0].asnumpy() + weight_decay * before
        expected.grad = torch.sparse_coo_tensor(torch.tensor(rows[None]), torch.tensor(dense[rows]), dense.shape,
                                                check_invariants=True)
        optimizer.step()
        step(ids, labels)
        np.testing.assert_allclose(table.asnumpy(), expected.detach().numpy(), rtol=2e-4, atol=2e-5)
        others = np.setdiff1d(np.arange(len(before)), rows)
        np.testing.assert_array_equal(table.asnumpy()[others], before[others])


def test_lazy_is_dense_while_every_batch_holds_every_row():
    models = []
    for optimizer in ("dense", "lazy"):
        model, _ = make_model("shared_bottom", make_schema(2, (3, 4, 2)), embedding_dim=5)
        step = make_step(model, setting(optimizer, weight_decay=0.01, embedding_dim=5))
        step.set_train()
        rng = np.random.default_rng(1)
        losses = []
        for _ in range(5):
            ids = Tensor(np.stack([rng.integers(0, size, 8) for size in (3, 4, 2)], 1).astype(np.int32))
            losses.append(float(step(ids, Tensor(rng.integers(0, 2, (8, 2)).astype(np.float32))).asnumpy()))
        models.append((losses, [parameter.asnumpy() for parameter in model.trainable_params()]))
    (losses, weights), (lazy_losses, lazy_weights) = models
    np.testing.assert_allclose(lazy_losses, losses, rtol=1e-5)
    for weight, lazy in zip(weights, lazy_weights):
        np.testing.assert_allclose(lazy, weight, rtol=1e-4, atol=2e-5)


def test_of_a_pooled_field_the_rows_of_its_values_move_and_no_others():
    """The first step is dense Adam's; id 0, which fills up, stays where it is no value."""
    schema, starts = make_pooled_schema(2, (3, 40, 30), (None, "mean", "sum"), 3), (3, 43)
    ids = pooled_ids(8, schema)
    ids[:, 1], ids[:, 4] = np.maximum(ids[:, 1], 1), np.maximum(ids[:, 4], 1)  # no row is without a value
    labels = Tensor(np.random.default_rng(1).integers(0, 2, (8, 2)).astype(np.float32))
    tables = []
    for optimizer in ("dense", "lazy"):
        model, _ = make_model("shared_bottom", schema)
        before, step = model.embedding.table.asnumpy().copy(), make_step(model, setting(optimizer))
        step.set_train()
        step(Tensor(ids), labels)
        tables.append(model.embedding.table.asnumpy())
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-4, atol=1e-5)
    values = [start + block[block > 0] for start, block in zip(starts, (ids[:, 1:4], ids[:, 4:]))]
    expected = np.zeros(73, bool)
    expected[np.concatenate([np.unique(ids[:, 0]), *values])] = True
    moved = np.abs(tables[1] - before).max(1) > 0
    assert not moved[~expected].any() and moved[3:][expected[3:]].mean() > 0.9


def test_auto_goes_by_the_size_of_the_table():
    model, _ = make_model("shared_bottom", make_schema(2, CARDINALITIES))
    rows, looked_up = sum(CARDINALITIES), 2  # a row of a batch looks up two fields; the third is folded
    most = rows // (CROSSOVER * looked_up)
    assert is_lazy(model, setting("auto", batch_size=most))
    assert not is_lazy(model, setting("auto", batch_size=most + 1))
    assert isinstance(make_step(model, setting("auto", batch_size=most + 1)), nn.TrainOneStepCell)


def test_ranks_gather_large_numbers_exactly():
    numbers = np.array([[0, 2 ** 24 + 1, 7], [2 ** 31 - 2, 4095, 4096]])
    sent = []

    def add(values):
        sent.append(values.asnumpy())
        return Tensor(sum(sent))

    for rank in (0, 1):
        ranks = Ranks()
        ranks.rank, ranks.size, ranks._sum = rank, 2, add
        found = ranks.gather(numbers[rank])
    np.testing.assert_array_equal(found, numbers.reshape(-1))
    np.testing.assert_array_equal(Ranks().gather(numbers[0]), numbers[0])

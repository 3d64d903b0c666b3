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
"""The relation network against hand computation; partitions, correlations and the merge."""

import numpy as np
import pytest
from mindspore import Tensor

from src.selection.paper import relations
from src.selection.paper.relations import (
    RelationLoss,
    RelationNetwork,
    draw_auxiliary,
    label_correlations,
    learn_relations,
    merge_scores,
    task_cosines,
)


def numpy_network(network, ids, edges):
    """One field at a time, one node at a time, straight from the equations."""
    table, z0 = network.table.asnumpy(), network.tasks.asnumpy()
    wt, wd = network.task_weight.asnumpy(), network.data_weight.asnumpy()
    bt, bd = network.task_bias.asnumpy(), network.data_bias.asnumpy()
    offsets = network.offsets.asnumpy()[0]
    data_all, task_all = [], []
    for n in range(ids.shape[1]):
        h, z = table[ids[:, n] + offsets[n]], z0[n]
        for i in range(network.layers):
            to_task = np.array([h[edges[:, t] == 1].mean(0) if edges[:, t].any() else 0 * h[0] for t in range(len(z))])
            to_data = np.array([z[row == 1].mean(0) if row.any() else 0 * z[0] for row in edges])
            z, h = (np.tanh(np.concatenate([z, to_task], 1) @ wt[i, n] + bt[i, n]),
                    np.tanh(np.concatenate([h, to_data], 1) @ wd[i, n] + bd[i, n]))
        data_all.append(h)
        task_all.append(z)
    return np.stack(data_all), np.stack(task_all)


@pytest.mark.parametrize("layers", [1, 2])
def test_network_and_loss_match_the_equations(layers, eager):
    rng = np.random.default_rng(0)
    sizes, rows, tasks = [4, 3], 7, 3
    network = RelationNetwork(sizes, tasks, dim=5, layers=layers, seed=1)
    ids = np.stack([rng.integers(0, size, rows) for size in sizes], 1).astype(np.int32)
    labels = rng.integers(0, 2, (rows, tasks)).astype(np.float32)
    labels[:, 2] = 0  # a task without any neighbour
    labels[3] = 0  # a row without any neighbour
    auxiliary = draw_auxiliary(rng, rows, tasks)
    data, nodes = network(Tensor(ids), Tensor(labels * auxiliary))
    expected_data, expected_nodes = numpy_network(network, ids, labels * auxiliary)
    np.testing.assert_allclose(data.asnumpy(), expected_data, atol=1e-6)
    np.testing.assert_allclose(nodes.asnumpy(), expected_nodes, atol=1e-6)
    p = (1 / (1 + np.exp(-np.einsum("nbd,ntd->nbt", expected_data, expected_nodes)))).mean(0)
    test = auxiliary == 0
    loss = -np.mean(np.where(labels == 1, np.log(p), np.log(1 - p))[test])
    got = float(RelationLoss(network)(Tensor(ids), Tensor(labels), Tensor(auxiliary)).asnumpy())
    assert got == pytest.approx(loss, rel=1e-5)


def test_partition_keeps_one_of_each_kind_per_row():
    for tasks in (2, 3, 5):
        auxiliary = draw_auxiliary(np.random.default_rng(0), 2000, tasks)
        assert auxiliary.sum(1).min() >= 1 and (1 - auxiliary).sum(1).min() >= 1
        assert np.abs(auxiliary.mean(0) - 0.5).max() < 0.05
        if tasks == 2:
            assert (auxiliary.sum(1) == 1).all()


def test_learned_relations_are_cosines_and_repeatable():
    rng = np.random.default_rng(2)
    ids = rng.integers(0, 3, (128, 2)).astype(np.int32)
    labels = (rng.random((128, 3)) < 0.4).astype(np.float32)
    batches = [(Tensor(ids), Tensor(labels))]
    first, second = (learn_relations(batches, [3, 3], 4, 1, 5, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 3, 3) and np.abs(first).max() <= 1 + 1e-9
    np.testing.assert_allclose(first, first.transpose(0, 2, 1), atol=1e-12)
    assert (first[:, range(3), range(3)] == 1).all()


def test_training_the_network_lowers_its_loss():
    from mindspore import nn
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 4, (256, 2)).astype(np.int32)
    labels = np.stack([ids[:, 0] > 1, ids[:, 0] > 1], 1).astype(np.float32)
    network = RelationNetwork([4, 4], 2, dim=8, layers=1, seed=0)
    step = nn.TrainOneStepCell(RelationLoss(network), nn.Adam(network.trainable_params(), 0.02))
    step.set_train()
    losses = [float(step(Tensor(ids), Tensor(labels), Tensor(draw_auxiliary(rng, 256, 2))).asnumpy())
              for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.8 * losses[0]


def test_training_stops_when_the_relations_have_settled(monkeypatch):
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 4, (256, 2)).astype(np.int32)
    labels = np.stack([ids[:, 0] > 1, ids[:, 0] < 2], 1).astype(np.float32)
    passes = []

    def count(*arguments):
        passes.append(1)
        return draw_auxiliary(*arguments)

    monkeypatch.setattr(relations, "draw_auxiliary", count)
    batches = [(Tensor(ids), Tensor(labels))]
    settled = learn_relations(batches, [4, 4], 8, 1, 1000, 0)
    assert len(passes) < 1000 and len(passes) % relations.CHECK_EVERY == 0
    assert len(passes) > 2 * relations.CHECK_EVERY
    before = learn_relations(batches, [4, 4], 8, 1, len(passes) - relations.CHECK_EVERY, 0)
    assert 0 < np.abs(settled - before).max() <= relations.SETTLED
    assert np.abs(settled - learn_relations(batches, [4, 4], 8, 1, 1, 0)).max() > relations.SETTLED


def test_one_task_relates_to_itself_only():
    batches = [(Tensor(np.zeros((4, 2), np.int32)), Tensor(np.ones((4, 1), np.float32)))]
    np.testing.assert_array_equal(learn_relations(batches, [1, 1], 4, 1, 1, 0), np.ones((2, 1, 1)))


def test_cosines():
    nodes = np.array([[[1.0, 0], [1, 1], [0, 0]]])
    expected = [[1, np.sqrt(0.5), 0], [np.sqrt(0.5), 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(task_cosines(nodes)[0], expected, atol=1e-12)


def test_correlations_equal_numpy_and_survive_a_constant_label():
    labels = np.random.default_rng(0).integers(0, 2, (50, 2)).astype(float)
    np.testing.assert_allclose(label_correlations(labels, 3)[2], np.corrcoef(labels.T), atol=1e-12)
    labels[:, 1] = 1
    np.testing.assert_array_equal(label_correlations(labels, 1)[0], np.eye(2))


def test_merge_by_hand():
    scores = np.array([[1.0, 2.0], [10.0, 20.0]])
    relations = np.array([[[1, 0.5], [0.5, 1]], [[1, -1], [-1, 1]]])
    np.testing.assert_allclose(merge_scores(scores, relations), [[6.0, -18.0], [10.5, 18.0]])
    np.testing.assert_allclose(merge_scores(scores, np.stack([np.eye(2)] * 2)), scores)

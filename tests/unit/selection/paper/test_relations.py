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
"""Eqs. 11-24: the network node by node, the loss, the partition, the training, correlations and the merge."""

import numpy as np
import pytest
from mindspore import Tensor

from src.data.memory import MemorySplit
from src.schema import UNKNOWN
from src.selection.paper import relations
from src.selection.paper.relations import (
    RelationNetwork,
    _batches,
    draw_auxiliary,
    label_correlations,
    learn_relations,
    merge_scores,
    relation_loss,
    task_cosines,
    train_relations,
)

SIZES = [4, 3]


def by_the_paper(network, x, y, aux):
    """Eqs. 11-22 in the paper's symbols, one node, one field at a time: E_L, Z_L and L_G (mean of sigmoids, minus sign,
    mean over the labels of Test)."""
    V, Z = network.table.asnumpy(), network.z.asnumpy()
    Wt, Wd, U = network.w_task.asnumpy(), network.w_data.asnumpy(), network.u.asnumpy()
    (rows, N), T, D = x.shape, y.shape[1], V.shape[1]
    start = [sum(SIZES[:n]) for n in range(N)]
    e = {(i, n): V[start[n] + x[i, n]] for i in range(rows) for n in range(N)}  # eqs. 11, 14
    z = {(t, n): Z[n, t] for t in range(T) for n in range(N)}  # eqs. 12, 15
    edge = {(i, t) for i in range(rows) for t in range(T) if y[i, t] == 1 and aux[i, t]}

    def mean(messages):
        return sum(messages) / len(messages) if messages else np.zeros(D)

    for l in range(len(U)):  # noqa: E741 the paper's letter; eqs. 16-18
        new_e = {(i, n): U[l, n] @ np.concatenate([mean([np.maximum(Wt[l, n] @ z[t, n], 0) for t in range(T)
                                                         if (i, t) in edge]), e[i, n]]) for i, n in e}
        new_z = {(t, n): U[l, n] @ np.concatenate([mean([np.maximum(Wd[l, n] @ e[i, n], 0) for i in range(rows)
                                                         if (i, t) in edge]), z[t, n]]) for t, n in z}
        e, z = new_e, new_z
    loss = []
    for i in range(rows):
        for j in range(T):
            p = np.mean([1 / (1 + np.exp(-(e[i, n] @ z[j, n]))) for n in range(N)])  # eq. 21, its mean
            if not aux[i, j]:
                loss.append(-np.log(p) if y[i, j] == 1 else -np.log(1 - p))  # eq. 22, with a minus sign
    return (np.array([[e[i, n] for i in range(rows)] for n in range(N)]),
            np.array([[z[t, n] for t in range(T)] for n in range(N)]), np.mean(loss))


def some_rows(rows, tasks, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.integers(0, size, rows) for size in SIZES], 1).astype(np.int32)
    return ids, rng.integers(0, 2, (rows, tasks)).astype(np.uint8)


@pytest.mark.parametrize("layers", [1, 2])
def test_one_forward_pass_is_eqs_11_to_22(layers, eager):
    network = RelationNetwork(SIZES, 3, dim=5, layers=layers, seed=1)
    ids, labels = some_rows(7, 3)
    labels[:, 2] = 0  # a task without any neighbour
    labels[3] = 0  # a row without any neighbour
    auxiliary = draw_auxiliary(7, 3, seed=0)
    data, tasks = network(Tensor(ids), Tensor((labels * auxiliary).astype(np.float32)))
    expected_data, expected_tasks, loss = by_the_paper(network, ids, labels, auxiliary)
    np.testing.assert_allclose(data.asnumpy(), expected_data, atol=1e-6)
    np.testing.assert_allclose(tasks.asnumpy(), expected_tasks, atol=1e-6)
    assert relation_loss(network, ids, labels, auxiliary) == pytest.approx(loss, rel=1e-5)


def test_parameters_have_the_documented_shapes():
    network = RelationNetwork(SIZES, 3, dim=5, layers=2, seed=1)
    shapes = {parameter.name: parameter.shape for parameter in network.trainable_params()}
    assert shapes == {"table": (7, 5), "z": (2, 3, 5), "w_task": (2, 2, 5, 5), "w_data": (2, 2, 5, 5),
                      "u": (2, 2, 5, 10)}


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_aux_and_test_hold_at_least_one_task_each(tasks):
    auxiliary = draw_auxiliary(2000, tasks, seed=0)
    assert auxiliary.sum(1).min() >= 1 and (~auxiliary).sum(1).min() >= 1
    assert np.abs(auxiliary.mean(0) - 0.5).max() < 0.05
    assert len(np.unique(auxiliary, axis=0)) == 2 ** tasks - 2  # every partition that leaves neither empty
    if tasks == 2:
        assert (auxiliary.sum(1) == 1).all()


def test_relations_are_cosines_of_the_learned_z():
    """Eq. 23 takes the parameters z (eq. 12), not the states after the last layer."""
    split = MemorySplit(*some_rows(100, 3))
    network = RelationNetwork(SIZES, 3, 4, 1, seed=7)
    before = network.z.asnumpy().copy()
    losses = train_relations(network, split, range(3), 3, 32, seed=7)
    assert len(losses) <= 3 and np.abs(network.z.asnumpy() - before).max() > 0.01
    given = learn_relations(split, range(3), SIZES, 4, 1, 3, 32, seed=7)
    z = network.z.asnumpy().astype(np.float64)
    for n in range(2):
        for t in range(3):
            for i in range(3):
                cosine = z[n, t] @ z[n, i] / (np.linalg.norm(z[n, t]) * np.linalg.norm(z[n, i]))
                assert given[n, t, i] == pytest.approx(1 if t == i else cosine, abs=1e-6)


def test_every_row_teaches_and_rows_that_fill_up_the_last_batch_do_not(monkeypatch):
    ids, labels = some_rows(10, 2)
    seen = []

    class Step:
        def __init__(self, *_):
            pass

        def set_train(self):
            pass

        def __call__(self, ids, labels, auxiliary):
            seen.append([part.asnumpy() for part in (ids, labels, auxiliary)])
            return Tensor(np.float32(1.0))

    monkeypatch.setattr(relations.nn, "TrainOneStepCell", Step)
    train_relations(RelationNetwork(SIZES, 2, 4, 1, 3), MemorySplit(ids, labels), range(2), 1, 4, seed=3)
    assert [batch[0].shape for batch in seen] == [(4, 2)] * 3
    order = np.random.default_rng([3, 0x0DE, 0]).permutation(10)
    np.testing.assert_array_equal(np.concatenate([batch[0] for batch in seen])[:10], ids[order])
    np.testing.assert_array_equal(np.concatenate([batch[2] for batch in seen])[:10], draw_auxiliary(10, 2, 3)[order])
    assert (seen[2][2][2:] == 1).all() and (seen[2][1][2:] == 0).all()
    whole, part = (RelationNetwork(SIZES, 2, 4, 1, 3) for _ in range(2))
    assert relation_loss(whole, *seen[2]) == pytest.approx(relation_loss(part, *(x[:2] for x in seen[2])), rel=1e-6)


def test_training_lowers_the_loss_and_ends_when_an_epoch_hardly_does():
    ids = np.random.default_rng(3).integers(0, 3, (256, 2)).astype(np.int32)
    labels = np.stack([ids[:, 0] > 1, ids[:, 0] > 1], 1).astype(np.uint8)
    losses = train_relations(RelationNetwork(SIZES, 2, 8, 1, 0), MemorySplit(ids, labels), range(2), 1000, 64, seed=0)
    assert losses[-1] < 0.8 * losses[0] and 2 < len(losses) < 1000
    falls = [after <= before * (1 - relations.SETTLED) for before, after in zip(losses, losses[1:])]
    assert all(falls[:-1]) and not falls[-1]


def test_one_task_relates_to_itself_only():
    """And nothing is trained: there is no split to read."""
    np.testing.assert_array_equal(learn_relations(None, [0], [1, 1], 4, 1, 1, 8, 0), np.ones((2, 1, 1)))


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


def test_correlations_are_of_the_rows_where_both_labels_are_known():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (60, 3)).astype(np.uint8)
    hidden, known = labels.copy(), rng.random((60, 3)) < 0.7
    hidden[~known] = UNKNOWN
    found = label_correlations(hidden, 1)[0]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        both = known[:, one] & known[:, other]
        expected = np.corrcoef(labels[both, one], labels[both, other])[0, 1]
        assert found[one, other] == found[other, one] == pytest.approx(expected)
    hidden[:, 2] = np.where(hidden[:, 0] == UNKNOWN, 1, UNKNOWN)  # never both
    np.testing.assert_array_equal(label_correlations(hidden, 1)[0][2], [0, 0, 1])


def test_unknown_labels_are_no_edge_and_not_in_test():
    """As rows whose label is known and in Aux, but 0; a batch without any label to predict has the loss 0."""
    ids, labels = some_rows(12, 3)
    labels = labels.astype(np.uint8)
    hidden = labels.copy()
    hidden[[1, 4, 7], 2], hidden[5] = UNKNOWN, UNKNOWN
    auxiliary = draw_auxiliary(12, 3, seed=0)
    (_, given, aux), = _batches(MemorySplit(ids, hidden), range(3), auxiliary, np.arange(12), 12)
    known = hidden != UNKNOWN
    np.testing.assert_array_equal(given.asnumpy(), labels * known)
    np.testing.assert_array_equal(aux.asnumpy(), auxiliary | ~known)
    network = RelationNetwork(SIZES, 3, 4, 1, 3)
    assert relation_loss(network, ids, labels * 0, np.ones((12, 3))) == 0

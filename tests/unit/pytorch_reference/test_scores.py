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
"""The reference's scores and relation network: finite differences, hand-computed figures, loops over nodes."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: pip install -r requirements/pytorch.txt")

from pytorch_reference.networks.relations import TaskRelation  # noqa: E402
from pytorch_reference.scores import (  # noqa: E402  # noqa: E402
    calibrate,
    field_gradients,
    mask_scores,
    scoring_mode,
    uz_scores,
    uz_statistic,
)
from tests.makers.tiny_networks import CARDINALITIES, NAMES, make, rows  # noqa: E402


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("tasks", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_mask_score_equals_finite_differences(name, tasks, training):
    model = make(name, tasks=tasks)
    ids, labels = rows(20, tasks)
    signed = mask_scores(model, [(ids, labels)], signed=True, training=training)
    with scoring_mode(model, training), torch.no_grad():
        for task in range(tasks):
            for field in range(4):
                sides = []
                for step in (1e-6, -1e-6):
                    scale = torch.ones(4, dtype=torch.float64)
                    scale[field] += step
                    logits, target = model(ids, scale=scale)[:, task], labels[:, task].double()
                    sides.append(torch.nn.functional.binary_cross_entropy_with_logits(logits, target))
                slope = (sides[0] - sides[1]) / 2e-6
                assert signed[task, field].item() == pytest.approx(slope.item(), rel=1e-4, abs=1e-8)
    np.testing.assert_array_equal(mask_scores(model, [(ids, labels)], training=training), signed.abs())


def test_scores_average_batches_and_leave_the_model_alone():
    model = make("mmoe").train()
    first, second = rows(seed=1), rows(seed=2)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    both = mask_scores(model, [first, second])
    alone = [mask_scores(model, [batch]) for batch in (first, second)]
    np.testing.assert_allclose(both, (alone[0] + alone[1]) / 2, rtol=1e-12)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(module.training for module in model.modules())


def test_uz_of_four_rows_by_hand():
    """Two values of two rows each: PB has the eigenvalues 1, -1, -1, 0, hence the mean -1 and the variance 6."""
    gradients = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    assert uz_statistic(gradients, np.array([0, 0, 1, 1])) == pytest.approx((-4 + 1) / math.sqrt(6))
    assert uz_statistic(gradients, np.array([0, 1, 0, 1])) == pytest.approx((4 + 1) / math.sqrt(6))
    assert uz_statistic(gradients + 7, np.array([0, 1, 0, 1])) == pytest.approx(5 / math.sqrt(6))
    assert uz_statistic(gradients, np.arange(4)) == 0
    assert uz_statistic(gradients, np.zeros(4)) == 0


@pytest.mark.parametrize("cardinality", [2, 30, 200])
def test_uz_of_noise_has_mean_0_and_variance_1(cardinality):
    random = np.random.default_rng(0)
    draws = [uz_statistic(random.normal(size=(150, 3)), random.integers(0, cardinality, 150)) for _ in range(300)]
    assert np.mean(draws) == pytest.approx(0, abs=0.15)
    assert np.std(draws) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("name", NAMES)
def test_field_gradients_are_those_of_single_rows(name):
    model = make(name).eval()
    ids, labels = rows(6)
    for task in range(2):
        together = field_gradients(model, ids, labels, task)
        for row in range(6):
            alone = field_gradients(model, ids[row:row + 1], labels[row:row + 1], task)
            np.testing.assert_allclose(together[row], alone[0], rtol=1e-10, atol=1e-14)


def test_uz_scores_take_calibrated_biases_and_find_the_planted_field():
    model = make("mmoe", dim=4)
    ids, labels = rows(400)
    labels[:, 0] = (ids[:, 1] > 2).long()
    calibrate(model, [-0.4, 0.0])
    assert [tower.mlp[-1].bias.item() for tower in model.tower] == [-0.4, 0.0]
    scores = uz_scores(model, [(ids[:150], labels[:150]), (ids[150:], labels[150:])])
    assert scores.shape == (2, 4) and scores[0].argmax() == 1 and scores[0, 1] > 20
    np.testing.assert_allclose(scores, uz_scores(model, [(ids, labels)]), rtol=1e-9)


def relation_by_hand(net, ids, labels, auxiliary):
    """Eqs. 11-21 node by node, field by field: Z_L of shape [N, T, D] and the mean of eq. 21's terms, [batch, T]."""
    weight = {name: value.detach().numpy() for name, value in net.named_parameters()}
    fields, tasks, dim = weight["task"].shape
    edge = [[bool(labels[b, t]) and bool(auxiliary[b, t]) for t in range(tasks)] for b in range(len(ids))]

    def message(matrix, states):
        return np.mean([np.maximum(matrix @ state, 0) for state in states], axis=0) if states else np.zeros(dim)

    task_states, sums = [], np.zeros((len(ids), tasks))
    for n in range(fields):
        start = sum(CARDINALITIES[:n])
        e, z = [weight["value"][start + int(row[n])] for row in ids], list(weight["task"][n])
        for layer in range(len(weight["weight_u"])):
            w_t, w_d, u = (weight[name][layer, n] for name in ("weight_t", "weight_d", "weight_u"))
            e, z = ([u @ np.concatenate([message(w_t, [z[t] for t in range(tasks) if edge[b][t]]), e[b]])
                     for b in range(len(ids))],
                    [u @ np.concatenate([message(w_d, [e[b] for b in range(len(ids)) if edge[b][t]]), z[t]])
                     for t in range(tasks)])
        task_states.append(z)
        sums += [[1 / (1 + math.exp(-(e[b] @ z[t]))) for t in range(tasks)] for b in range(len(ids))]
    return np.array(task_states), sums / fields


def make_relation(tasks=3, layers=2):
    torch.manual_seed(5)
    net = TaskRelation(CARDINALITIES, tasks, 3, layers).double()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return net


@pytest.mark.parametrize("layers", [1, 2])
def test_relation_network_equals_a_loop_over_nodes(layers):
    net = make_relation(layers=layers)
    ids, labels = rows(9, 3)
    auxiliary = torch.rand(9, 3) < 0.5
    auxiliary[:, 2] = False  # a task without any neighbour
    states, p = relation_by_hand(net, ids, labels, auxiliary)
    np.testing.assert_allclose(net.states(ids, labels, auxiliary)[1].detach().transpose(0, 1), states, rtol=1e-10)
    np.testing.assert_allclose(net.probabilities(ids, labels, auxiliary).detach(), p, rtol=1e-10)
    y, test = labels.numpy(), ~auxiliary.numpy()
    expected = -np.mean([math.log(p[b, t]) if y[b, t] else math.log(1 - p[b, t]) for b, t in zip(*np.nonzero(test))])
    assert net.loss(ids, labels, auxiliary).item() == pytest.approx(expected, rel=1e-10)
    assert torch.autograd.gradcheck(lambda *_: net.loss(ids, labels, auxiliary), tuple(net.parameters()))


def test_relation_probabilities_do_not_see_the_labels_they_predict():
    net = make_relation()
    ids, labels = rows(9, 3)
    auxiliary = torch.rand(9, 3) < 0.5
    flipped = torch.where(auxiliary, labels, 1 - labels)
    assert torch.equal(net.probabilities(ids, labels, auxiliary), net.probabilities(ids, flipped, auxiliary))


def test_relations_are_the_cosines_of_the_parameters_z():
    net = make_relation()
    z, relations = net.task.detach().numpy(), net.relations().numpy()
    for field in range(4):
        for t in range(3):
            for i in range(3):
                norm = np.linalg.norm(z[field, t]) * np.linalg.norm(z[field, i])
                assert relations[field, t, i] == pytest.approx(z[field, t] @ z[field, i] / norm, rel=1e-10)
    assert (np.diagonal(relations, axis1=1, axis2=2) == 1).all()

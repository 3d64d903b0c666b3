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
"""The reference's backbones and loss: against loops over single rows and hand-computed figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: pip install -r requirements/pytorch.txt")

from pytorch_reference.networks.models import chain_logits, total_loss  # noqa: E402
from tests.makers.tiny_networks import CARDINALITIES, NAMES, make, rows  # noqa: E402


def dense(state, name, x):
    """x W^T + b of one Linear, in numpy."""
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def mlp(state, name, x, blocks, output=False):
    """An Mlp in evaluation mode with fresh running statistics, whose BatchNorm divides by √(1 + 1e-5)."""
    for block in range(blocks):
        x = np.maximum(dense(state, f"{name}.mlp.{4 * block}", x) / math.sqrt(1 + 1e-5), 0)
    return dense(state, f"{name}.mlp.{4 * blocks}", x) if output else x


def softmax(x):
    weights = np.exp(x - x.max())
    return weights / weights.sum()


def embed(state, row, fields=range(4)):
    starts = np.concatenate([[0], np.cumsum([CARDINALITIES[field] for field in fields])])
    return np.concatenate([state["embedding.embedding.weight"][starts[i] + int(row[f])] for i, f in enumerate(fields)])


def by_hand_mmoe(state, row, tasks):
    x = embed(state, row)
    experts = [mlp(state, f"expert.{e}", x, 2) for e in range(4)]
    logits = []
    for task in range(tasks):
        weights = softmax(dense(state, f"gate.{task}.0", x))
        logits.append(mlp(state, f"tower.{task}", sum(w * e for w, e in zip(weights, experts)), 2, True)[0])
    return logits


def by_hand_ple(state, row, tasks):
    own, common = [embed(state, row)] * tasks, embed(state, row)
    for level in range(2):
        shared = [mlp(state, f"share_experts.{level}.{k}", common, 1) for k in range(2)]
        private = [[mlp(state, f"task_experts.{level}.{t}.{k}", own[t], 1) for k in range(2)] for t in range(tasks)]
        gates = [softmax(dense(state, f"task_gates.{level}.{t}.0", own[t])) for t in range(tasks)]
        if level == 0:
            weights = softmax(dense(state, "share_gates.0.0", common))
            common = sum(w * e for w, e in zip(weights, [e for group in private for e in group] + shared))
        own = [sum(w * e for w, e in zip(gates[t], private[t] + shared)) for t in range(tasks)]
    return [mlp(state, f"tower.{t}", own[t], 2, True)[0] for t in range(tasks)]


def by_hand_aitm(state, row, tasks):
    x = embed(state, row)
    feature, logits = None, []
    for task in range(tasks):
        own = mlp(state, f"bottom.{task}", x, 2)
        if task:
            pair = [dense(state, f"g.{task - 1}", feature), own]
            weights = softmax(np.array([dense(state, "h2", p) @ dense(state, "h3", p) / 2 for p in pair]))  # √4 = 2
            own = sum(w * dense(state, "h1", p) for w, p in zip(weights, pair))
        feature = own
        logits.append(mlp(state, f"tower.{task}", own, 2, True)[0])
    return logits


def by_hand_esmm(state, row, tasks):
    x, probability, logits = embed(state, row), 1.0, []
    for task in range(tasks):
        step = mlp(state, f"tower.{task}", mlp(state, f"bottom.{task}", x, 2), 2, True)[0]
        probability /= 1 + math.exp(-step)
        logits.append(math.log(probability / (1 - probability)))
    return logits


@pytest.mark.parametrize("tasks", [2, 3])
@pytest.mark.parametrize("name, by_hand", [("mmoe", by_hand_mmoe), ("ple", by_hand_ple), ("aitm", by_hand_aitm),
                                           ("esmm", by_hand_esmm)])
def test_forward_equals_a_loop_over_rows(name, by_hand, tasks):
    model = make(name, tasks=tasks).eval()
    ids, _ = rows()
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    expected = [by_hand(state, row.numpy(), tasks) for row in ids]
    np.testing.assert_allclose(model(ids).detach().numpy(), expected, rtol=1e-10)


def test_one_gate_equals_many_equal_gates():
    one, many = make("omoe"), make("mmoe")
    weights = one.state_dict()
    for name in ("weight", "bias"):
        for task in range(2):
            weights[f"gate.{task}.0.{name}"] = weights[f"gate.0.{name}"]
        del weights[f"gate.0.{name}"]
    many.load_state_dict(weights)
    ids, _ = rows()
    with torch.no_grad():
        assert torch.equal(one.eval()(ids), many.eval()(ids))


def test_batchnorm_uses_the_batch_when_training():
    model = make("shared_bottom", dropout=0.0, bottom=(4,))
    ids, _ = rows()
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    x = np.stack([dense(state, "bottom.mlp.0", embed(state, row.numpy())) for row in ids])
    expected = np.maximum((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), 0)
    flat = model.embedding(ids).flatten(1)
    np.testing.assert_allclose(model.train().bottom(flat).detach().numpy(), expected, atol=1e-9)


def test_chain_is_the_product_and_stays_finite():
    steps = torch.tensor([[0.3, -1.2, 2.0], [4.0, 0.0, -3.0]], dtype=torch.float64)
    products = torch.sigmoid(steps).cumprod(1)
    np.testing.assert_allclose(chain_logits(steps).sigmoid(), products, rtol=1e-12)
    extreme = torch.tensor([[90.0, 95.0], [-90.0, 95.0], [90.0, -95.0], [-90.0, -95.0]], requires_grad=True)
    logits = chain_logits(extreme)
    expected = [90 - math.log1p(math.exp(-5)), -90, -95, -185]
    np.testing.assert_allclose(logits[:, 1].detach(), expected, rtol=1e-6)
    logits.sum().backward()
    assert torch.isfinite(extreme.grad).all()


def test_xavier_bound_is_that_of_the_whole_table():
    weight = make("mmoe", cardinalities=(300, 500), dim=4).embedding.embedding.weight
    bound = math.sqrt(6 / (800 + 4))
    assert 0.97 * bound < weight.abs().max() <= bound


PREFIXES = {
    "single_task": {"embedding": 2, "numerical_layer": 2, "bottom": 2, "tower": 2},
    "shared_bottom": {"embedding": 1, "numerical_layer": 1, "bottom": 1, "tower": 2},
    "omoe": {"embedding": 1, "numerical_layer": 1, "expert": 4, "tower": 2, "gate": 1},
    "mmoe": {"embedding": 1, "numerical_layer": 1, "expert": 4, "tower": 2, "gate": 2},
    "ple": {"embedding": 1, "numerical_layer": 1, "task_experts": 8, "task_gates": 4, "share_experts": 4,
            "share_gates": 2, "tower": 2},
    "aitm": {"embedding": 1, "numerical_layer": 1, "g": 1, "h1": 1, "h2": 1, "h3": 1, "bottom": 2, "tower": 2},
}
WEIGHTS = {"embedding": 1, "numerical_layer": 2, "gate": 2, "task_gates": 2, "share_gates": 2, "g": 2, "h1": 2, "h2": 2,
           "h3": 2, "expert": 14, "bottom": 14, "tower": 16, "task_experts": 7, "share_experts": 7}


@pytest.mark.parametrize("name", sorted(PREFIXES))
def test_state_dict_has_the_names_and_counts_of_mtreclib(name):
    state = make(name, numerical=7).state_dict()
    found = {}
    for key in state:
        found[key.split(".")[0]] = found.get(key.split(".")[0], 0) + 1
    assert found == {prefix: count * WEIGHTS[prefix] for prefix, count in PREFIXES[name].items()}
    samples = {"mmoe": ["embedding.embedding.weight", "expert.3.mlp.4.weight", "gate.1.0.bias", "tower.1.mlp.8.weight"],
               "ple": ["task_experts.0.1.1.mlp.0.weight", "share_gates.1.0.weight", "task_gates.1.0.0.weight"],
               "single_task": ["embedding.1.embedding.weight", "numerical_layer.0.weight"]}
    assert all(key in state for key in samples.get(name, []))
    if name == "ple":
        assert state["task_gates.0.0.0.weight"].shape == (4, 5 * 3)  # 2 own + 2 shared experts; 4 fields + numerical
        assert state["share_gates.0.0.weight"].shape == (6, 5 * 3)  # those of both tasks + the shared ones


@pytest.mark.parametrize("name", NAMES)
def test_numerical_input_counts_last_and_can_be_silenced(name):
    model = make(name, numerical=7).eval()
    ids, _ = rows()
    numbers = torch.randn(len(ids), 7, dtype=torch.float64)
    assert not torch.allclose(model(ids, numerical=numbers), model(ids, numerical=2 * numbers))
    for key, value in model.state_dict().items():
        if key.startswith("numerical_layer"):
            value.zero_()
    assert torch.equal(model(ids, numerical=numbers), model(ids, numerical=2 * numbers))


TASK_FIELDS, SHARED_FIELDS = ((0, 2), (1, 2, 3)), (2, 3)


def fields_read(name, parts):
    """Fields a first layer reads in the pruned model, told from its parameter's name; None for other layers."""
    task = {"bottom": 1, "task_experts": 2, "task_gates": 2}.get(parts[0])
    if task is None or (name == "shared_bottom" and task == 1):
        return SHARED_FIELDS
    return TASK_FIELDS[int(parts[task])]


def prune_weights(name, full, pruned):
    """Fills a pruned model from a full one by cutting rows of the tables and columns of the first layers."""
    starts, state, cut = np.concatenate([[0], np.cumsum(CARDINALITIES)]), full.state_dict(), {}
    for key in pruned.state_dict():
        parts, source = key.split("."), state[key]
        if parts[0] == "embedding":
            fields = TASK_FIELDS[int(parts[1])] if name == "single_task" else pruned.used
            cut[key] = torch.cat([source[starts[f]:starts[f + 1]] for f in fields])
        elif source.shape[-1:] == (12,):
            cut[key] = torch.cat([source[:, 3 * f:3 * f + 3] for f in fields_read(name, parts)], dim=1)
        else:
            cut[key] = source
    pruned.load_state_dict(cut)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_pruned_model_equals_the_full_one_with_silenced_columns(name, training):
    full = make(name, dropout=0.0)
    pruned = make(name, dropout=0.0, task_fields=TASK_FIELDS, shared_fields=SHARED_FIELDS, seed=1)
    prune_weights(name, full, pruned)
    for key, value in full.state_dict().items():
        if value.shape[-1:] == (12,):
            for field in set(range(4)) - set(fields_read(name, key.split("."))):
                value[:, 3 * field:3 * field + 3] = 0
    ids, _ = rows()
    full.train(training), pruned.train(training)
    np.testing.assert_allclose(full(ids).detach(), pruned(ids).detach(), rtol=1e-10)
    used = (2, 3) if name in ("mmoe", "omoe", "shared_bottom") else range(4)
    sizes = [len(table) for key, table in pruned.state_dict().items() if key.startswith("embedding")]
    assert sum(sizes) == (5 + 11 if name == "single_task" else sum(CARDINALITIES[field] for field in used))


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_loss_of_two_rows_by_hand(reduction):
    logits = torch.tensor([[0.0, 2.0], [1.0, -1.0]])
    labels = torch.tensor([[1, 1], [0, 1]])
    first = (math.log(2) + math.log1p(math.e)) / 2
    second = (math.log1p(math.exp(-2)) + math.log1p(math.e)) / 2
    expected = (first + second) / (1 if reduction == "sum" else 2)
    assert total_loss(logits, labels, reduction).item() == pytest.approx(expected, rel=1e-6)

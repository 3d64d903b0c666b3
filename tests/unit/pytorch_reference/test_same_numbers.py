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
"""Weight for weight: our backbones, score and relations against PyTorch, full and pruned, two tasks and three."""

from __future__ import annotations

import itertools

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: pip install -r requirements/pytorch.txt")

from pytorch_reference import scores as torch_scores  # noqa: E402
from pytorch_reference.compare import (  # noqa: E402
    load_reference,
    make_reference,
    mindspore_gradients,
    parameters_of,
    smooth_rows,
)
from pytorch_reference.gradients import loss_gradients  # noqa: E402
from pytorch_reference.mtreclib import to_pytorch  # noqa: E402
from pytorch_reference.networks.models import total_loss  # noqa: E402
from pytorch_reference.networks.relations import TaskRelation  # noqa: E402
from pytorch_reference.optimizer import MindSporeAdam  # noqa: E402
from src.data.memory import MemorySplit  # noqa: E402
from src.models import TRAITS  # noqa: E402
from src.models.model import set_output_bias  # noqa: E402
from src.pooling import id_columns  # noqa: E402
from src.selection.base import all_fields  # noqa: E402
from src.selection.calibrated.gradient_energy import GradientEnergy  # noqa: E402
from src.selection.paper.mask_scores import FieldGradients, field_gradients, mask_scores  # noqa: E402
from src.selection.paper.relations import (  # noqa: E402
    RelationLoss,
    RelationNetwork,
    draw_auxiliary,
    learn_relations,
    relation_loss,
)
from src.training import make_step  # noqa: E402
from tests.helpers import (  # noqa: E402
    CARDINALITIES,
    make_batch,
    make_config,
    make_model,
    make_pooled_schema,
    make_schema,
    make_selection,
    pooled_ids,
)

KEPT = {"t0": ("f1", "f3", "f2"), "t1": ("f5", "f0"), "t2": ("f2", "f4", "f3")}
SHARED = {"union": ("f0", "f1", "f2", "f3", "f5"), "intersection": ("f2", "f5"), None: ()}
FAST = [(name, 2, False) for name in TRAITS] + [(name, 3, True) for name in TRAITS]  # the others are marked slow


def cases(*parameters, fast=FAST):
    """Every combination of backbones and parameters; those that cost more than they usually tell are slow."""
    return [pytest.param(*case, id="-".join(map(str, case)), marks=[] if case in fast else [pytest.mark.slow])
            for case in itertools.product(TRAITS, *parameters)]


pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def graph(eager):
    """Graph mode, in which the compiled step of the programs runs."""
    ms.set_context(mode=ms.GRAPH_MODE)


def make_pair(backbone, tasks, pruned, schema=None):
    """Our model and the reference with equal weights, those of BatchNorm and its statistics not as initialised."""
    schema, config = schema or make_schema(tasks), make_config(backbone=backbone)
    kept = {task: KEPT[task] for task in schema.task_names}
    selection = (make_selection(schema, kept, SHARED[TRAITS[backbone].shared], backbone) if pruned
                 else all_fields(schema, schema.task_names, config))
    model, plan = make_model(backbone, schema, selection)
    rng = np.random.default_rng(7)
    for parameter in model.get_parameters():
        if ".norm." in parameter.name:
            centre = 1 if parameter.name.endswith(("gamma", "moving_variance")) else 0
            value = centre + rng.uniform(-0.5, 0.5, parameter.shape)
            parameter.set_data(Tensor(value.astype(np.float32)))
    model.embedding.table.set_data(Tensor(model.embedding.table.asnumpy() * 5))
    reference = make_reference(config, schema, selection)
    load_reference(reference, to_pytorch(parameters_of(model), backbone, plan))
    return model, plan, reference, schema


def assert_close(ours, reference, tolerance, name="", scale=None):
    """The largest difference, relative to the reference's largest magnitude or to ``scale``."""
    reference = np.asarray(reference)
    assert ours.shape == reference.shape, name
    scale = np.abs(reference).max() if scale is None else scale
    assert np.abs(ours - reference).max() <= tolerance * scale, name


def smooth_batch(reference, schema, rows=64):
    """A batch without hidden units at ReLU's corner: ids of all fields, labels."""
    ids, labels = make_batch(8 * rows, schema)
    chosen = smooth_rows(reference, MemorySplit(ids, labels), rows, 20)
    return ids[chosen], labels[chosen]


@pytest.mark.parametrize("backbone, tasks, pruned", cases((2, 3), (False, True)))
def test_forward_gradients_and_moving_statistics(backbone, tasks, pruned):
    model, plan, reference, schema = make_pair(backbone, tasks, pruned)
    ids, labels = smooth_batch(reference, schema)
    mine = Tensor(ids[:, list(plan.columns)])
    model.set_train(False)
    assert_close(model(mine).asnumpy(), reference.eval()(torch.tensor(ids)).detach(), 1e-5)

    wanted, scales = loss_gradients(reference, torch.tensor(ids), torch.tensor(labels), "sum")
    given = to_pytorch(mindspore_gradients(model, ids[:, list(plan.columns)], labels, "sum"), backbone, plan)
    assert set(given) == set(wanted)
    for name, gradient in wanted.items():
        assert_close(given[name], gradient, 1e-5, name, scales[name])

    load_reference(reference, to_pytorch(parameters_of(model), backbone, plan))
    model.set_train()
    assert_close(model(mine).asnumpy(), reference.train()(torch.tensor(ids)).detach(), 1e-5)
    state = to_pytorch(parameters_of(model), backbone, plan)
    for name, value in reference.state_dict().items():
        if "running" in name:
            assert_close(state[name], value, 1e-5, name)


@pytest.mark.parametrize("backbone, pruned", [("ple", True), ("single_task", False)])
def test_pooled_fields(backbone, pruned):
    pooled = make_pooled_schema(2, make_schema().cardinalities, ("mean", None, "sum", None, "mean", None))
    model, plan, reference, schema = make_pair(backbone, 2, pruned, pooled)
    ids, labels = pooled_ids(400, schema), np.random.default_rng(0).integers(0, 2, (400, 2)).astype(np.float32)
    chosen = smooth_rows(reference, MemorySplit(ids, labels, widths=schema.widths), 64, 20)
    ids, labels = ids[chosen], labels[chosen]
    mine = ids[:, id_columns(schema.widths, plan.columns)]
    model.set_train(False)
    assert_close(model(Tensor(mine)).asnumpy(), reference.eval()(torch.tensor(ids)).detach(), 1e-5)
    wanted, scales = loss_gradients(reference, torch.tensor(ids), torch.tensor(labels), "sum")
    given = to_pytorch(mindspore_gradients(model, mine, labels, "sum"), backbone, plan)
    for name, gradient in wanted.items():
        assert_close(given[name], gradient, 1e-5, name, scales[name])


@pytest.mark.parametrize("backbone", ["mmoe", "ple"])
def test_a_batch_of_one_row_more_than_tasks(backbone):
    """The authors' release takes such a batch for a list of inputs."""
    model, plan, reference, schema = make_pair(backbone, 2, False)
    ids, _ = make_batch(3, schema)
    for train in (True, False):
        model.set_train(train)
        assert_close(model(Tensor(ids)).asnumpy(), reference.train(train)(torch.tensor(ids)).detach(), 1e-5)


@pytest.mark.parametrize("backbone", TRAITS)
def test_initial_weights_have_the_spread_of_pytorchs(backbone):
    """Largest magnitude of every kind of weight, as far as there are enough of them to come near the bound."""
    schema = make_schema(2, (400, 300))
    config = make_config(backbone=backbone, bottom_dims=(60, 40), tower_dims=(50,))
    model, plan = make_model(backbone, schema, bottom_dims=(60, 40), tower_dims=(50,))
    reference = make_reference(config, schema, all_fields(schema, schema.task_names, config))
    given = to_pytorch(parameters_of(model), backbone, plan)
    for name, weight in reference.state_dict().items():
        if weight.numel() >= 2000 or ".mlp.1." in name:
            narrow = np.sqrt(704 / 1404) if name.startswith("embedding") and backbone == "single_task" else 1
            assert np.abs(given[name]).max() == pytest.approx(narrow * weight.abs().max().item(), rel=0.01), name


@pytest.mark.parametrize("backbone, tasks, pruned", cases((2, 3), (False, True), fast=FAST[::2]))
def test_ten_adam_steps(backbone, tasks, pruned, graph):
    model, plan, reference, schema = make_pair(backbone, tasks, pruned)
    config = make_config(backbone=backbone, weight_decay=0.01, learning_rate=1e-3, loss_reduction="mean")
    step = make_step(model, config)
    optimizer = MindSporeAdam(reference.parameters(), lr=1e-3, weight_decay=0.01)
    for name, weight in reference.named_parameters():
        if name.endswith("bias") and not weight.any():  # ours has none there; Adam would scale its rounding error up
            weight.requires_grad = False
    reference.train()
    for number in range(10):
        ids, labels = make_batch(64, schema, number)
        ours = step(Tensor(ids[:, list(plan.columns)]), Tensor(labels)).asnumpy()
        optimizer.zero_grad()
        loss = total_loss(reference(torch.tensor(ids)), torch.tensor(labels), "mean")
        loss.backward()
        optimizer.step()
        assert ours == pytest.approx(loss.item(), rel=1e-4)
    state = to_pytorch(parameters_of(model), backbone, plan)
    for name, value in reference.state_dict().items():
        if "num_batches" not in name:
            assert_close(state[name], value, 1e-4, name)


def test_adam_differs_from_pytorch_in_epsilon_only():
    """A first step with a small gradient g: lr g / (g + ε/√(1-β₂)) in MindSpore, lr g / (g + ε) in PyTorch."""
    gradient, eps = 1e-7, 1e-8
    weight = ms.Parameter(Tensor(np.array([1.0], np.float32)), name="w")
    nn.Adam([weight], learning_rate=1.0)((Tensor(np.array([gradient], np.float32)),))
    assert weight.asnumpy()[0] == pytest.approx(1 - gradient / (gradient + eps / np.sqrt(0.001)), abs=1e-5)
    moved = {}
    for kind in (torch.optim.Adam, MindSporeAdam):
        other = torch.nn.Parameter(torch.ones(1))
        other.grad = torch.full((1,), gradient)
        kind([other], lr=1.0).step()
        moved[kind] = other.item()
    assert moved[MindSporeAdam] == pytest.approx(weight.asnumpy()[0], abs=1e-5)
    assert moved[torch.optim.Adam] == pytest.approx(1 - gradient / (gradient + eps), abs=1e-5)
    assert abs(moved[torch.optim.Adam] - moved[MindSporeAdam]) > 0.5


@pytest.mark.parametrize("backbone, tasks, signed", cases((2, 3), (False, True), fast=FAST[::2]))
def test_mask_scores(backbone, tasks, signed):
    model, plan, reference, schema = make_pair(backbone, tasks, False)
    batches = [smooth_batch(reference, schema), smooth_batch(reference, schema, 63)]
    wanted = torch_scores.mask_scores(reference, [(torch.tensor(i), torch.tensor(y)) for i, y in batches], signed)
    given = mask_scores(model, plan, [(Tensor(i), Tensor(y)) for i, y in batches], tasks, signed)
    assert_close(given, wanted, 1e-5)


@pytest.mark.parametrize("backbone, tasks", cases((2, 3), fast=[case[:2] for case in FAST[1::2] if case[0] != "ple"]))
def test_gradient_energy(backbone, tasks):
    """The uz of the calibrated score, streamed in float32 gradients, against the formula row by row in float64."""
    model, plan, reference, schema = make_pair(backbone, tasks, False)
    biases = [-1.0, 0.5, 0.2][:tasks]
    set_output_bias(model, biases)
    torch_scores.calibrate(reference, biases)
    network = FieldGradients(model, tasks)
    network.set_train(False)
    energy = GradientEnergy(CARDINALITIES, tasks, 4)
    batches = [make_batch(64, schema, seed) for seed in range(3)]
    for ids, labels in batches:
        energy.update(ids, field_gradients(network, plan, Tensor(ids), Tensor(labels)))
    wanted = torch_scores.uz_scores(reference.double(), [(torch.tensor(i), torch.tensor(y)) for i, y in batches])
    assert_close(energy.scores(), wanted, 1e-4)


RELATION_NAMES = {"table": "value", "z": "task", "w_task": "weight_t", "w_data": "weight_d", "u": "weight_u"}


def copy_relation(network):
    """A reference relation network with our weights."""
    reference = TaskRelation(CARDINALITIES, network.z.shape[1], network.dim, network.layers)
    with torch.no_grad():
        for ours, theirs in RELATION_NAMES.items():
            getattr(reference, theirs).copy_(torch.tensor(getattr(network, ours).asnumpy()))
    return reference


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("tasks", [2, 3])
def test_relation_loss_and_gradients(tasks, layers):
    network = RelationNetwork(CARDINALITIES, tasks, 5, layers, seed=1)
    reference = copy_relation(network)
    ids, labels = make_batch(40, make_schema(tasks))
    auxiliary = draw_auxiliary(40, tasks, seed=2)
    value, gradients = ms.value_and_grad(RelationLoss(network), None, network.trainable_params())(
        Tensor(ids), Tensor(labels), Tensor(auxiliary.astype(np.float32)))
    wanted = reference.loss(torch.tensor(ids), torch.tensor(labels), torch.tensor(auxiliary))
    assert value.asnumpy() == pytest.approx(wanted.item(), rel=1e-5)
    assert relation_loss(network, ids, labels, auxiliary) == pytest.approx(wanted.item(), rel=1e-5)
    wanted.backward()
    grads = dict(zip((parameter.name for parameter in network.trainable_params()), gradients))
    for ours, theirs in RELATION_NAMES.items():
        assert_close(grads[ours].asnumpy(), getattr(reference, theirs).grad, 1e-5, ours)


@pytest.mark.parametrize("tasks", [2, 3])
def test_relations_after_the_same_training(tasks):
    """train_relations from its own start, repeated in PyTorch with the batches and the partition it documents."""
    seed, rows, size, epochs = 4, 130, 50, 4
    ids, labels = make_batch(rows, make_schema(tasks))
    given = learn_relations(MemorySplit(ids, labels.astype(np.uint8)), range(tasks), CARDINALITIES, 5, 1, epochs, size,
                            seed)
    reference = copy_relation(RelationNetwork(CARDINALITIES, tasks, 5, 1, seed))
    optimizer = MindSporeAdam(reference.parameters(), lr=0.01)
    auxiliary, losses = draw_auxiliary(rows, tasks, seed), []
    for epoch in range(epochs):
        order = np.random.default_rng([seed, 0x0DE, epoch]).permutation(rows)
        found = []
        for start in range(0, rows, size):
            batch = order[start:start + size]  # the last has 30 rows
            optimizer.zero_grad()
            loss = reference.loss(torch.tensor(ids[batch]), torch.tensor(labels[batch]), torch.tensor(auxiliary[batch]))
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        losses.append(np.mean(found))
        if epoch and losses[-1] > losses[-2] * 0.99:
            break
    assert_close(given, reference.relations(), 1e-4)

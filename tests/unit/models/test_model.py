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
"""Whole models: pruning equals masking, every parameter is used, T = 1 and T = 3, dropout by mask."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.data.targets import loss_targets
from src.models import (
    TRAITS,
    MaskedModel,
    NetWithLoss,
    TaskLosses,
    TaskWeights,
    TotalLoss,
    natural_values,
    set_natural,
    without_folding,
)
from src.schema import UNKNOWN
from tests.helpers import copy_pruned_weights, make_batch, make_config, make_model, make_schema, make_selection

KEPT = {"t0": ("f1", "f3", "f2"), "t1": ("f5", "f0", "f2"), "t2": ("f2", "f4", "f3")}
SHARED = {"union": ("f0", "f1", "f2", "f3", "f5"), "intersection": ("f2",), None: ()}


def masks_of(traits, schema):
    """One 0/1 row per path."""
    rows = list(KEPT.values()) if traits.tasks else []
    rows += [SHARED[traits.shared]] if traits.shared else []
    return np.array([[name in row for name in schema.field_names] for row in rows], np.float32)


@pytest.mark.parametrize("backbone", TRAITS)
@pytest.mark.parametrize("train", [False, True])
def test_masked_and_pruned_models_agree(backbone, train, eager):
    schema, traits = make_schema(3), TRAITS[backbone]
    selection = make_selection(schema, KEPT, SHARED[traits.shared], backbone)
    full, full_plan = make_model(backbone, schema)
    pruned, plan = make_model(backbone, schema, selection, seed=99)
    copy_pruned_weights(full, full_plan, pruned, plan)
    ids, _ = make_batch(16, schema)
    masked = MaskedModel(full, full_plan)
    masked.set_train(train)
    pruned.set_train(train)
    expected = masked(Tensor(ids), Tensor(masks_of(traits, schema))).asnumpy()
    got = pruned(Tensor(ids[:, list(plan.columns)])).asnumpy()
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backbone", TRAITS)
def test_deselected_fields_cost_nothing(backbone, eager):
    schema, traits = make_schema(3), TRAITS[backbone]
    kept = {task: ("f1", "f3") for task in KEPT}
    model, plan = make_model(backbone, schema, make_selection(schema, kept, ("f1", "f3") if traits.shared else ()))
    assert plan.columns == (1, 3)
    copies = 3 if traits.private_embedding else 1
    assert model.embedding.table.shape == (copies * (3 + 2), 4)
    widths = {value.shape[1] for name, value in natural_values(model).items()
              if "dense.weight" in name and ("bottom" in name or "expert" in name or "gate" in name)}
    assert max(widths) == 8  # two fields of width 4, or a hidden layer


@pytest.mark.parametrize("backbone", TRAITS)
def test_every_parameter_has_its_own_name_and_a_gradient(backbone, eager):
    schema = make_schema(3)
    model, _ = make_model(backbone, schema)
    names = [parameter.name for parameter in model.get_parameters()]
    assert len(names) == len(set(names))
    ids, labels = make_batch(64, schema)
    model.set_train()
    parameters = ms.ParameterTuple(model.trainable_params())
    gradients = ops.GradOperation(get_by_list=True)(NetWithLoss(model), parameters)(Tensor(ids), Tensor(labels))
    for parameter, gradient in zip(parameters, gradients):
        assert np.abs(gradient.asnumpy()).sum() > 0, parameter.name


@pytest.mark.parametrize("backbone", [name for name, traits in TRAITS.items() if traits.min_tasks == 1])
def test_one_task(backbone, eager):
    schema = make_schema(1)
    model, _ = make_model(backbone, schema)
    assert model(Tensor(make_batch(8, schema)[0])).shape == (8, 1)


def test_esmm_probabilities_are_products(eager):
    schema = make_schema(3)
    model, _ = make_model("esmm", schema)
    ids = Tensor(make_batch(12, schema)[0])
    logits = model(ids).asnumpy().astype(np.float64)
    inputs = model.router(model.embedding(ids))
    bottoms = [model.backbone.bottom[i](inputs[i]).asnumpy()[0] for i in range(3)]
    towers = model.backbone.tower(Tensor(np.stack(bottoms))).asnumpy()
    chances = np.cumprod([1 / (1 + np.exp(-tower.astype(np.float64))) for tower in towers], 0).T
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), chances, rtol=1e-5)


def test_esmm_logits_stay_finite_at_extremes(eager):
    from src.models.backbones import log_add, log_sigmoid
    extreme = Tensor(np.array([-80.0, -20.0, 0.5, 20.0, 80.0], np.float32))
    yes, no = log_sigmoid(extreme), log_sigmoid(-extreme)
    chained = (yes + yes) - log_add(no, yes + no)
    assert np.isfinite(chained.asnumpy()).all()


def test_dropout_follows_the_mask_and_keeps_the_mean(eager):
    schema = make_schema(2)
    model, _ = make_model("shared_bottom", schema, dropout=0.25)
    assert model.mask_rows == 8 + 6 + 2 * 5 and model.dropout == 0.25
    ids = Tensor(make_batch(4, schema)[0])
    bottom = model.backbone.bottom
    layer, x = bottom.hidden[0], bottom.first(model.router(model.embedding(ids))[0])
    keep = np.random.default_rng(0).integers(0, 2, (model.mask_rows, 4)).astype(bool)
    plain, dropped = layer(x).asnumpy(), layer(x, Tensor(keep)).asnumpy()
    np.testing.assert_allclose(dropped, plain * keep[:8] / 0.75, rtol=1e-6)


def test_losses_are_mean_cross_entropies(eager):
    logits = np.array([[0.0, 30.0], [2.0, -30.0]], np.float32)
    labels = np.array([[1.0, 1.0], [0.0, 1.0]], np.float32)
    losses = TaskLosses()(Tensor(logits), Tensor(labels)).asnumpy()
    np.testing.assert_allclose(losses, [(np.log(2) + 2 + np.log1p(np.exp(-2))) / 2, 15.0], rtol=1e-5)


@pytest.mark.parametrize("reduction, factor", [("sum", 1.0), ("mean", 1 / 3)])
def test_loss_reduction(reduction, factor, eager):
    schema = make_schema(3)
    model, _ = make_model("mmoe", schema)
    ids, labels = map(Tensor, make_batch(8, schema))
    parts = TaskLosses()(model(ids), labels).asnumpy()
    assert float(NetWithLoss(model, reduction)(ids, labels).asnumpy()) == pytest.approx(parts.sum() * factor, rel=1e-6)


def test_whole_step_compiles_and_learns():
    schema = make_schema(2)
    model, _ = make_model("mmoe", schema, dropout=0.1)
    ids, labels = make_batch(64, schema)
    labels[:, 0] = ids[:, 3]  # a label that a field gives away
    keep = Tensor(np.ones((model.mask_rows, 64), bool))
    step = nn.TrainOneStepCell(NetWithLoss(model), nn.Adam(model.trainable_params(), 0.02))
    step.set_train()
    losses = [float(step(Tensor(ids), Tensor(labels), keep).asnumpy()) for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]


def test_same_seed_same_weights(eager):
    schema = make_schema(2)
    first, second, other = (make_model("ple", schema, seed=seed)[0] for seed in (3, 3, 4))
    for a, b in zip(first.get_parameters(), second.get_parameters()):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
    assert not np.array_equal(first.embedding.table.asnumpy(), other.embedding.table.asnumpy())


def test_losses_and_gradients_are_those_of_known_labels(eager):
    """The third task has none in the batch: it adds nothing, and no NaN."""
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(8, 3)).astype(np.float32), rng.integers(0, 2, (8, 3)).astype(np.uint8)
    labels[[0, 2, 5], 1], labels[:, 2] = UNKNOWN, UNKNOWN
    targets, known = Tensor(loss_targets(labels, True)), labels != UNKNOWN
    chance = 1 / (1 + np.exp(-logits.astype(np.float64)))
    terms = -np.where(labels == 1, np.log(chance), np.log(1 - chance))
    losses = TaskLosses()(Tensor(logits), targets).asnumpy()
    np.testing.assert_allclose(losses, [terms[:, 0].mean(), terms[known[:, 1], 1].mean(), 0], rtol=1e-5)

    def total(logits):  # no lambda: MindSpore 1.10 differentiates functions that have a name
        return TaskLosses()(logits, targets).sum()

    slopes = ops.grad(total)(Tensor(logits)).asnumpy()
    np.testing.assert_allclose(slopes, known * (chance - (labels == 1)) / np.maximum(known.sum(0), 1), atol=1e-6)


def test_the_total_loss_weights_tasks(eager):
    losses = np.array([0.3, 1.2, 0.5], np.float32)
    fixed = TaskWeights((1.0, 0.0, 2.5))
    assert float(TotalLoss("sum", fixed)(Tensor(losses)).asnumpy()) == pytest.approx(0.3 + 2.5 * 0.5)
    assert float(TotalLoss("mean", fixed)(Tensor(losses)).asnumpy()) == pytest.approx((0.3 + 2.5 * 0.5) / 3)
    assert not TotalLoss("sum", fixed).trainable_params()


def test_learned_weights_follow_kendall(eager):
    """Σ exp(-s) L + s / 2; its derivative by s is 1 / 2 - exp(-s) L, so that s settles at log 2 L."""
    losses = np.array([0.3, 1.2], np.float32)
    total = TotalLoss("sum", TaskWeights((1.0, 1.0), learned=True))
    total.log_variances.set_data(Tensor(np.array([0.4, -0.2], np.float32)))
    expected = np.exp([-0.4, 0.2]) * losses + np.array([0.2, -0.1])
    assert float(total(Tensor(losses)).asnumpy()) == pytest.approx(expected.sum(), rel=1e-6)
    np.testing.assert_allclose(total.learned_weights(), np.exp([-0.4, 0.2]), rtol=1e-6)
    slopes = ops.GradOperation(get_by_list=True)(total, ms.ParameterTuple(total.trainable_params()))(Tensor(losses))
    np.testing.assert_allclose(slopes[0].asnumpy(), 0.5 - np.exp([-0.4, 0.2]) * losses, rtol=1e-5)


@pytest.mark.parametrize("backbone", TRAITS)
def test_natural_values_give_the_same_network(backbone, eager):
    """Read and set again, with fields folded or not, the logits stay; every value is one matrix of one layer."""
    schema = make_schema(3)
    model, _ = make_model(backbone, schema)
    other, _ = make_model(backbone, schema, seed=9)
    natural = natural_values(model)
    set_natural(other, natural)
    ids = Tensor(make_batch(8, schema)[0])
    plain = without_folding(model, make_config())
    assert model.folds and not plain.folds
    for cell in (model, other, plain):
        cell.set_train(False)
    np.testing.assert_array_equal(other(ids).asnumpy(), model(ids).asnumpy())
    np.testing.assert_allclose(plain(ids).asnumpy(), model(ids).asnumpy(), rtol=1e-5, atol=1e-6)
    assert {name: value.shape for name, value in natural_values(plain).items()} == {
        name: value.shape for name, value in natural.items()}
    assert natural["backbone.tower.2.output.weight"].shape == (1, 5)


def test_a_bias_before_batch_normalisation_goes_into_its_moving_mean(eager):
    schema = make_schema(2)
    model, _ = make_model("shared_bottom", schema)
    natural = natural_values(model)
    natural["backbone.bottom.hidden.0.dense.bias"] = np.arange(8, dtype=np.float32)
    set_natural(model, natural)
    model.set_train(False)
    x = model.router(model.embedding(Tensor(make_batch(6, schema)[0])))[0].asnumpy()
    weight, gamma = (natural[f"backbone.bottom.hidden.0.{part}"] for part in ("dense.weight", "norm.norm.gamma"))
    expected = np.maximum((weight @ x.T + np.arange(8)[:, None]) / np.sqrt(1 + 1e-5) * gamma[:, None], 0)
    got = model.backbone.bottom.hidden[0](Tensor(weight @ x.T)).asnumpy()
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)

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
"""float16 with a loss scale: what is rounded, what is not, and steps whose gradients are not finite.

On the CPU, whose float16 products round as those of a GPU do; train.py refuses it there because it is slow.
"""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from src.common.compat import LOW_PRECISION, make_adam, value_and_grad
from src.models import MASKS, LearnedMaskModel, MultiTaskModel, NetWithLoss, plan_inputs
from src.settings import choices
from src.training import half, make_step
from src.training.half import FIRST, ScaledLoss, ScaledStep, in_float16
from tests.helpers import make_batch, make_config, make_model, make_schema

pytestmark = pytest.mark.skipif(not LOW_PRECISION, reason="MindSpore 1.10 has no level \"auto\" of mixed precision")


class Line(nn.Cell):
    """Loss: the mean of W x times a factor, whose gradient by W is factor × the rows' mean."""

    def __init__(self, factor):
        super().__init__()
        self.weight = Parameter(Tensor(np.full((2, 4), 1 + 2 ** -12, np.float32)), "weight")
        self.product, self.cast, self.factor, self.total = ops.MatMul(), ops.Cast(), factor, None

    def construct(self, x):
        return (self.cast(self.product(self.weight, x), ms.float32) * self.factor).mean()


X = Tensor(np.arange(32, dtype=np.float32).reshape(4, 8) / 8)


def gradient_of(network, by):
    return value_and_grad(network, None, ms.ParameterTuple([by]))(X)


def test_factors_are_rounded_and_weights_are_not():
    line = Line(1.0)
    assert ScaledLoss(line)(X).asnumpy() / FIRST == X.asnumpy().sum(0).mean()  # with 1 in place of 1 + 2^-12
    assert line.weight.dtype == ms.float32 and line.weight.asnumpy()[0, 0] == np.float32(1 + 2 ** -12)


def test_small_gradients_survive():
    """Half of 1e-8 is nothing in float16; times the scale it is something."""
    expected = np.broadcast_to(X.asnumpy().mean(1) / 2 * 1e-8, (2, 4))
    line = Line(1e-8)
    assert not gradient_of(in_float16(line), line.weight)[1][0].asnumpy().any()
    line = Line(1e-8)
    scaled = ScaledLoss(line)
    loss, (gradient,) = gradient_of(scaled, line.weight)
    np.testing.assert_allclose(gradient.asnumpy() / FIRST, expected, rtol=2e-3)


def test_a_step_that_is_not_finite_is_left_out():
    """The gradient's factor of 1e4 overflows float16 until the scale is small enough; then the step is taken."""
    line = Line(1e4)
    step = ScaledStep(line, make_adam(line.trainable_params(), 0.01))
    before = [parameter.asnumpy().copy() for parameter in step.optimizer.get_parameters()]
    scales = []
    for _ in range(20):
        step(X)
        scales.append(float(step.network.scale.asnumpy()))
        if step.network.steps.asnumpy():
            break
        for parameter, value in zip(step.optimizer.get_parameters(), before):
            np.testing.assert_array_equal(parameter.asnumpy(), value)
    # the largest gradient is 1e4 / 16 times the last row's sum, 27.5; times a scale of 4 it would be above 65504
    assert scales == [FIRST / 2 ** k for k in (*range(1, 16), 15)], scales
    np.testing.assert_allclose(line.weight.asnumpy(), 1 + 2 ** -12 - 0.01, rtol=1e-5)  # Adam's first step


def test_the_scale_grows_again(monkeypatch):
    monkeypatch.setattr(half, "FINITE_STEPS", 3)
    line = Line(0.01)
    step = ScaledStep(line, make_adam(line.trainable_params(), 0.0))
    seen = []
    for _ in range(7):
        step(X)
        seen.append((float(step.network.scale.asnumpy()) / FIRST, int(step.network.steps.asnumpy())))
    assert seen == [(1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (4, 0), (4, 1)]


@pytest.mark.parametrize("backbone", choices("backbone"))
def test_gradients_are_those_of_float32(eager, backbone):
    """Up to what rounding does to a network with ReLUs: about as much as when its weights are rounded to float16."""
    schema = make_schema(2)
    ids, labels = map(Tensor, make_batch(2048, schema))
    found = []
    for make in (lambda network: network, ScaledLoss):
        model, _ = make_model(backbone, schema)
        network = make(NetWithLoss(model))
        network.set_train()
        loss, gradients = value_and_grad(network, None, ms.ParameterTuple(model.trainable_params()))(ids, labels)
        assert all(value.dtype == ms.float32 for value in (loss, *gradients))
        found.append((loss.asnumpy(), np.concatenate([gradient.asnumpy().ravel() for gradient in gradients])))
    (loss, exact), (scaled, rounded) = found
    np.testing.assert_allclose(scaled / FIRST, loss, rtol=1e-4)
    difference = np.linalg.norm(rounded / FIRST - exact) / np.linalg.norm(exact)
    assert 1e-4 < difference < 0.05, difference


@pytest.mark.parametrize("optimizer", ["dense", "lazy"])
@pytest.mark.parametrize("kind", [None, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MASKS)])
def test_every_step_trains_in_float16(kind, optimizer):
    """As graphs; also where the first steps overflow, which must leave table, moments and powers as they are."""
    if kind and optimizer == "lazy":
        pytest.skip("masks are trained with dense embeddings only")
    schema = make_schema(2)
    ids, labels = map(Tensor, make_batch(64, schema))
    losses = []
    for precision in ("float32", "float16"):
        config = make_config(embedding_optimizer=optimizer, learning_rate=0.01, precision=precision)
        plan = plan_inputs("shared_bottom", schema, schema.task_names)
        model = (LearnedMaskModel(plan, "shared_bottom", 2, config, kind) if kind else
                 MultiTaskModel(plan, "shared_bottom", 2, config))
        step = make_step(model, config)
        scale = {parameter.name: parameter for parameter in step.get_parameters()}.get("loss_scale")
        if scale is not None:
            scale.set_data(Tensor(2.0 ** 40, ms.float32))
            before = {parameter.name: parameter.asnumpy().copy() for parameter in step.trainable_params()}
            step(ids, labels, None)
            for parameter in step.trainable_params():
                np.testing.assert_array_equal(parameter.asnumpy(), before[parameter.name])
            assert scale.asnumpy() == 2.0 ** 39
            scale.set_data(Tensor(FIRST, ms.float32))
        losses.append([float(step(ids, labels, None).asnumpy()) for _ in range(6)])
        assert all(parameter.dtype == ms.float32 for parameter in model.trainable_params())
    assert losses[1] != losses[0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.02)
    assert losses[1][-1] < losses[1][0] - 0.01

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
"""Products of factors rounded to bfloat16, and their gradients, by hand; several steps in one graph call."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from benchmarks.rounding import Rounded, measure_rounding, round_products, rounding_row
from benchmarks.shapes import MOVIELENS
from benchmarks.steps import TOGETHER, Several, Synthetic, make_ours, sized_config
from src.data.loader import TrainLoader
from src.models import fresh_model, natural_values
from src.training import make_step
from tests.helpers import toy_data
from tests.unit.selection.planted_data import trained_config


def to_bfloat16(values):
    """Round to nearest, ties to even, by the bits of float32: the upper 16 are a bfloat16."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


class SquareOfProduct(nn.Cell):
    """The sum of the squares of x Wᵀ."""

    def __init__(self, weight):
        super().__init__()
        self.weight = Parameter(Tensor(weight), name="weight")
        self.product = ops.MatMul(transpose_b=True)

    def construct(self, x):
        made = self.product(x, self.weight)
        return (made * made).sum()


def test_a_rounded_product_and_its_gradients_by_hand(eager):
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((5, 7)).astype(np.float32), rng.standard_normal((3, 7)).astype(np.float32)
    network = SquareOfProduct(weight)
    assert round_products(network) == 1 and isinstance(network.product, Rounded)
    made = to_bfloat16(x) @ to_bfloat16(weight).T
    assert float(network(Tensor(x)).asnumpy()) == pytest.approx((made ** 2).sum(), rel=1e-6)
    found = ops.GradOperation(get_by_list=True)(network, network.trainable_params())(Tensor(x))[0].asnumpy()
    np.testing.assert_allclose(found, to_bfloat16(2 * made).T @ to_bfloat16(x), rtol=1e-5)


@pytest.mark.parametrize("backbone", ["shared_bottom", "mmoe", "ple", "aitm"])
def test_every_product_of_a_network_is_rounded(eager, backbone):
    data, config = toy_data(), trained_config(f"backbone={backbone}")
    _, model = fresh_model(data.schema, data.schema.task_names, config)
    before = [name for name, cell in model.cells_and_names() if isinstance(cell, Rounded)]
    count = round_products(model)
    assert not before and count > 2 and round_products(model) == 0
    assert sum(isinstance(cell, Rounded) for _, cell in model.cells_and_names()) == count
    ids = Tensor(data.split("train").read(0, 50)[0])
    _, plain = fresh_model(data.schema, data.schema.task_names, config)
    model.set_train(False), plain.set_train(False)
    difference = np.abs(model(ids).asnumpy() - plain(ids).asnumpy())
    assert 0 < difference.max() < 0.05


def test_both_forms_are_trained_from_every_seed(eager):
    records = list(measure_rounding(toy_data(rows=300), 2, trained_config("epochs=2", "patience=1")))
    assert [(record["form"], record["seed"]) for record in records] == [
        ("float32", 0), ("rounded", 0), ("float32", 1), ("rounded", 1)]
    assert all(0 < record["mean_auc"] < 1 and record["epoch"] <= 2 for record in records)
    row = rounding_row("toy", [{"form": form, "seed": seed, "mean_auc": auc + seed / 100} for form, auc in
                               (("float32", 0.7), ("rounded", 0.701)) for seed in (0, 1)])
    assert row == ["toy", "0.70500", "0.70600", "+0.00100 ± 0.00000", "2"]


def test_several_steps_in_a_call_are_those_of_several_calls(eager):
    config = sized_config("shared_bottom", "movielens").replace(batch_size=64)

    def weights(together):
        split = Synthetic(TOGETHER * 64, MOVIELENS)
        model, plan = make_ours(config, MOVIELENS, half=False)
        batches = TrainLoader(split, plan.columns, range(2), 64, 0, model.mask_rows, model.dropout).epoch(1)
        step = make_step(model, config)
        if together:
            Several(step)(*(ops.stack(parts) if parts[0].dtype != ms.bool_ else Tensor(
                np.stack([part.asnumpy() for part in parts])) for parts in zip(*batches)))
        else:
            for batch in batches:
                step(*batch)
        return natural_values(model)

    one, several = weights(False), weights(True)
    for name, value in one.items():
        np.testing.assert_array_equal(value, several[name], name)

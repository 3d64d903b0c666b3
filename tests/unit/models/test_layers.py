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
"""Tests of src/models/layers.py: dropout masks of a word for every row and unit; evaluation by scaled weights."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.data import loader
from src.data.loader import TrainLoader
from src.models import TRAITS, fresh_model
from src.models.layers import DropoutMask, MLPs
from src.pooling import blocks
from src.training import make_step
from tests.helpers import make_model, make_pooled_schema, make_selection, pooled_ids, toy_data
from tests.unit.selection.planted_data import trained_config


def random_words(count, seed=0):
    return np.random.default_rng(seed).integers(-2 ** 31, 2 ** 31, count, np.int32)


def mask_by_hand(words, batch, dropout):
    """The same in NumPy's unsigned whole numbers, whose shift fills up with zeros and whose product wraps around."""
    rows, units = words[:batch].view(np.uint32), words[batch:].view(np.uint32)
    mixed = (units[:, None] ^ rows) * np.uint32(0x7FEB352D)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x846CA68B)
    return mixed.view(np.int32) >= dropout * 2 ** 32 - 2 ** 31


@pytest.mark.parametrize("dropout", [0.25, 51 / 256, 255 / 256])
def test_a_mask_of_words_by_hand(eager, dropout):
    words = random_words(200 + 300)
    made = DropoutMask(200, 100, dropout)(Tensor(words), 200).asnumpy()
    assert made.dtype == bool and made.shape == (200, 200)
    np.testing.assert_array_equal(made, mask_by_hand(words, 200, dropout)[100:300])


def test_a_mask_of_words_drops_the_given_share_without_pattern():
    keep = mask_by_hand(random_words(2048 + 3000), 2048, 0.25)
    assert keep.mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / keep.size))
    spread = (keep - 0.75) / np.sqrt(0.75 * 0.25)
    for values in (spread, spread.T):
        means = values.mean(1) * np.sqrt(values.shape[1])  # as of independent draws: standard deviation 1
        assert means.std() == pytest.approx(1, abs=0.08) and np.abs(means).max() < 5
        pairs = (values @ values.T / np.sqrt(values.shape[1]))[np.triu_indices(len(values), 1)]
        assert pairs.std() == pytest.approx(1, abs=0.01) and np.abs(pairs).max() < 7
    corners = spread[:-1, :-1] * spread[1:, :-1] * spread[:-1, 1:] * spread[1:, 1:]  # two rows and two units
    assert abs(corners.mean()) * np.sqrt(corners.size) < 5


def test_training_with_words_is_training_with_their_mask(eager, monkeypatch):
    data, config = toy_data(rows=600), trained_config("dropout=0.25", "bottom_dims=16,8", "batch_size=150")
    tasks = data.schema.task_names

    def losses(make_keep):
        plan, model = fresh_model(data.schema, tasks, config)
        step = make_step(model, config)
        batches = TrainLoader(data.split("train"), plan.columns, [0, 1], config.batch_size, 0, model.mask_rows,
                              model.dropout)
        return [float(step(ids, labels, make_keep(keep.asnumpy())).asnumpy()) for ids, labels, keep in batches.epoch(1)]

    monkeypatch.setattr(loader, "masks_from_host", lambda: False)
    by_words = losses(Tensor)
    by_masks = losses(lambda words: Tensor(mask_by_hand(words, 150, 0.25)))
    np.testing.assert_allclose(by_words, by_masks, rtol=1e-6)
    assert len(set(by_words)) == 4


def test_a_device_gets_words_and_a_cpu_masks():
    assert ms.get_context("device_target") == "CPU" and loader.masks_from_host()


@pytest.mark.parametrize("pools", [(None,) * 6, ("mean", "sum", None, "sum", "sum", "mean")])
@pytest.mark.parametrize("backbone", sorted(TRAITS))
def test_evaluation_scales_weights_to_what_normalising_gives(backbone, pools, eager, monkeypatch):
    schema = make_pooled_schema(2, (3, 3, 9, 3, 3, 7), pools)
    kept = {"t0": ("f0", "f1", "f2", "f5"), "t1": ("f2", "f3", "f4")}
    model, plan = make_model(backbone, schema, make_selection(schema, kept, schema.field_names, backbone))
    rng = np.random.default_rng(3)
    for name, parameter in model.parameters_and_names():
        if name.rpartition(".")[2] in ("gamma", "beta", "moving_mean", "moving_variance"):
            parameter.set_data(Tensor(rng.uniform(0.5, 2, parameter.shape).astype(np.float32)))
    model.set_train(False)
    ids = pooled_ids(50, schema)
    ids = Tensor(np.concatenate([blocks(ids, schema.widths)[column] for column in plan.columns], 1))
    for folds in (True, False):
        model.folds = folds
        found = model(ids).asnumpy()
        with monkeypatch.context() as patched:
            patched.setattr(MLPs, "evaluated", lambda self, x: self.trained(x, None))
            np.testing.assert_allclose(found, model(ids).asnumpy(), rtol=2e-5, atol=2e-5)

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
"""The small network that tries sets of fields out."""

import numpy as np
import pytest
from mindspore import Tensor

from src.common.errors import UserError
from src.data.memory import MemorySplit
from src.schema import UNKNOWN
from src.selection.probe import Probe, draw_parts, numbered, relative_change, small
from src.training import predict_logits
from tests.helpers import hide_labels, make_config, toy_data


def test_ids_are_numbered_by_those_to_train_on():
    assert numbered(np.array([7, 2, 9, 3, 100]), np.array([2, 7, 9])).tolist() == [2, 1, 3, 0, 0]


def test_rows_are_divided_by_seed_and_keep_their_labels_and_weights():
    data = toy_data(600)
    split, weights = data.split("train"), np.arange(600, dtype=np.float32)
    numbers = np.column_stack([np.arange(600), split.ids[:, 1:]]).astype(np.int32)  # a field that names the row
    parts = draw_parts(MemorySplit(numbers, split.labels, weights), data.schema, ["t1"], 3)
    rows = parts.train.weights.astype(int)
    assert parts.train.rows == 480 and parts.held.rows == 120
    assert np.array_equal(np.sort(np.r_[rows, parts.held.weights.astype(int)]), np.arange(600))
    assert np.array_equal(parts.train.labels[:, 0], split.labels[rows, 1])
    assert parts.schema.cardinalities[0] == 481 and (parts.held.ids[:, 0] == 0).all()  # rows are seen once
    again, other = (draw_parts(split, data.schema, ["t1"], seed) for seed in (3, 4))
    assert np.array_equal(again.train.ids[:, 1:], parts.train.ids[:, 1:])
    assert not np.array_equal(other.train.ids, again.train.ids)


@pytest.mark.parametrize("backbone", ["mmoe", pytest.param("ple", marks=pytest.mark.slow)])
def test_a_blank_field_says_what_it_says_on_average(backbone):
    """The losses with blank fields are those of a table whose every vector of these fields is the mean of the rows'."""
    data = toy_data(1200)
    parts = draw_parts(data.split("train"), data.schema, data.schema.task_names, 0)
    probe = Probe(parts, data.schema.task_names, make_config(backbone=backbone))
    probe.train()
    everything, without = probe.losses(range(6)), probe.losses([2, 3, 4, 5])
    table = probe.model.embedding.table.asnumpy().copy()
    for slot, first in zip(probe.plan.slots, probe.plan.offsets):
        if slot in (0, 1):
            ids = parts.train.ids[:, slot]
            table[first:first + parts.schema.cardinalities[slot]] = table[first + ids].astype(np.float64).mean(0)
    probe.model.embedding.table.set_data(Tensor(table))
    assert np.allclose(probe.losses(range(6)), without, atol=1e-5)
    assert everything.mean() < without.mean() - 0.05  # the fields that decide


def test_the_weights_of_the_best_epoch_are_kept_and_training_stops_after_a_worse_one(monkeypatch):
    data = toy_data(1200)
    parts = draw_parts(data.split("train"), data.schema, data.schema.task_names, 0)
    probe, tables = Probe(parts, data.schema.task_names, make_config()), []
    means = iter([[5.0, 1], [4, 0.9], [4.2, 1.1], [1, 1]])

    def losses(fields):
        tables.append(probe.model.embedding.table.asnumpy().copy())
        return np.tile(next(means), (parts.held.rows, 1))

    monkeypatch.setattr(probe, "losses", losses)
    probe.train()
    offsets = set(probe.plan.offsets)
    learned = [row for row in range(len(tables[0])) if row not in offsets]  # all but those of blank fields
    assert len(tables) == 3 and np.array_equal(probe.model.embedding.table.asnumpy()[learned], tables[1][learned])


def test_a_loss_that_is_not_finite_is_an_error(monkeypatch):
    data = toy_data(1200)
    parts = draw_parts(data.split("train"), data.schema, data.schema.task_names, 0)
    probe = Probe(parts, data.schema.task_names, make_config())
    monkeypatch.setattr(probe, "losses", lambda fields: np.full((parts.held.rows, 2), np.nan))
    with pytest.raises(UserError, match="the loss on held-out rows is never finite; give keep_ratio a number"):
        probe.train()


def test_losses_are_cross_entropies_and_unknown_labels_have_no_share(monkeypatch):
    monkeypatch.setattr("src.selection.probe.EPOCHS", 1)
    data = hide_labels(toy_data(1200), 1, lambda ids, labels: labels[:, 0] == 1)
    parts = draw_parts(data.split("train"), data.schema, data.schema.task_names, 0)
    probe = Probe(parts, data.schema.task_names, make_config())
    probe.train()
    losses, known = probe.losses(range(6)), parts.held.labels != UNKNOWN
    logits = predict_logits(probe.model, parts.held, probe.plan, [0, 1], 64)[0].astype(np.float64)
    wanted = np.log1p(np.exp(np.where(parts.held.labels == 1, -logits, logits)))
    assert losses.shape == (240, 2) and np.allclose(losses[known], wanted[known], atol=1e-5)
    assert np.allclose(probe.shares, known / known.sum(0))


def test_the_network_begins_at_the_positive_rates_of_the_rows_that_count():
    data = hide_labels(toy_data(1200), 1, lambda ids, labels: labels[:, 0] == 1)
    parts = draw_parts(data.split("train"), data.schema, data.schema.task_names, 0)
    parts.train.weights = np.where(np.arange(parts.train.rows) < 100, 0.0, 2.0).astype(np.float32)
    probe = Probe(parts, data.schema.task_names, make_config())
    counted = [column[column != UNKNOWN] for column in parts.train.labels[100:].T]
    rates = np.array([column.mean() for column in counted])
    assert np.allclose(probe.model.backbone.tower.bias.asnumpy(), np.log(rates / (1 - rates)), atol=1e-5)


def test_no_width_grows():
    config = small(make_config(embedding_dim=64, bottom_dims=(512, 256), tower_dims=(), experts=2), 28_000)
    assert (config.embedding_dim, config.bottom_dims, config.tower_dims, config.experts) == (16, (32, 32), (), 2)
    assert config.batch_size == 256
    assert [small(make_config(), rows).batch_size for rows in (160, 2048, 4095, 10**6)] == [32, 32, 32, 1024]


def test_the_change_is_the_mean_share_over_tasks_and_its_error_that_of_a_mean_over_rows():
    rng = np.random.default_rng(0)
    reference, losses = rng.random((500, 2)) * (1, 0.1), rng.random((500, 2)) * (1, 0.1)
    change, error = relative_change(losses, reference, np.full((500, 2), 1 / 500))
    wanted = [losses[:, t].mean() / reference[:, t].mean() - 1 for t in range(2)]
    assert change == pytest.approx(np.mean(wanted))
    draws = [rng.integers(0, 500, 500) for _ in range(2000)]
    parts = ((losses - reference) / reference.mean(0)).mean(1)
    assert error == pytest.approx(np.std([parts[rows].mean() for rows in draws]), rel=0.05)


def test_rows_and_tasks_without_label_do_not_count():
    shares = np.array([[0.5, 0], [0.5, 0], [0, 0], [0, 0]])
    losses, reference = np.array([[2.0, 9], [4, 9], [9, 9], [9, 9]]), np.ones((4, 2))
    assert relative_change(losses, reference, shares)[0] == pytest.approx(2.0)

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
"""Parts of a data set: held-out rows, shuffled fields, and that all of them can do what a split can."""

from __future__ import annotations

import numpy as np
import pytest

from src.common.errors import UserError
from src.data import subsets
from src.data.memory import MemorySplit
from src.data.subsets import Shuffled, Subset, hold_out, label_groups, sample_by_weight
from src.schema import UNKNOWN
from tests.unit.selection.planted_data import PlantedData


def test_held_out_rows_and_the_others_are_all_rows():
    split = PlantedData(101).split("train")
    kept, held = hold_out(split, 1)
    assert (kept.rows, held.rows) == (90, 11)
    assert sorted([*kept.numbers, *held.numbers]) == list(range(101))
    assert (hold_out(split, 1)[1].numbers == held.numbers).all()
    assert (hold_out(split, 2)[1].numbers != held.numbers).any()
    ids, labels = held.read(8, 99, [3, 1], [1])
    np.testing.assert_array_equal(ids, split.ids[held.numbers[8:]][:, [3, 1]])
    np.testing.assert_array_equal(labels, split.labels[held.numbers[8:]][:, [1]])


def test_held_out_rows_are_limited_and_few_rows_are_refused(monkeypatch):
    monkeypatch.setattr(subsets, "MOST_HELD_OUT", 5)
    assert hold_out(PlantedData(100).split("train"), 0)[1].rows == 5
    with pytest.raises(UserError, match="the train split has 19 rows; this selector holds some out and needs at least"):
        hold_out(PlantedData(19).split("train"), 0)


def test_shuffled_rows_differ_in_one_column():
    split = PlantedData(50).split("train")
    rows, order = Subset(split, np.arange(10, 30)), np.random.default_rng(0).permutation(20)
    ids, labels = Shuffled(rows, 2, order).read(5, 99, range(6), [0, 1])
    np.testing.assert_array_equal(labels, split.labels[15:30])
    np.testing.assert_array_equal(np.delete(ids, 2, 1), np.delete(split.ids[15:30], 2, 1))
    np.testing.assert_array_equal(ids[:, 2], split.ids[10:30][order[5:], 2])


def test_parts_can_be_read_in_every_way_and_divided_again():
    split = PlantedData(50).split("train")
    part = Subset(Subset(split, np.arange(10, 40)), np.arange(29, -1, -1))
    for rows in (part, Shuffled(part, 1, np.arange(30))):  # an order that moves nothing
        ids, labels = rows.read(0, 99)
        np.testing.assert_array_equal(ids, split.ids[39:9:-1])
        np.testing.assert_array_equal(rows.take(np.array([3, 0]))[0], ids[[3, 0]])
        np.testing.assert_array_equal(rows.read(2, 9, [4], [1])[0], ids[2:9, [4]])
        np.testing.assert_array_equal(rows.read_labels(5, 99, [1]), labels[5:, [1]])


def test_every_task_has_the_rows_of_its_labels():
    split = PlantedData(60).split("train")
    labels = np.column_stack([split.labels, split.labels[:, 0]])
    labels[::3, 1] = UNKNOWN
    source = MemorySplit(split.ids, labels)
    (whole, first), (some, second) = label_groups(source, [2, 1, 0])
    assert whole is source and first == [0, 2] and second == [1]
    np.testing.assert_array_equal(some.numbers, np.flatnonzero(np.arange(60) % 3))
    assert set(np.unique(some.read_labels(0, 60, [1]))) == {0, 1}
    assert [places for _, places in label_groups(source, [1])] == [[0]]


def test_a_sample_by_weight_has_every_row_at_most_once_and_as_often_as_it_weighs():
    split = PlantedData(40_000).split("train")
    assert sample_by_weight(split, 0) is split
    weights = np.tile(np.array([0, 1, 2, 4], np.float32), 10_000)
    source = MemorySplit(split.ids, split.labels, weights)
    sample = sample_by_weight(source, 0)
    assert sample.weights is None and len(set(sample.numbers)) == sample.rows
    shares = np.bincount(sample.numbers % 4, minlength=4) / 10_000
    np.testing.assert_allclose(shares, [0, 0.25, 0.5, 1], atol=0.02)  # four standard deviations
    np.testing.assert_array_equal(sample_by_weight(source, 0).numbers, sample.numbers)
    assert hold_out(source, 0)[0].weights.tolist() == weights[hold_out(source, 0)[0].numbers].tolist()


def test_weights_that_leave_hardly_a_row_are_refused():
    split = PlantedData(100).split("train")
    weights = np.full(100, 1e-6, np.float32)
    weights[0] = 1
    with pytest.raises(UserError, match="the largest row weight is 100 times the mean: scores see 1 of 100 train rows"):
        sample_by_weight(MemorySplit(split.ids, split.labels, weights), 0)

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
"""Data sets of the selection benchmark: split anew by seed, and labels dealt out anew."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.selection.sets import dealt, draw_planted, draw_set, split_anew
from src.common.errors import UserError
from src.data.memory import MemoryData
from src.data.simulation.planted import plant
from src.labels import known_labels
from src.schema import SPLITS
from src.settings import load_settings


def rows_of(data, split) -> list[tuple]:
    """Ids and labels of every row."""
    ids, labels = data.split(split).read(0, data.split(split).rows)
    return [tuple(row) for row in np.column_stack([ids, labels])]


def test_a_seed_splits_all_rows_anew_in_the_same_shares():
    data = plant("mix", 0, 3_000).data
    one, same, other = (split_anew(data, seed, 10_000) for seed in (0, 0, 1))
    assert [one.split(split).rows for split in SPLITS] == [data.split(split).rows for split in SPLITS]
    assert sorted(sum((rows_of(one, split) for split in SPLITS), [])) == sorted(
        sum((rows_of(data, split) for split in SPLITS), []))
    assert rows_of(one, "test") == rows_of(same, "test") != rows_of(other, "test") != rows_of(data, "test")
    fewer = split_anew(data, 0, 1_000)
    assert [fewer.split(split).rows for split in SPLITS] == [800, 100, 100]


def test_every_split_has_both_labels_of_a_task():
    labels = np.zeros((40, 1), np.uint8)
    labels[:4] = 1  # a split of ten rows may have none of four
    rows = np.arange(40, dtype=np.int32)[:, None]
    splits = {split: (rows[part], labels[part]) for split, part in zip(SPLITS, np.split(np.arange(40), [20, 30]))}
    data = MemoryData("few", ["row"], [40], ["task"], splits)
    for seed in range(20):
        found = split_anew(data, seed, 40)
        assert all(0 < found.split(split).labels.mean() < 1 for split in SPLITS)
    with pytest.raises(UserError, match="rows is 4: in 100 random splits of few some task had one label only"):
        split_anew(data, 0, 4)


def test_a_simulated_set_is_drawn_anew():
    config = load_settings(["dataset=simulate"])
    one, same, other = (draw_set("simulate", config, 500, seed) for seed in (0, 0, 1))
    assert rows_of(one, "train") == rows_of(same, "train") != rows_of(other, "train")


def test_fields_of_noise_are_added_to_a_law():
    assert [len(draw_planted("mix", 0, 300, noise).data.schema.fields) for noise in (0, 259)] == [41, 300]


def test_labels_of_later_tasks_are_known_where_the_first_ones_is_1():
    whole, clicked = (draw_planted("three_tasks", 1, 2_000, clicked=flag) for flag in (False, True))
    assert clicked.relevant == whole.relevant and clicked.data.schema.task_names == whole.data.schema.task_names
    assert clicked.data.split("train").partial == (False, True, True)
    (ids, labels), (same, hidden) = (found.data.split("train").read(0, 2_000) for found in (whole, clicked))
    np.testing.assert_array_equal(same, ids)
    np.testing.assert_array_equal(hidden[:, 0], labels[:, 0])
    np.testing.assert_array_equal(known_labels(hidden[:, 1:]), np.repeat(labels[:, :1] == 1, 2, axis=1))
    np.testing.assert_array_equal(hidden[labels[:, 0] == 1], labels[labels[:, 0] == 1])


def test_dealt_labels_stay_together_and_leave_the_fields_alone():
    data = plant("mix", 0, 3_000).data
    planted = dealt(data, 1)
    for split in ("train", "test"):
        (ids, labels), (same, others) = (found.split(split).read(0, found.split(split).rows)
                                         for found in (data, planted.data))
        np.testing.assert_array_equal(ids, same)
        assert (labels != others).any() and sorted(map(tuple, labels)) == sorted(map(tuple, others))
    assert planted.relevant == (frozenset(), frozenset()) and planted.data.schema.task_names == data.schema.task_names
    np.testing.assert_array_equal(dealt(data, 1).data.split("valid").labels, planted.data.split("valid").labels)
    assert (dealt(data, 2).data.split("train").labels != planted.data.split("train").labels).any()

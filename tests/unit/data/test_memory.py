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
"""Data sets in memory: the interface of a prepared set, noise fields, simulated laws with their truth."""

from __future__ import annotations

import numpy as np
import pytest

from src.data.memory import MemoryData, with_noise
from src.data.simulation.planted import plant


def make_data(rows: int = 50) -> MemoryData:
    rng = np.random.default_rng(0)

    def part(count):
        return rng.integers(0, 4, (count, 3)).astype(np.int32), rng.integers(0, 2, (count, 2)).astype(np.uint8)

    return MemoryData("toy", ["a", "b", "c"], [4, 4, 4], ["x", "y"],
                      {"train": part(rows), "valid": part(10), "test": part(0)})


def test_has_the_interface_of_a_prepared_set():
    data = make_data()
    split = data.split("train")
    ids, labels = split.take(np.array([3, 1]), [2, 0], [1])
    assert (ids == split.ids[[3, 1]][:, [2, 0]]).all() and (labels == split.labels[[3, 1]][:, [1]]).all()
    assert ids.flags.c_contiguous and split.read(40, 99)[0].shape == (10, 3) and len(split.read_labels(45, 99)) == 5
    assert data.schema.rows == {"train": 50, "valid": 10, "test": 0} and data.schema.cardinalities == [4, 4, 4]
    assert data.schema.tasks[0].positive_rate["test"] is None
    assert data.schema.tasks[1].positive_rate["train"] == pytest.approx(split.labels[:, 1].mean())


def test_noise_is_added_behind_the_fields_and_within_its_cardinality():
    data = make_data(3000)
    noisy = with_noise(data, 5, seed=1)
    assert noisy.schema.field_names == ["a", "b", "c", *(f"noise_{n}" for n in range(5))]
    for name in ("train", "valid", "test"):
        ids, labels = noisy.split(name).read(0, 10_000)
        assert (ids[:, :3] == data.split(name).ids).all() and (labels == data.split(name).labels).all()
        assert (ids >= 0).all() and (ids < noisy.schema.cardinalities).all()
    assert set(noisy.split("train").ids[:, 3]) == {0, 1} and noisy.schema.cardinalities[-1] == 20_000
    assert (with_noise(data, 5, seed=1).split("train").ids == noisy.split("train").ids).all()


def test_planted_laws_name_their_truth():
    planted = plant("mix", 3, 4000)
    schema = planted.data.schema
    assert [task.name for task in schema.tasks] == ["click", "like"] and len(schema.fields) == 41
    assert schema.rows == {"train": 3200, "valid": 400, "test": 400}
    assert all(relevant and max(relevant) < 41 for relevant in planted.relevant) and planted.copies
    ids = planted.data.split("train").ids
    assert (ids < schema.cardinalities).all()
    for copy, original in planted.copies.items():  # a copy tells most of its original's coarse value
        pairs = np.unique(np.stack([ids[:, copy], ids[:, original]], 1), axis=0, return_counts=True)[1]
        assert pairs.max() > len(ids) / 200
    assert not any(plant("none", 0, 500).relevant)

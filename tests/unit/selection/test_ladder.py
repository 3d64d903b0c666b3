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
"""keep_ratio=auto: which numbers of fields are tried, and which is kept."""

from unittest.mock import MagicMock

import numpy as np
import pytest

from src.data.memory import MemoryData
from src.selection.base import make_selection
from src.selection.ladder import climb, find_ladder, ladder_counts
from src.selection.registry import select_fields
from tests.helpers import make_config, toy_data
from tests.unit.selection.test_base import fitted

ONE = np.full((4, 1), 0.25)  # shares of four rows and one task


def test_steps_are_the_fields_above_every_level_and_the_tenths():
    scores = np.array([[5.0, 2.5, 1, -1, -2], [4, 3.5, 3.2, 2.5, -2]])
    assert ladder_counts(scores, (3.0, 2.0, 0.0)) == [(1, 1), (1, 3), (2, 2), (2, 4), (3, 3), (3, 4), (4, 4), (5, 5)]
    assert ladder_counts(np.array([[9.0, 9]]), (3.0, 2.0, 0.0)) == [(1,), (2,)]


def test_scores_without_levels_are_tried_in_tenths():
    assert ladder_counts(np.zeros((2, 20)), ()) == [(k, k) for k in range(2, 21, 2)]
    assert ladder_counts(np.zeros((1, 2)), ()) == [(1,), (2,)]


@pytest.mark.parametrize("means, kept, tried", [
    ({1: 0.9, 2: 0.8, 4: 1.0}, (1,), [4, 1]),
    ({1: 1.2, 2: 0.9, 4: 1.0}, (2,), [4, 1, 2]),
    ({1: 1.2, 2: 1.001, 4: 1.0}, (4,), [4, 1, 2]),
])
def test_the_fewest_fields_that_gain_are_kept(means, kept, tried):
    asked = []

    def losses_of(counts):
        asked.append(counts[0])
        return np.full((4, 1), means[counts[0]])

    ladder = climb([(1,), (2,), (4,)], losses_of, ONE, [4])
    assert tuple(ladder.counts) == kept and asked == tried
    found = ladder.to_json(["click"])
    assert [step["kept"] for step in found] == [step["fields"]["click"] == kept[0] for step in found]
    assert [step["losses"] is None for step in found] == [step["fields"]["click"] not in tried for step in found]
    assert found[0]["change"] == pytest.approx(means[1] - 1) and found[-1]["losses"] == {"click": 1.0}


@pytest.mark.parametrize("gain, evident, kept", [(0.09, 4, (4,)), (0.11, 4, (1,)), (0.0, 1, (1,)), (-0.01, 1, (4,))])
def test_fields_with_evidence_go_for_a_sure_gain_only_and_others_if_nothing_is_lost(gain, evident, kept):
    spread = np.tile([-1.0, 1.0], 50)[:, None]  # of a hundred rows: the mean has a standard error of 0.1
    losses = {1: 2 - 2 * gain + 2 * spread, 4: np.full((100, 1), 2.0)}  # as shares of 2
    ladder = climb([(1,), (4,)], lambda counts: losses[counts[0]], np.full((100, 1), 0.01), [evident])
    assert tuple(ladder.counts) == kept and ladder.steps[0].error == pytest.approx(0.1)


def with_fields_of_noise(rows: int, count: int, values: int) -> MemoryData:
    """The toy data, whose task t depends on field t, with fields of noise that can be memorised behind them."""
    data, splits = toy_data(rows), {}
    for place, name in enumerate(("train", "valid", "test")):
        ids, labels = data.split(name).read(0, data.split(name).rows)
        noise = np.random.default_rng(place).integers(0, values, (len(ids), count))
        splits[name] = np.column_stack([ids, noise]).astype(np.int32), labels
    names = [*data.schema.field_names, *(f"n{n}" for n in range(count))]
    return MemoryData("toy", names, [*data.schema.cardinalities, *[values] * count], data.schema.task_names, splits)


def test_noise_is_dropped_and_information_is_not():
    data, config = with_fields_of_noise(4000, 6, 900), make_config(keep_ratio="auto", dropout=0.2)
    tasks = data.schema.task_names
    good, bad = np.zeros((2, 12)), np.zeros((2, 12))
    good[:, :2], bad[:, 2:] = 5.0, 5.0  # the fields that matter above the level; all others above it
    chosen = make_selection(fitted(good, levels=(3.0,)), data, tasks, config)
    assert chosen.k == {"t0": 2, "t1": 2} and chosen.shared == ("f0", "f1")
    first, second = chosen.settings["ladder"][:2]
    assert first["change"] > 0.1 and second["change"] < 0 and second["kept"]  # one field is too few, two suffice
    kept = make_selection(fitted(bad, levels=(3.0,)), data, tasks, config)
    assert kept.k == {"t0": 12, "t1": 12}
    assert all(step["change"] > 0.1 for step in kept.settings["ladder"][:-1] if step["fields"]["t0"] <= 10)


def test_one_seed_gives_one_selection_and_valid_and_test_rows_are_not_read():
    data, config = toy_data(1500), make_config(selector="multisfs", keep_ratio="auto", seed=5)
    first, seconds = select_fields(data, data.schema.task_names, config)
    for name in ("valid", "test"):
        data.split(name).labels[:] = 0
        data.split(name).ids[:] = 0
    assert select_fields(data, data.schema.task_names, config)[0].to_json() == first.to_json()
    assert 0 < seconds["try_out"] < seconds["total"]


def test_a_score_without_levels_has_evidence_for_every_field(monkeypatch):
    monkeypatch.setattr("src.selection.ladder.climb", lambda counts, losses_of, shares, evident: list(evident))
    monkeypatch.setattr("src.selection.ladder.Probe", MagicMock())
    data, scores = toy_data(600), np.array([[3.5, 1, 0, -1, -1, -1], [1.0, 1, 1, -1, -1, -1]])
    assert find_ladder(scores, (3.0, 0.0), data, data.schema.task_names, make_config()) == [2, 3]
    assert find_ladder(scores, (), data, data.schema.task_names, make_config()) == [6, 6]


@pytest.mark.parametrize("backbone, asked", [
    ("mmoe", {(0, 1), (0, 1, 2, 3, 4, 5)}), ("shared_bottom", {(0, 1), (0, 1, 2, 3, 4, 5)}),
    ("aitm", {(0,), (1,), (0, 1, 2, 3, 4, 5)})])
def test_every_task_is_asked_with_the_fields_that_it_reads_in_the_backbone(monkeypatch, backbone, asked):
    data, given, probe = toy_data(600), [], MagicMock()
    probe.return_value.shares = np.full((4, 2), 0.25)
    probe.return_value.losses = lambda fields: given.append(fields) or np.tile([float(1 in fields), 0.5], (4, 1))
    monkeypatch.setattr("src.selection.ladder.Probe", probe)
    scores = np.array([[9.0, 1, 0, -1, -1, -1], [1.0, 9, 0, -1, -1, -1]])  # the tasks' best fields are 0 and 1
    ladder = find_ladder(scores, (3.0,), data, data.schema.task_names, make_config(backbone=backbone))
    assert set(given) == asked and len(given) == len(asked)
    assert ladder.counts == [1, 1]
    assert ladder.steps[0].losses == ((0.0, 0.5) if backbone == "aitm" else (1.0, 0.5))


def test_few_rows_keep_all_fields():
    data = toy_data(150)
    ladder = find_ladder(np.eye(2, 6) * 5, (3.0,), data, data.schema.task_names, make_config())
    assert ladder.counts == [6, 6] and ladder.steps[0].losses is None

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
"""Measuring in turn and apart, and the count of a step's arithmetic."""

import pytest

from benchmarks import measure, suites
from benchmarks.steps import Synthetic, make_ours, our_evaluation, our_step, products_of_a_step
from src.common.errors import UserError
from src.settings import load_settings

SMALL = ["backbone=mmoe", "embedding_dim=8", "bottom_dims=[16]", "tower_dims=[4]", "experts=3", "batch_size=32"]


def test_candidates_take_turns_and_the_first_call_is_not_counted():
    calls = []
    seconds = measure.alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2, steps=3)
    assert "".join(calls) == "ab" + 2 * ("aaa" + "bbb")
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}


def test_a_measurement_that_fails_is_named():
    with pytest.raises(UserError, match="the measurement network nowhere mmoe false failed: .*nowhere"):
        measure.in_turn({"a": ["network", "nowhere", "mmoe", "false"]}, 1)


def test_rows_of_the_step_table():
    rows = measure.step_rows({"a": [0.2, 0.4, 0.2], "b": [0.1, 0.1, 0.1]}, 100)
    assert rows == [["a", "200", "200-400", "500", "1.00"], ["b", "100", "100-100", "1,000", "2.00"]]


def test_products_of_a_step_by_hand():
    config = load_settings(SMALL)
    model, _ = make_ours(config, (3, 5, 40), half=False)
    hot, dense, outputs = 3 + 5, 8, 3 * 16 + 2 * 3  # three experts and two gates of three read the inputs
    first = 2 * 32 * outputs * (2 * hot + 3 * dense) + 6 * outputs * 2 * 5 * 8
    towers = 6 * 32 * 2 * (16 * 4 + 4 * 1)
    assert products_of_a_step(model, config) == first + towers


def test_half_the_fields_are_a_smaller_model():
    config = load_settings(SMALL)
    (whole, _), (half, plan) = (make_ours(config, (3, 5, 40, 9), half) for half in (False, True))
    assert plan.columns == (0, 2)
    assert half.parameter_count() < whole.parameter_count()


def test_our_step_trains_on_other_rows_every_time():
    config = load_settings(SMALL)
    step = our_step(config, (3, 5, 40), Synthetic(128, (3, 5, 40)))
    assert len({float(step()) for _ in range(6)}) == 6


def test_our_evaluation_predicts_every_row():
    logits, labels = our_evaluation(load_settings(SMALL), (3, 5, 40), Synthetic(130, (3, 5, 40)))()
    assert logits.shape == labels.shape == (130, 2)


def test_the_input_suite_reads_every_row_from_disk(capsys):
    found = suites.read(load_settings(["batch_size=64"]), rows=3000)
    assert found["rows"] == 2400 // 64 * 64 and len(found["seconds"]["an epoch of shuffled batches, 41 fields"]) > 2
    assert "rows on disk" in capsys.readouterr().out

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
"""How selectors are measured: precision with copies, overlap, and real selectors on a planted set."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest

from benchmarks.selection.choices import _some
from benchmarks.selection.sets import draw_planted
from benchmarks.selection.truth import judge, label, measure_chance, measure_truth
from src.data.simulation.laws import LAWS
from src.data.simulation.planted import plant
from src.settings import load_settings


def test_a_copy_counts_as_its_original_once():
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    assert judge(scores, {0, 3}, {1: 0}) == {"top": [0, 1], "precision": 0.5, "auc": pytest.approx(3 / 4)}
    assert judge(scores, {3, 0}, {1: 3})["precision"] == 1.0
    assert judge(scores, {0, 3}, {1: 4})["precision"] == 0.5  # a copy of noise is noise
    assert judge(scores, set(), {}) == {"top": [], "precision": None, "auc": None}
    assert judge(scores, {0, 1, 2, 3, 4}, {})["auc"] is None


def test_label_is_short():
    assert label({"selector": "multisfs", "score": "paper"}) == "multisfs-paper"
    assert label({"selector": "lasso"}) == "lasso"


def test_selectors_are_run_on_planted_data():
    config, draw = load_settings(["dataset=simulate", "progress=false"]), partial(draw_planted, rows=12_000)
    ms.set_context(mode=ms.PYNATIVE_MODE)  # MindSpore's default, in which a training step takes eight times as long
    counted, random = measure_truth(["noise"], [{"selector": "chi2_z"}, {"selector": "random"}], 1, 2, draw, config)
    assert ms.get_context("mode") == ms.GRAPH_MODE
    assert counted["law"] == "noise" and counted["selector"] == "chi2_z" and counted["relevant"] == [6, 6]
    assert counted["precision"][0] > 0.8 > random["precision"][0] and counted["auc"][0] > 0.9
    assert counted["jaccard"] == [1.0, 1.0] and random["jaccard"][0] < 1
    assert 3 <= counted["above_chance"][0] <= 10 and random["above_chance"] is None


def test_a_record_says_the_law_and_has_an_entry_for_every_task(monkeypatch):
    monkeypatch.setattr("benchmarks.selection.truth.choose_device", lambda *device: "CPU")
    config, draw = load_settings(["dataset=simulate"]), partial(draw_planted, rows=300)
    record, = measure_truth(["seven_tasks"], [{"selector": "random"}], 1, 1, draw, config)
    assert record["law"] == "seven_tasks" and record["relevant"] == [6] * 7 and len(record["precision"]) == 7


def test_the_law_none_can_be_named_and_nothing_means_no_laws():
    given = SimpleNamespace(laws=("none",), sets=("none",))
    assert _some(given, "laws", LAWS) == ["none"] and _some(given, "sets", ("adult",)) == []
    assert _some(SimpleNamespace(laws=("nothing",)), "laws", LAWS) == []
    assert _some(SimpleNamespace(laws=("every",)), "laws", LAWS) == list(LAWS)


def test_few_fields_exceed_the_chance_level_of_dealt_labels():
    config = load_settings(["dataset=simulate", "progress=false"])
    record, = measure_chance("mix", plant("mix", 0, 6_000).data, [{"selector": "chi2_z"}], 1, 1, config)
    assert record["law"] == "mix dealt" and record["precision"] == [None, None]
    assert max(record["above_chance"]) <= 4  # .1 of 41 are expected

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
"""A search over settings: what may be tried, and that a study goes on where it was. No run is made."""

from __future__ import annotations

import math
import sys

import pytest

from src.common.errors import UserError
from src.experiments.search import Range, folder_of, read_space, search, search_table, words_of, write_best
from src.programs.compare import only_keep_ratio
from src.settings import load_settings

SPACE = [Range("learning_rate", (1e-4, 1e-1), True, True), Range("experts", (2, 4, 8))]


def test_ranges_and_choices_are_read():
    words = ["learning_rate=1e-4..1e-2:log", "experts=2..8", "dropout=0", "0.25", "tower_dims=64+32", "32",
             "loss_reduction=SUM", "mean", "end_to_end=true", "keep_ratio=0.3..1"]
    assert read_space(words) == [
        Range("learning_rate", (1e-4, 1e-2), True, True), Range("experts", (2, 8), True), Range("dropout", (0.0, 0.25)),
        Range("tower_dims", ("64,32", "32")), Range("loss_reduction", ("sum", "mean")), Range("end_to_end", (True,)),
        Range("keep_ratio", (0.3, 1.0), True)]


@pytest.mark.parametrize("words, message", [
    (["0.3", "experts=2"], "sweep has '0.3'; expected KEY=LOW..HIGH"), (["experts=2", "experts=3"], "each key once"),
    (["experts="], "sweep has 'experts='"), (["expert=2"], "unknown key 'expert' in sweep.*experts"),
    (["backbone=mmoe", "ple"], "sweep cannot try values of backbone.*options of their own"),
    (["experts=0..4"], "experts is 0 in sweep; expected a whole number at least 1"),
    (["experts=1.5..4"], "experts is 1.5 in sweep"), (["dropout=0.1..0.9..1"], "dropout is 0.9..1 in sweep|'0.9..1'"),
    (["dropout=0.5..0.1"], "expected a LOW below the HIGH"), (["dropout=0..0.5:log"], "LOW below the HIGH, above 0"),
    (["dropout=0..0.5:lin"], "expected KEY=LOW..HIGH"), (["monitor=a..b"], "only numbers have a LOW and a HIGH"),
    (["dropout=0..0.1", "0.3"], "only numbers have a LOW and a HIGH"),
    (["keep_ratio=auto..1"], "expected a LOW below the HIGH")])
def test_ranges_that_are_wrong_are_one_line(words, message):
    with pytest.raises(UserError, match=message):
        read_space(words)


def test_how_many_fields_suffice_needs_no_search():
    assert only_keep_ratio(["keep_ratio=0.3", "0.5"]) and only_keep_ratio(["keep_ratio=auto"])
    for words in (["keep_ratio=0.3..0.5"], ["keep_ratio=0.3", "experts=2"], ["experts=2", "4"]):
        assert not only_keep_ratio(words)


def test_values_are_settings_and_name_a_folder(tmp_path):
    values = {"tower_dims": "64,32", "end_to_end": True, "learning_rate": 0.001}
    config = load_settings(["dataset=toy", *words_of(values)])
    assert (config.tower_dims, config.end_to_end, config.learning_rate) == ((64, 32), True, 0.001)
    write_best(values, tmp_path / "best.yaml")
    assert load_settings([f"config={tmp_path / 'best.yaml'}", "dataset=toy"]) == config
    assert folder_of(values) == folder_of(dict(reversed(values.items()))) != folder_of({**values, "end_to_end": False})


class Curve:
    """Validation AUCs that are best at a learning rate of 0.01 with 4 experts; notes what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, values, folder):
        self.asked.append((dict(values), folder.name))
        best = 0.8 - 0.05 * abs(math.log10(values["learning_rate"]) + 2) - 0.02 * abs(values["experts"] - 4)
        return [best - 0.01, best + 0.01]


def test_a_search_finds_what_is_good_and_goes_on(tmp_path):
    pytest.importorskip("optuna")
    curve = Curve()
    assert len(search(SPACE, tmp_path, 5, ["a"], curve)) == 5 == len(curve.asked)
    assert len(search(SPACE, tmp_path, 5, ["a"], curve)) == 5 == len(curve.asked)  # done
    found = search(SPACE, tmp_path, 25, ["a"], curve)
    assert len(found) == 25 == len(curve.asked)
    assert found[0][0]["experts"] == 4 and 10 ** -2.5 < found[0][0]["learning_rate"] < 10 ** -1.5
    assert [sum(aucs) for _, aucs in found] == sorted((sum(aucs) for _, aucs in found), reverse=True)
    table = search_table(found, 3).markdown()
    assert "The best 3 of 25 trials" in table and f"{sum(found[0][1]) / 2:.4f} ± 0.0100" in table
    for other in ((SPACE[:1], ["a"]), (SPACE, ["b"])):
        with pytest.raises(UserError, match="study.db is a sweep of other ranges, settings, seeds or data"):
            search(other[0], tmp_path, 5, other[1], curve)


def test_a_trial_that_was_cut_off_is_taken_up_with_its_values(tmp_path):
    pytest.importorskip("optuna")
    curve, cut = Curve(), []

    def interrupted(values, folder):
        cut.append((dict(values), folder.name))
        if len(cut) == 3:
            raise KeyboardInterrupt
        return curve(values, folder)

    with pytest.raises(KeyboardInterrupt):
        search(SPACE, tmp_path, 4, [], interrupted)
    found = search(SPACE, tmp_path, 4, [], curve)
    assert len(found) == 4 == len(curve.asked) and curve.asked[2] == cut[2]


def test_a_trial_whose_runs_fail_counts_and_the_others_go_on(tmp_path, caplog):
    pytest.importorskip("optuna")
    curve, tried = Curve(), []

    def failing(values, folder):
        tried.append(values)
        if len(tried) == 1:
            raise UserError("the loss is nan")
        return curve(values, folder)

    assert len(search(SPACE, tmp_path, 3, [], failing)) == 2 and len(tried) == 3
    assert "trial 1 failed: the loss is nan" in caplog.text


def test_without_optuna_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match="needs Optuna, which is not installed; pip install optuna"):
        search(SPACE, tmp_path / "sweep", 1, [], Curve())
    assert not (tmp_path / "sweep").exists()

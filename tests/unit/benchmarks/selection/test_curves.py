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
"""AUC over the number of fields: areas, table, picture; and that a selector scores once for all numbers of fields."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.selection.choices import AUTO_KEPT, _begun
from benchmarks.selection.curves import (
    area,
    auto_table,
    curve_table,
    curves_of,
    drafted,
    draw_curves,
    measure_curves,
    pooled_table,
    standing_table,
)
from src.common.errors import UserError
from src.common.files import read_json
from src.selection import SELECTORS
from tests.helpers import toy_data
from tests.unit.selection.planted_data import trained_config

RECORDS = [{"set": "toy", "selector": selector, "seed": seed, "share": share, "mean_auc": auc + seed / 100}
           for selector, share, auc in (("none", 1.0, 0.8), ("good", 0.25, 0.8), ("good", 0.5, 0.82),
                                        ("good", 0.75, 0.81), ("bad", 0.25, 0.6), ("bad", 0.5, 0.7), ("bad", 0.75, 0.8))
           for seed in range(2)]


def test_the_area_is_the_mean_height_between_a_quarter_of_the_fields_and_all():
    assert area(np.array([0.3, 0.3, 0.3, 0.3])) == pytest.approx(0.3)
    assert area(np.array([-0.3, -0.2, -0.1, 0.0])) == pytest.approx(-0.15)


def test_curves_are_paired_by_seed_and_the_best_area_comes_first():
    curves = curves_of(RECORDS)
    np.testing.assert_allclose(curves["good"][1], [0, 0.02, 0.01, 0])
    np.testing.assert_allclose(curves["bad"][0], [-0.2, -0.1, 0, 0])
    lines = curve_table(RECORDS).splitlines()
    assert "good" in lines[2] and "+0.0200 ± 0.0000" in lines[2] and "+0.0100 ± 0.0000" in lines[2]
    assert "bad" in lines[3] and "-0.0667 ± 0.0000" in lines[3] and "-0.0767 ± 0.0000" in lines[3]


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_how_one_selector_stands_on_every_set_and_on_all_together():
    other = [{**record, "set": "other", "mean_auc": record["mean_auc"] - (record["selector"] == "good") * 0.2}
             for record in RECORDS]
    short = [{**record, "selector": "short"} for record in RECORDS if record["selector"] == "good" and record["seed"]]
    records = RECORDS + other + short
    assert cells(standing_table(records, "bad")) == [
        ["toy", "2", "good", "+0.0100 ± 0.0000", "-0.0667 ± 0.0000", "-0.0767 ± 0.0000", "2 of 2"],
        ["other", "2", "bad", "-0.0667 ± 0.0000", "-0.0667 ± 0.0000", "first", "1 of 2"]]
    found = cells(pooled_table(records, "bad"))
    assert [(row[0], row[1]) for row in found] == [("short", "1"), ("good", "4")]
    # good is ahead by .0767 on one set; on the other by .2 less at all shares but the whole, 5/6 of the mean
    assert found[0][2] == "+0.0767" and found[1][2].startswith("-0.0067 ± ")
    more = [{**record, "seed": 2} for record in RECORDS if record["seed"] == 0 and record["selector"] != "good"]
    assert cells(standing_table(RECORDS + more, "bad"))[0][:3] == ["toy", "2", "good"]  # a seed that only ours has
    assert standing_table(records, "unknown") == pooled_table(records, "unknown") == ""


def test_a_seed_without_an_auc_is_left_out():
    records = [{**record, "mean_auc": None} if (record["selector"], record["seed"]) == ("bad", 1) else record
               for record in RECORDS]
    assert list(curves_of(records)["bad"]) == [0] and list(curves_of(records)["good"]) == [0, 1]


def test_what_auto_keeps_is_compared_with_all_fields_of_its_seed():
    records = [{"set": "toy", "selector": "none", "seed": seed, "share": 1.0, "mean_auc": 0.7 + seed / 10,
                "train_seconds": 4.0} for seed in range(3)]
    records += [{"set": "toy", "selector": "multisfs-calibrated-auto", "seed": seed, "share": "auto", "fields": 0.5,
                 "mean_auc": 0.71 + seed / 10, "seconds": 1.0, "train_seconds": 3.0} for seed in range(2)]
    assert cells(auto_table(records))[0] == ["toy", "50%", "+0.0100 ± 0.0000", "0.25", "2"]
    assert curves_of(records) == {} and curve_table(records) == "" and auto_table(RECORDS) == ""


def test_auto_is_tried_out_once_a_seed(eager, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.selection.curves.choose_device", lambda *device: "CPU")
    monkeypatch.setattr("benchmarks.selection.curves.train_on", lambda *given: {
        "mean_auc": 0.5, "seconds": {"compile": 1.0, "train": 2.0, "eval": 3.0}})
    config = trained_config(f"output_dir={tmp_path}")
    found = list(measure_curves("toy", lambda seed: toy_data(rows=600), [AUTO_KEPT], 1, config))
    assert [(record["selector"], record["share"]) for record in found] == [("none", 1.0),
                                                                            ("multisfs-calibrated-auto", "auto")]
    assert 0 < found[1]["fields"] <= 1 and found[1]["seconds"] > 0 and found[1]["train_seconds"] == 6


def test_picture(tmp_path):
    draw_curves(RECORDS, tmp_path / "new" / "curves.png")
    assert (tmp_path / "new" / "curves.png").stat().st_size > 5000


def test_a_selector_scores_once_a_seed_and_a_stopped_measurement_continues(eager, tmp_path, monkeypatch):
    scored, fit = [], SELECTORS["chi2"].fit
    monkeypatch.setattr(SELECTORS["chi2"], "fit", lambda self, *given: scored.append(1) or fit(self, *given))
    for module in ("curves", "truth"):  # their choose_device leaves eager mode
        monkeypatch.setattr(f"benchmarks.selection.{module}.choose_device", lambda *device: "CPU")
    config = trained_config(f"output_dir={tmp_path}", "epochs=1", "batch_size=128")
    first = list(measure_curves("toy", lambda seed: toy_data(rows=300), [{"selector": "chi2"}], 1, config))
    assert [(record["selector"], record["share"]) for record in first] == [
        ("none", 1.0), ("chi2", 0.25), ("chi2", 0.5), ("chi2", 0.75)]
    assert len(scored) == 1 and all(0 <= record["mean_auc"] <= 1 for record in first)
    rest = list(measure_curves("toy", lambda seed: toy_data(rows=300), [{"selector": "chi2"}], 1, config, first[:2]))
    assert rest == first[2:] and len(scored) == 2
    assert not list(measure_curves("toy", lambda seed: toy_data(rows=300), [{"selector": "chi2"}], 1, config, first))


def test_tasks_choose_in_turn():
    scores = np.array([[9.0, 8, 7, 6, 5], [1, 0, 7, 2, 9]])  # orders: 01234 and 42301
    assert [drafted(scores, count).tolist() for count in (1, 2, 3, 4)] == [[0], [0, 4], [0, 2, 4], [0, 1, 2, 4]]
    assert drafted(np.array([[3.0, 1, 2]]), 2).tolist() == [0, 2]


def test_the_same_fields_are_trained_once_a_seed(eager, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.selection.curves.choose_device", lambda *device: "CPU")
    data, trained = toy_data(rows=300), []
    one, another = data.schema.field_names[:2]
    order = {"chi2": (another, one), "random": (one, another)}
    monkeypatch.setattr("benchmarks.selection.curves.train_on", lambda data, name, changes, config: (
        trained.append((name, read_json(Path(changes["selection"]))["selected"])) or
        {"mean_auc": 0.5, "seconds": {"compile": 1.0, "train": 2.0, "eval": 3.0}}))
    config = trained_config(f"output_dir={tmp_path}")
    for selector in ("chi2", "random"):
        monkeypatch.setattr(SELECTORS[selector], "score_fields", lambda self, data, tasks: np.tile(
            [order[self.name].index(name) if name in order[self.name] else -1.0 for name in data.schema.field_names],
            (len(tasks), 1)))
    list(measure_curves("toy", lambda seed: data, [{"selector": "chi2"}, {"selector": "random"}], 1, config))
    assert len({name for name, _ in trained}) == 4  # all, 2, 3 and 4 of 6
    assert trained[1][1] == trained[4][1] == dict.fromkeys(data.schema.task_names, [one, another])


def test_a_measurement_of_other_settings_is_not_taken_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begun = {"suite": "curves", "rows": 100, "settings": ["epochs=1"], "records": [{"set": "toy"}]}
    Path("benchmark.json").write_text(json.dumps(begun), encoding="utf-8")
    asked = {"suite": "curves", "rows": 100, "settings": ["epochs=1"]}
    assert _begun(asked) == begun
    with pytest.raises(UserError, match="benchmark.json was measured with rows 100, not 200"):
        _begun({**asked, "rows": 200})
    assert _begun({**asked, "suite": "other"})["records"] == []

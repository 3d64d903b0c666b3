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
"""The paper's tables and figures, on records whose answers are known."""

import csv
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from src.experiments import Grid, read_plan
from src.experiments.figures import draw_ratios
from src.experiments.paper.printed import printed
from src.experiments.paper_tables import data_table, method_table, ratio_table, seconds_table
from src.experiments.results import show_experiment
from src.schema import Field, Schema, Task
from tests.unit.experiments.records import record, records_of

PAPER = "multisfs-paper"


@pytest.fixture
def plan():
    return read_plan()


def row_of(table, backbone, method):
    return next(row for row in table.rows if row[:2] == [backbone, method])


def test_printed_cells():
    assert printed("1", "KuaiRand-Pure", "click,like", "ple", "MultiSFS", "AUC2") == "0.8645*"
    assert printed("4", "KuaiRand-Pure", "click,like,comment", "single_task", "none", "Logloss3") == "0.0170"
    assert printed("1", "KuaiRand-Pure", "click,like", "ple", "Gain (%)", "Gain AUC2") == "0.53"
    assert printed("5", "KuaiRand-Pure", "click,like", "mmoe", "Ours-FS", "seconds") == "1.03"
    assert printed("1", None, "auto", "ple", "MultiSFS", "AUC2") == ""


def test_table_1_has_single_task_backbones_and_gains(plan):
    grid = Grid(("toy",), ("single_task", "none", PAPER), ("mmoe", "ple"))
    records = records_of({"single_task": [0.7, 0.7]}, "single_task")
    for backbone, up in (("mmoe", 0.04), ("ple", -0.02)):
        records += records_of({"none": [0.80, 0.82], PAPER: [0.80 + up, 0.82 + up]}, backbone)
    table, cells = method_table("1", records, grid, plan)
    assert table.header == ["backbone", "fields by", "AUC1", "AUC2", "Logloss1", "Logloss2"]
    assert [row[:2] for row in table.rows] == [
        ["Single Task", "Single Task"], ["MMoE", "all fields"], ["MMoE", "MultiSFS"], ["MMoE", "Gain (%)"],
        ["PLE", "all fields"], ["PLE", "MultiSFS"], ["PLE", "Gain (%)"]]
    assert row_of(table, "MMoE", "Gain (%)")[2:] == ["+4.94", "+4.94", "+0.00", "+0.00"]
    assert row_of(table, "PLE", "Gain (%)")[2] == "-2.47"
    assert row_of(table, "MMoE", "MultiSFS")[2] == "0.8500 ± 0.0141*"
    assert row_of(table, "PLE", "MultiSFS")[2] == "0.7900 ± 0.0141"  # significantly worse: no star
    cell = next(cell for cell in cells if (cell["backbone"], cell["method"], cell["metric"]) == ("ple", PAPER, "AUC1"))
    assert cell["p"] == 0 and not cell["star"] and cell["gain_percent"] == pytest.approx(-100 * 0.02 / 0.81)


def test_a_lower_log_loss_is_a_gain(plan):
    def losses(method, values):
        return [record(method, seed, 0.8, tasks={"x": {"auc": 0.8, "logloss": value}})
                for seed, value in enumerate(values, 1)]

    records = losses("none", [0.50, 0.52, 0.51]) + losses(PAPER, [0.48, 0.49, 0.485])
    table, _ = method_table("1", records, Grid(("toy",), ("none", PAPER)), plan)
    assert row_of(table, "MMoE", "Gain (%)")[2:] == ["+0.00", f"{100 * (0.51 - 0.485) / 0.51:+.2f}"]
    assert row_of(table, "MMoE", "MultiSFS")[2] == "0.8000 ± 0.0000"
    assert row_of(table, "MMoE", "MultiSFS")[3].endswith("*")


def test_table_3_tests_against_the_best_baseline_and_ours_stay_below_the_line(plan):
    rng = np.random.default_rng(0)
    base = 0.8 + 0.01 * rng.standard_normal(6)
    good = base + 0.004 + 0.0005 * rng.standard_normal(6)
    mine = base + 0.0045 + 0.003 * rng.standard_normal(6)
    records = records_of({"none": base, "chi2": good, PAPER: mine, "random": base + 0.1})
    grid = Grid(("toy",), ("none", "chi2", PAPER, "random"), ours=("random",))
    table, cells = method_table("3", records, grid, plan)
    assert [row[1] for row in table.rows] == ["all fields", "Chi2", "MultiSFS", "—", "random (ours)"]
    cell = next(cell for cell in cells if (cell["method"], cell["metric"]) == (PAPER, "AUC1"))
    assert cell["p"] == pytest.approx(stats.ttest_rel(mine, good).pvalue)  # not against all fields, nor against ours
    assert cell["star"] == (cell["p"] < 0.05 and mine.mean() > good.mean()) and not cell["star"]
    assert not any("*" in text for row in table.rows for text in row)
    better = records_of({"none": base, "chi2": good, PAPER: good + 0.002, "random": base + 0.1})
    starred = row_of(method_table("3", better, grid, plan)[0], "MMoE", "MultiSFS")
    assert starred[2].endswith("*") and not starred[4].endswith("*")


def test_table_4_stars_the_best_of_a_backbone_whoever_it_is(plan):
    records = records_of({"none": [0.8, 0.81], "cfs-end-to-end": [0.84, 0.85], PAPER: [0.82, 0.83]})
    table, _ = method_table("4", records, Grid(("toy",), ("none", "cfs-end-to-end", PAPER)), plan)
    assert [row[1:3] for row in table.rows] == [["all fields", "0.8050 ± 0.0071"], ["CFS", "0.8450 ± 0.0071*"],
                                               ["MultiSFS", "0.8250 ± 0.0071"]]


def test_the_papers_cells_are_in_brackets_on_its_data_sets_alone(plan):
    where = {"dataset": "kuairand (click,like)", "set": "kuairand", "task_set": "click,like"}
    records = records_of({"none": [0.69], PAPER: [0.695]}, "ple", **where) + records_of({"none": [0.8]}, "ple")
    table, _ = method_table("1", records, Grid(("kuairand", "toy"), ("none", PAPER), ("ple",)), plan)
    assert table.header[2] == "kuairand (click,like): AUC1" and table.header[6] == "toy: AUC1"
    row = row_of(table, "PLE", "MultiSFS")
    assert row[2:4] == ["0.6950 [0.6920]", "0.6950 [0.8645*]"] and row[6] == "-"
    assert row_of(table, "PLE", "Gain (%)")[3] == "+0.72 [0.53]"
    assert "[" not in row_of(table, "PLE", "all fields")[6]


def test_table_2_counts_users_and_items_of_the_train_split(plan):
    schema = Schema("tenrec", (Field("user_id", 11), Field("item_id", 6), Field("age", 3)),
                    (Task("click", {"train": 0.25}),), {"train": 80, "valid": 10, "test": 10},
                    {"train": (), "valid": (), "test": ()}, 1)
    table = data_table("", {"tenrec": schema, "kuairand": schema}, plan)
    assert table.rows[0] == ["tenrec", "10 [34,240]", "5 [130,637]", "100 [2,442,299]", "3 [12]", "click 25"]
    assert table.rows[1][1] == "- [25,970]"


def test_table_5_splits_selecting_and_learning_by_backbone(plan):
    records = []
    for backbone, seconds in (("mmoe", 1.0), ("ple", 9.0)):
        records += [record(PAPER, 1, 0.8, backbone=backbone, select=seconds + 30,
                           parts={"relation": 30.0, "relation_learning": 33.0, "total": seconds + 30}),
                    record("mssm-end-to-end", 1, 0.8, backbone=backbone, train=50 * seconds)]
    table = seconds_table(records, Grid(("toy",), (PAPER,)), plan)
    assert table.rows == [["toy", "MMoE", "50.50", "-", "1.00", "33.00"],
                          ["toy", "PLE", "450.50", "-", "9.00", "33.00"]]


def test_figure_3_has_a_line_for_every_backbone_over_k(plan, tmp_path):
    records = [record(PAPER, 1, auc, keep=keep, backbone=backbone, fields={"x": k, "y": k})
               for backbone, shift in (("aitm", 0), ("ple", 0.1)) for keep, k, auc in
               (("0.5", 2, 0.70 + shift), ("0.75", 3, 0.75 + shift))]
    records += records_of({"none": [0.74]}, "aitm")
    assert [row[1:5] for row in ratio_table(records, Grid(("toy",), (PAPER,)), plan).rows] == [
        ["AITM", "MultiSFS", "2", "0.7000"], ["AITM", "MultiSFS", "3", "0.7500"], ["AITM", "all fields", "4", "0.7400"],
        ["PLE", "MultiSFS", "2", "0.8000"], ["PLE", "MultiSFS", "3", "0.8500"]]
    draw_ratios(records, plan.label, tmp_path / "f")
    text = (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert "#ff0000" in text and "#0000ff" in text  # AITM red, PLE blue
    ElementTree.fromstring(text)


@pytest.mark.parametrize("show", ["table1", "table3", "table4", "table5", "figure2", "figure3"])
def test_every_layout_is_written(plan, tmp_path, show):
    records = [item for backbone in ("aitm", "ple") for item in records_of({"none": [0.8, 0.82], PAPER: [0.81, 0.83]},
                                                                          backbone)]
    grid = plan.experiment(show, ["movielens"])
    text = show_experiment(show, grid, records, plan, tmp_path)
    assert text.startswith(f"## {grid.title}") and "AITM" in text and "PLE" in text
    assert (tmp_path / f"{show}-1.md").exists() and (tmp_path / f"{show}-1.tex").exists()
    if show.startswith("figure"):
        assert (tmp_path / f"{show}.png").read_bytes().startswith(b"\x89PNG")
    if show in ("table1", "table3", "table4"):
        cells = list(csv.DictReader((tmp_path / f"{show}-1-cells.csv").read_text(encoding="utf-8").splitlines()))
        assert len(cells) == 4 * 4 and {cell["metric"] for cell in cells} == {"AUC1", "AUC2", "Logloss1", "Logloss2"}


def test_an_experiment_without_its_task_settings_says_so(plan, tmp_path):
    grid = plan.experiment("table4", ["simulate_three"])
    assert "No data set named here has these task settings." in show_experiment("table4", grid, [], plan, tmp_path)

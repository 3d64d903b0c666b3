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
"""Tables, pictures and sweeps of a grid, on records whose answers are known."""

import csv
import json

import numpy as np
import pytest

from src.common.errors import UserError
from src.experiments import Grid, read_plan, read_records
from src.experiments.paper_tables import metrics_of
from src.experiments.records import long_rows
from src.experiments.results import show_experiment
from src.experiments.sweep import choose_fields, curves, shares_around_chance, smallest_within_one_error
from src.experiments.tables import Table, result_table
from src.schema import Selection
from tests.unit.experiments.records import LABELS, record, records_of


def column(table: Table, name: str) -> list[str]:
    return [row[table.header.index(name)] for row in table.rows]


def test_result_table_by_hand():
    records = records_of({"none": [0.80, 0.82, 0.81], "chi2": [0.84, 0.86, 0.86]})
    table = result_table("toy", records, LABELS.get)
    assert column(table, "fields by") == ["all fields", "chi-squared"]
    assert column(table, "mean AUC") == ["0.8100 ± 0.0100", "0.8533 ± 0.0115*"]
    assert column(table, "gain %") == ["-", f"{100 * (0.8533333 / 0.81 - 1):+.2f}"]
    assert column(table, "p (t)")[0] == "-"
    differences = np.array([0.04, 0.04, 0.05])
    t = differences.mean() / (differences.std(ddof=1) / np.sqrt(3))
    assert t > 12 and float(column(table, "p (t)")[1]) == pytest.approx(0.006, abs=5e-4)
    assert column(table, "kept") == ["4/4", "2/2"]
    assert column(table, "inputs") == ["4", "4"]  # two tasks that keep different halves


def test_p_values_are_corrected_over_the_table():
    rng = np.random.default_rng(0)
    base = 0.8 + 0.01 * rng.standard_normal(6)
    alone = records_of({"none": base, "chi2": base + 0.002 + 0.001 * rng.standard_normal(6)})
    more = alone + records_of({"random": base + 0.003 * rng.standard_normal(6)})
    one, two = (float(column(result_table("", records, LABELS.get), "p (t)")[1]) for records in (alone, more))
    assert 0 < one < two == pytest.approx(2 * one, abs=0.002)  # the smaller of two p values, times two


def test_backbones_have_their_own_reference():
    records = records_of({"none": [0.80, 0.80], "chi2": [0.88, 0.88]}) + \
        records_of({"none": [0.5, 0.5], "chi2": [0.6, 0.6]}, backbone="ple")
    table = result_table("toy", records, LABELS.get)
    assert column(table, "backbone") == ["mmoe", "mmoe", "ple", "ple"]
    assert column(table, "gain %") == ["-", "+10.00", "-", "+20.00"]


def test_tasks_of_numbers_have_their_own_columns():
    tasks = {"click": {"auc": 0.8, "logloss": 0.5},
             "watch": {"auc": 0.7, "r2": 0.3, "mae": 120.0, "rmse": 150.0, "loss": 0.35}}
    record_ = record("none", 1, 0.75, tasks=tasks, fields=dict.fromkeys(tasks, 4),
                     selected=dict.fromkeys(tasks, list("abcd")))
    record_["valid"] = tasks
    table = result_table("toy", [record_], LABELS.get)
    assert table.header[3:10] == ["click AUC", "watch XAUC", "click log loss", "watch R²", "watch MAE", "watch RMSE",
                                  "mean AUC"]
    assert table.rows[0][3:7] == ["0.8000", "0.7000", "0.5000", "0.3000"]
    rows = {(row["task"], row["split"]): row for row in long_rows([record_])}
    assert rows["watch", "test"]["logloss"] is None and rows["watch", "test"]["rmse"] == 150
    assert rows["click", "valid"]["r2"] is None and "r2" not in long_rows(records_of({"none": [0.8]}))[0]
    assert [(metric.name, metric.what) for metric in metrics_of([record_])] == [
        ("AUC1", "auc"), ("AUC2", "auc"), ("Logloss1", "logloss"), ("R²2", "r2")]
    assert metrics_of([record_])[-1].gain(0.33, 0.3) == pytest.approx(10)


def test_a_metric_that_could_not_be_computed_is_a_dash():
    records = [record("none", 1, None), record("chi2", 1, 0.8)]
    assert column(result_table("toy", records, LABELS.get), "mean AUC") == ["-", "0.8000"]


def test_latex_is_escaped():
    text = Table("a_b & 50%", ["x_1"], [["0.5 ± 0.1"]], "note").latex()
    assert r"\caption{a\_b \& 50\%}" in text and r"0.5 $\pm$ 0.1 \\" in text
    assert text.count("{") == text.count("}")


def test_files_of_an_experiment(tmp_path):
    records = records_of({"none": [0.8, 0.82], "chi2": [0.81, 0.83]})
    grid = Grid(("toy",), ("none", "chi2"), title="Toy")
    text = show_experiment("toy", grid, records, read_plan(), tmp_path)
    assert "## Toy" in text and "chi-squared" not in text and "| Chi2 " in text
    rows = list(csv.DictReader((tmp_path / "toy-runs.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 4 * 2 * 2  # runs, tasks, splits
    assert {float(row["auc"]) for row in rows if row["split"] == "test"} == {0.8, 0.82, 0.81, 0.83}
    assert (tmp_path / "toy-1.md").exists() and (tmp_path / "toy-1.tex").exists() and (tmp_path / "toy-1.csv").exists()


def test_unfinished_runs_have_no_record(tmp_path):
    plan = read_plan(tmp_path)
    assert not read_records(plan.cells(Grid(("adult",), ("none",), seeds=2)), tmp_path)


def test_a_damaged_result_is_one_line(tmp_path):
    cell = read_plan(tmp_path).cells(Grid(("adult",), ("none",), seeds=1))[0]
    (tmp_path / cell.name).mkdir()
    (tmp_path / cell.name / "metrics.json").write_text("{")
    with pytest.raises(UserError, match="metrics.json is damaged"):
        read_records([cell], tmp_path)


def test_the_smallest_share_within_one_standard_error():
    curve = [(0.3, 0.70, 0.01), (0.5, 0.795, 0.01), (0.7, 0.80, 0.01), (1.0, 0.79, 0.2)]
    assert smallest_within_one_error(curve) == 0.5
    assert smallest_within_one_error([(0.3, 0.8, 0.0), (0.5, 0.7, 0.0)]) == 0.3


def test_sweeps_look_at_the_validation_split_only():
    records = [record("chi2", seed, 0.99 - float(keep), keep=keep, valid=value + seed * 0.001)
               for keep, value in (("0.5", 0.7), ("1", 0.8)) for seed in (1, 2)]
    curve = curves(records)["mean AUC"]
    assert [share for share, _, _ in curve] == [0.5, 1.0]
    assert [mean for _, mean, _ in curve] == pytest.approx([0.7015, 0.8015])
    assert curve[0][2] == pytest.approx(0.0005)
    assert smallest_within_one_error(curve) == 1.0


def test_a_choice_per_task():
    fields = ("a", "b", "c", "d")
    few, many = (Selection("chi2", "mmoe", 1, ("x", "y"), fields, {"x": kept, "y": kept}, kept)
                 for kept in (("a", "b"), ("a", "b", "c")))
    of_names = {"x": [(0.5, 0.9, 0.0), (0.75, 0.8, 0.0)], "y": [(0.5, 0.8, 0.0), (0.75, 0.9, 0.0)]}
    chosen = choose_fields({0.5: few, 0.75: many}, of_names)
    assert chosen.k == {"x": 2, "y": 3}
    assert Selection.from_json(json.loads(json.dumps(chosen.to_json()))).selected == chosen.selected


def test_shares_start_from_the_chance_level():
    scores = {"x": dict.fromkeys("abcdef", 0.9) | dict.fromkeys("ghijkl", 0.1)}
    shares = shares_around_chance(scores, 0.5)
    assert [int(12 * float(share) + 1e-9) for share in shares] == [3, 4, 6, 9, 12]
    with pytest.raises(UserError, match="no chance level"):
        shares_around_chance(scores, None)

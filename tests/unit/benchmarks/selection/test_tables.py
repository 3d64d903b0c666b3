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
"""Tables and picture of the selection suite."""

from __future__ import annotations

from benchmarks.selection.tables import draw_truth, null_table, summary_table, training_table, truth_table

TRUTH = [
    {"law": law, "selector": selector, "relevant": [4, 2], "precision": precision, "auc": [0.9, None],
     "jaccard": [1.0, 0.5], "above_chance": None, "seconds": 2.0}
    for law, selector, precision in (("mix", "good", [1.0, 0.5]), ("mix", "good", [0.5, 0.5]),
                                     ("mix", "bad", [0.0, 0.25]), ("none", "good", [None, None]))
]


def test_truth_is_averaged_over_instances():
    lines = truth_table(TRUTH).splitlines()
    assert "0.750 / 0.500" in lines[2] and "0.900 / -" in lines[2] and "1.00 / 0.50" in lines[2]
    assert "good" in lines[4] and "- / -" in lines[4] and len(lines) == 5


def test_summary_leaves_out_laws_without_relevant_fields_and_sorts():
    lines = summary_table(TRUTH).splitlines()
    assert len(lines) == 4 and "good" in lines[2] and "0.750 / 0.500" in lines[2] and "bad" in lines[3]


def test_training_is_compared_with_all_fields_of_the_same_seed():
    records = [{"set": "adult", "selector": selector, "seed": seed, "mean_auc": auc, "fields": [6, 6]}
               for selector, seed, auc in (("none", 0, 0.80), ("none", 1, 0.82), ("half", 0, 0.81), ("half", 1, 0.84),
                                           ("half", 2, None))]
    lines = training_table(records).splitlines()
    assert "+0.0000" in lines[2] and "+0.0150" in lines[3] and "0.8250" in lines[3] and "6/6" in lines[3]


def test_picture(tmp_path):
    draw_truth(TRUTH, tmp_path / "new" / "truth.png")
    assert (tmp_path / "new" / "truth.png").stat().st_size > 5000
    draw_truth(TRUTH[3:], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_false_fields_are_counted_where_nothing_matters():
    records = [{"selector": "good", "relevant": [0, 0], "above_chance": counts} for counts in ([0, 1], [2, 1], [0, 1])]
    records += [{"selector": "good", "relevant": [3, 0], "above_chance": [9, 9]},
                {"selector": "blind", "relevant": [0, 0], "above_chance": None}]
    lines = null_table(records).splitlines()
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]] == [
        ["good", "1", "3", "0.667 ± 0.667", "0.333"], ["good", "2", "3", "1.000 ± 0.000", "1.000"]]
    assert null_table(records[3:]) == ""

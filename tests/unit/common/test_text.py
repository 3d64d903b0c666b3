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
"""Names of fields and tasks are the user's: what shows them must not be changed by them."""

import pytest

from src.common.text import csv_cell, markdown_cell, visible
from src.report.tables import comparison_table, markdown_table, selection_table
from tests.helpers import make_schema, make_selection


def test_letters_that_act_on_others_are_spelt_out():
    assert visible("a\u202eb\x1b[31m\nc\ud800 ö 中") == "a\\u202eb\\u001b[31m\\u000ac\\ud800 ö 中"
    assert visible("नि\u200dष") == "नि\u200dष"  # a joiner is spelling
    schema = make_schema(2)
    selection = make_selection(schema, {"t\u202e0": ["f0"], "t1": ["f\x1b1"]})
    assert selection_table(selection) == "  t\\u202e0: 1 of 6 fields: f0\n  t1: 1 of 6 fields: f\\u001b1"


def test_a_name_is_one_markdown_cell_and_no_html():
    assert markdown_cell("<u>t</u>|\"") == "&lt;u>t&lt;/u>\\|\""
    header = markdown_table(["<b>|"], [["a\nb"]]).splitlines()
    assert header == ["| &lt;b>\\| |", "| -------- |", "| a\\u000ab |"]


@pytest.mark.parametrize("text, cell", [
    ("=2+3", "'=2+3"), ("@x", "'@x"), ("+cmd", "'+cmd"), ("-a", "'-a"), ("-0.5", "-0.5"), ("+1.2e-3", "+1.2e-3"),
    ("click", "click"), ("\t=1", "\\u0009=1")])
def test_no_name_is_a_formula(text, cell):
    assert csv_cell(text) == cell


def test_a_task_called_mean_does_not_share_a_heading():
    metrics = {"input_fields": {"mean": 1}, "parameters": 2, "train_rows_per_second": None, "mean_auc": 0.5,
               "test": {"mean": {"auc": 0.5, "logloss": 0.6}}}
    headings = [cell.strip() for cell in comparison_table([("a", metrics)]).splitlines()[0].strip("|").split("|")]
    assert len(set(headings)) == len(headings) == 7 and headings[-1] == "AUC, mean of tasks"

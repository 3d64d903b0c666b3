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
"""Rules of labels: true and false, numbers, texts, combinations; anything else is refused with what is allowed."""

import polars as pl
import pytest

from src.common.errors import UserError
from src.data.description.options import TaskSpec
from src.data.description.rules import parse_rule
from src.data.encoding.labels import make_labels
from src.schema import UNKNOWN

TABLE = pl.DataFrame({
    "tf": ["True", "false", "TRUE"], "flag": [True, False, True], "fl": [0.0, 1.0, 0.0], "pm": ["-1", "1", "1.0"],
    "yn": ["yes", "no", " yes "], "inc": ["<=50K", ">50K", "NA"], "code": ["01", "1", "2"], "q": [0.7, 0.6, 0.1],
    "pros and cons": [1, 5, 3], "half": [0.5, 1, 0], "kind": ["and", "or", "x or y"],
}).with_columns(pl.col("q").cast(pl.Float32))


def _labels(rule, table=TABLE, **more):
    return make_labels(table, [TaskSpec("t", rule)], 0, **more)[:, 0].tolist()


@pytest.mark.parametrize(("rule", "labels"), [
    ("tf", [1, 0, 1]), ("flag", [1, 0, 1]), ("fl", [0, 1, 0]), ("fl == 0", [1, 0, 1]), ("tf == true", [1, 0, 1]),
    ("pm == 1", [0, 1, 1]), ("pm != 1", [1, 0, 0]), ("pm > 0", [0, 1, 1]), ("yn == yes", [1, 0, 1]),
    ("yn != 'yes'", [0, 1, 0]),
    ('code == "01"', [1, 0, 0]), ("q >= 0.7", [1, 0, 0]), ("q<0.65", [0, 1, 1]), ("pros and cons >= 3", [0, 1, 1]),
    ("pm >= 1 and fl > 0", [0, 1, 0]), ("pm >= 1 AND tf == true and q < 0.5", [0, 0, 1]),
    ("fl > 0 or q >= 0.7", [1, 1, 0]),
    ("pm in [1, 7]", [0, 1, 1]), ("kind in ['and', \"x or y\"]", [1, 0, 1]), ("pm in [-1] or fl == 1", [1, 1, 0]),
    ("code IN [01, 2]", [1, 0, 1]),
    ("kind == 'x or y'", [0, 0, 1]), ("kind == 'and' or fl == 1", [1, 1, 0]),
])
def test_rules(rule, labels):
    assert _labels(rule) == labels


@pytest.mark.parametrize("rule", ["inc == >50K", "inc == '>50K'", 'inc == ">50K"'])
def test_a_text_may_look_like_an_operator_and_missing_is_no_label(rule):
    assert _labels(rule, TABLE[:2]) == [0, 1]
    assert _labels(rule, missing=("",)) == [0, 1, 0]
    with pytest.raises(UserError, match="'inc' of task 't' holds 'NA' in data row 3; expected a text in every row"):
        _labels(rule)


@pytest.mark.parametrize(("rule", "message"), [
    ("yn", "'yn' of task 't' holds 'yes' in data row 1; expected 0 or 1 in every row; .* such as \"yn == yes\""),
    ("pm", "'pm' of task 't' holds '-1' in data row 1; expected 0 or 1 .* such as \"pm == 1\""),
    ("half", "'half' of task 't' holds 0.5 in data row 1; expected 0 or 1"),
    ("yn >= 1", "'yn' of task 't' holds 'yes' in data row 1; expected a number in every row"),
    ("yn == 1", "expected a number in every row; .* such as \"yn == '1'\""),
])
def test_cells_that_are_no_label_are_named_with_what_would_help(rule, message):
    with pytest.raises(UserError, match=message):
        _labels(rule)


@pytest.mark.parametrize("column", [pl.Series("x", [[1]]), pl.Series("x", [{"a": 1}]), pl.Series("x", [b"\xff"])])
def test_columns_of_other_types_are_refused_by_name(column):
    for rule in ("x", "x >= 1", "x == a"):
        with pytest.raises(UserError, match="column 'x' has the type"):
            _labels(rule, pl.DataFrame(column))


@pytest.mark.parametrize(("rule", "message"), [
    ("pm >= 1 and fl > 0 or q > 1", "mixes `and` with `or`"), ("4 <= pm", "<= needs a number to its right"),
    ("yn > yes", "> needs a number"), ("yn == 'yes", "a quote that is not closed"), ("pm >=", ">= needs a number"),
    ("pm in []", "`in` needs values"),
])
def test_invalid_rules_are_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        parse_rule(rule)


def _partial(task, **more):
    return make_labels(TABLE, [task], 0, **more)[:, 0].tolist()


@pytest.mark.parametrize(("where", "labels"), [
    ("pm == 1", [UNKNOWN, 1, 0]), ("inc == '>50K'", [UNKNOWN, 1, UNKNOWN]), ("inc != '>50K'", [0, UNKNOWN, UNKNOWN]),
    ("q < 0.65 and tf == true", [UNKNOWN, UNKNOWN, 0]), ("kind in [and, or]", [0, 1, UNKNOWN]),
])
def test_where_says_which_rows_have_a_label(where, labels):
    """A missing cell, as the third of inc, says of no row that it has."""
    assert _partial(TaskSpec("t", "fl", where=where)) == labels


def test_rows_without_a_label_may_hold_anything_in_its_column():
    assert _partial(TaskSpec("t", "yn == no", where="pm == 1")) == [UNKNOWN, 1, 0]
    assert _partial(TaskSpec("t", "half", where="fl == 1")) == [UNKNOWN, 1, UNKNOWN]
    with pytest.raises(UserError, match="'half' of task 't' holds 0.5 in data row 1; expected 0 or 1"):
        _partial(TaskSpec("t", "half", where="fl == 0"))


def test_a_missing_label_is_refused_unless_the_task_masks_it():
    with pytest.raises(UserError, match="'inc' of task 't' holds 'NA' in data row 3.*give the task missing: masked"):
        _partial(TaskSpec("t", "inc == '>50K'"))
    assert _partial(TaskSpec("t", "inc == '>50K'", "masked")) == [0, 1, UNKNOWN]
    assert _partial(TaskSpec("t", "inc == NA", "masked")) == [0, 0, 1]  # a text that is named is a label
    assert _partial(TaskSpec("t", "pm > 0", "masked"), missing=("-1",)) == [UNKNOWN, 1, 1]
    assert _partial(TaskSpec("t", "fl", "masked"), missing=("0",)) == [0, 1, 0]
    with pytest.raises(UserError, match="'yn' of task 't' holds 'yes' in data row 1; expected a number"):
        _partial(TaskSpec("t", "yn > 1", "masked"))  # no number, but not missing either


def test_a_cell_of_where_that_cannot_be_compared_is_named():
    with pytest.raises(UserError, match="where column 'yn' of task 't' holds 'yes' in data row 1; expected a number"):
        _partial(TaskSpec("t", "fl", where="yn > 1"))

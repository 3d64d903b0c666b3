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
"""Plain data into typed objects: what does not fit is one line that names its place and what is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, Optional

import pytest

from src.common.errors import UserError
from src.common.typed import AtLeast2, NoRepeats, NotEmpty, Number, Text, parse
from src.schema import Selection


@dataclass(frozen=True)
class Column:
    name: Text
    kind: Literal["text", "number"] = "text"
    buckets: Optional[AtLeast2] = None


@dataclass(frozen=True)
class Table:
    columns: Annotated[tuple[Column, ...], NotEmpty, NoRepeats]
    weights: Mapping[str, Number] = field(default_factory=dict)


def test_mappings_become_objects_and_null_is_allowed_where_it_is_said():
    table = parse(Table, {"columns": [{"name": "a", "buckets": None}, {"name": "b", "kind": "number"}],
                          "weights": {"a": 1}}, "t.yaml")
    assert table == Table((Column("a"), Column("b", "number")), {"a": 1.0})


@pytest.mark.parametrize(("value", "message"), [
    ({}, "t.yaml has no key 'columns'"),
    ([], "t.yaml is []; expected a mapping that describes a Table"),
    ({"columns": {}}, "columns of t.yaml is {}; expected a list"),
    ({"columns": []}, "columns of t.yaml is empty; expected at least one entry"),
    ({"columns": [{"name": "a"}, {"name": "a"}]}, "columns of t.yaml has 'a' twice; expected every name once"),
    ({"columns": [{"name": "a", "kind": "numbr"}]},
     "kind of column 'a' of t.yaml is 'numbr'; expected one of text, number; did you mean number?"),
    ({"columns": [{"name": "a", "buckets": True}]}, "buckets of column 'a' of t.yaml is True; expected a whole number"),
    ({"columns": [{"name": "a", "buckets": 1}]}, "buckets of column 'a' of t.yaml is 1; expected at least 2"),
    ({"columns": [{"kind": "text"}]}, "item 1 of columns of t.yaml has no key 'name'"),
    ({"columns": [{"name": False}]},
     "name of item 1 of columns of t.yaml is False; expected a text: write it in quotes"),
    ({"columns": ["a"], "weights": {"a": "1"}},
     "column 'a' of t.yaml is 'a'; expected a mapping that describes a Column"),
    ({"columns": [{"name": "a"}], "weights": {"a": "1"}}, "a of weights of t.yaml is '1'; expected a number"),
])
def test_the_first_thing_that_does_not_fit_is_named(value, message):
    with pytest.raises(UserError) as error:
        parse(Table, value, "t.yaml")
    assert str(error.value) == message


def test_long_values_are_cut():
    with pytest.raises(UserError) as error:
        parse(Table, {"columns": "x" * 10_000}, "t.yaml", "make it again")
    assert len(str(error.value)) < 200
    assert str(error.value).startswith("t.yaml is damaged: columns is 'xxx")
    assert str(error.value).endswith("; make it again")


SELECTION = {"selector": "chi2", "backbone": "mmoe", "seed": 1, "tasks": ["click"], "fields": ["a", "b"],
             "selected": {"click": ["b"]}, "shared": [], "scores": {"click": {"a": 0, "b": 0.5}}}


@pytest.mark.parametrize(("change", "message"), [
    ({"seed": "1"}, "seed is '1'; expected a whole number"),
    ({"tasks": "click"}, "tasks is 'click'; expected a list"),
    ({"tasks": ["click", "click"]}, "tasks has 'click' twice"),
    ({"tasks": ["clik"]}, "task 'clik' is not in selected of s.json; it has click; did you mean click"),
    ({"selected": {"click": ["c"]}}, "field 'c' is not in s.json; it has a, b"),
    ({"scores": {"like": {"a": 1.0}}}, "task 'click' is not in scores of s.json"),
    ({"scores": {"click": {"a": None}}}, "a of click of scores is None; expected a number"),
    ({"relations": {"a": [1]}}, "item 1 of a of relations is 1; expected a list"),
    ({"settings": 3}, "settings is 3; expected a mapping"),
])
def test_nonsense_in_a_selection_is_named(change, message):
    assert Selection.from_json(SELECTION).k == {"click": 1}
    with pytest.raises(UserError, match=message):
        Selection.from_json({**SELECTION, **change}, "s.json")

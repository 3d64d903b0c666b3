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
"""Which fields reach which path."""

import dataclasses

import pytest

from src.common.errors import UserError
from src.models import plan_inputs, traits_of
from src.schema import Task
from tests.helpers import make_schema, make_selection

SCHEMA = make_schema(2)
KEPT = {"t0": ("f4", "f1"), "t1": ("f2", "f1")}


def test_columns_are_those_that_some_path_reads_in_field_order():
    plan = plan_inputs("ple", SCHEMA, ["t0", "t1"], make_selection(SCHEMA, KEPT, ("f1",)))
    assert plan.columns == (1, 2, 4)
    assert plan.paths == ((0, 2), (0, 1), (0,))
    assert plan.cardinalities == (3, 9, 7) and plan.offsets == [0, 3, 12] and plan.table_rows == 19


def test_private_tables_give_every_task_slots_of_its_own():
    plan = plan_inputs("single_task", SCHEMA, ["t0", "t1"], make_selection(SCHEMA, KEPT))
    assert plan.columns == (1, 2, 4) and plan.slots == (0, 2, 0, 1)
    assert plan.paths == ((0, 1), (2, 3)) and plan.cardinalities == (3, 7, 3, 9)


def test_backbones_without_task_paths_read_the_shared_fields_only():
    plan = plan_inputs("mmoe", SCHEMA, ["t0", "t1"], make_selection(SCHEMA, KEPT, ("f1", "f2", "f4")))
    assert plan.paths == ((0, 1, 2),)


@pytest.mark.parametrize("backbone, tasks, message", [
    ("mmo", 2, "did you mean mmoe"), ("esmm", 1, "at least 2 tasks"), ("aitm", 1, "at least 2 tasks"),
])
def test_backbones_that_cannot_be_built(backbone, tasks, message):
    with pytest.raises(UserError, match=message):
        traits_of(backbone, tasks)


def test_a_path_without_fields_is_refused():
    with pytest.raises(UserError, match="shared path"):
        plan_inputs("mmoe", SCHEMA, ["t0", "t1"], make_selection(SCHEMA, KEPT, ()))
    with pytest.raises(UserError, match="no task 't1'"):
        plan_inputs("aitm", SCHEMA, ["t0", "t1"], make_selection(SCHEMA, {"t0": ("f1",)}))


def test_esmm_needs_labels_of_all_rows():
    tasks = (Task("click", {"train": 0.5}), Task("buy", {"train": 0.5}, {"train": 3, "valid": 1, "test": 1}))
    schema = dataclasses.replace(SCHEMA, tasks=tasks)
    with pytest.raises(UserError, match="backbone esmm predicts .* labels of buy are known for some rows only"):
        plan_inputs("esmm", schema, ["click", "buy"])
    assert plan_inputs("aitm", schema, ["click", "buy"]).paths

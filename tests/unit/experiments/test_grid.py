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
"""Which runs a grid is made of."""

import json

import pytest

from src.errors import UserError
from src.experiments import Grid, read_plan
from src.selection.registry import SELECTORS


@pytest.fixture
def plan(tmp_path):
    return read_plan(tmp_path)


def test_every_method_and_data_set_of_the_plan_is_a_run(plan, tmp_path):
    assert {how.get("selector", name) for name, how in plan.methods.items()} == {*SELECTORS, "none"}
    for dataset in plan.datasets:
        for method in plan.methods:
            config = plan.cell(dataset, "mmoe", method, "0.5", 1).config(tmp_path)  # refuses unknown settings
            assert config.data_path == tmp_path / dataset
            assert (config.epochs, config.patience) == (8, 2)


def test_experiments_have_their_seeds_and_methods(plan):
    grid = plan.experiment("table3", ["movielens", "adult"])
    cells = plan.cells(grid)
    assert len(cells) == 2 * 10 * len(grid.methods)
    assert len({cell.name for cell in cells}) == len(cells)
    assert {cell.seed for cell in cells} == set(range(1, 11))


def test_all_fields_are_one_run_at_every_ratio(plan):
    cells = plan.cells(Grid(("adult",), ("none", "chi2"), keep_ratios=("0.5", "0.50", "0.7"), seeds=1))
    assert [cell.name for cell in cells] == ["adult-mmoe-none-k1-s1", "adult-mmoe-chi2-k0.5-s1",
                                            "adult-mmoe-chi2-k0.7-s1"]


def test_experiments_share_their_runs(plan):
    table3 = set(plan.cells(plan.experiment("table3", ["adult"])))
    assert set(plan.cells(plan.experiment("table5", ["adult"]))) < table3


def test_a_second_task_setting_of_figure3(plan):
    assert plan.experiment("figure3", ["movielens"]).datasets == ("movielens", "movielens_dislike")
    assert plan.experiment("figure3", ["adult"]).datasets == ("adult",)


def test_backbones_that_do_not_suit_a_data_set_are_left_out(plan):
    assert {cell.backbone for cell in plan.cells(plan.experiment("table4", ["adult"]))} == {"mmoe", "ple", "aitm"}


def test_tasks_are_part_of_a_name_and_of_the_settings(plan, tmp_path):
    cell, = plan.cells(Grid(("movielens",), ("none",), seeds=1, tasks=("love,like",)))
    assert cell.name == "movielens-love+like-mmoe-none-k1-s1"
    assert cell.config(tmp_path).task_list == ["love", "like"]


def test_seeds_by_number_and_by_name(plan):
    def of(seeds):
        return [cell.seed for cell in plan.cells(Grid(("adult",), ("none",), seeds=seeds))]

    assert of(3) == [1, 2, 3] and of((7, 9)) == [7, 9]


def test_selectors_have_their_own_names_too(plan):
    assert plan.checked(Grid(("adult",), ("multisfs", "mssm"))).methods == ("multisfs-calibrated", "mssm")


def test_learned_masks_in_the_network_keep_all_fields(plan):
    cells = plan.cells(Grid(("adult",), ("mssm", "mssm-end-to-end", "none"), seeds=1))
    assert [cell.keep for cell in cells] == ["0.5", "1", "1"] and "end_to_end=true" in cells[1].arguments


def test_settings_of_the_user_come_last(plan, tmp_path):
    cell, = plan.cells(Grid(("adult",), ("none",), seeds=1, settings=("epochs=3",)))
    assert cell.config(tmp_path).epochs == 3


@pytest.mark.parametrize("axis, value, message", [
    ("methods", ("multisf",), "method 'multisf' is unknown; .*did you mean"),
    ("backbones", ("mmo",), "backbone 'mmo' is unknown; .*did you mean mmoe"),
    ("keep_ratios", ("1.5",), "keep_ratio is '1.5'; expected auto or a number above 0"),
    ("keep_ratios", ("half",), "keep_ratio is 'half'"),
    ("datasets", ("adlt",), "data set 'adlt' is not known .*did you mean adult"),
])
def test_unknown_values_are_named(plan, axis, value, message):
    with pytest.raises(UserError, match=message):
        plan.checked(Grid(**{"datasets": ("adult",), "methods": ("none",), axis: value}))
    with pytest.raises(UserError, match="experiment 'table2' is unknown"):
        plan.experiment("table2", ["adult"])


def test_a_prepared_data_set_of_the_user_needs_no_entry(plan, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "schema.json").write_text(json.dumps({}))
    assert plan.checked(Grid(("mine",), ("none",))).datasets == ("mine",)

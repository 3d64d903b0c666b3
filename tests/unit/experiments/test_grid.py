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

from src.common.errors import UserError
from src.experiments import Grid, read_plan
from src.selection.registry import SELECTORS

PAPERS = ("kuairand", "tenrec", "aliccp")


@pytest.fixture
def plan(tmp_path):
    return read_plan(tmp_path)


def test_every_method_and_data_set_of_the_plan_is_a_run(plan, tmp_path):
    assert {how.get("selector", name) for name, how in plan.methods.items()} == {*SELECTORS, "none"}
    for dataset in plan.datasets:
        for method in plan.methods:
            config = plan.cell(dataset, "mmoe", method, "0.5", 1).config(tmp_path)  # refuses unknown settings
            assert config.data_path == tmp_path / dataset and config.relations == "shared"
            assert (config.epochs, config.patience) == ((50, 5) if dataset in PAPERS else (8, 2))


@pytest.mark.parametrize("dataset, dim", [("kuairand", 64), ("tenrec", 64), ("aliccp", 32)])
def test_the_papers_data_sets_have_the_papers_settings_and_seeds(plan, tmp_path, dataset, dim):
    cells = plan.cells(plan.experiment("table3", [dataset]))
    assert {cell.seed for cell in cells} == set(range(1, 11))
    for cell in cells[:80]:
        config = cell.config(tmp_path)
        assert (config.embedding_dim, config.bottom_dims, config.batch_size) == (dim, (512, 256), 2048)
        assert config.experts == (4 if cell.backbone == "mmoe" else 8)
        assert config.task_list == (["ctr", "cvr"] if dataset == "aliccp" else ["click", "like"])


def test_experiments_are_the_papers_by_number(plan):
    """Section 4: the rows, backbones and task settings of every table and figure."""
    four, paper = ("mmoe", "ple", "esmm", "aitm"), "multisfs-paper"
    assert list(plan.experiments) == ["table1", "table2", "table3", "table4", "table5", "figure2", "figure3"]
    grids = {name: plan.experiment(name, ["kuairand"]) for name in plan.experiments}
    assert [grids[name].backbones for name in ("table1", "table3", "table4", "table5")] == [four] * 4
    assert set(grids["figure3"].backbones) == {"aitm", "ple"}
    assert grids["table1"].methods == ("single_task", "none", paper)
    rows = [method for method in grids["table3"].methods if method not in grids["table3"].ours]
    assert rows == ["none", "chi2", "lasso", "autofield", "mssm-end-to-end", "cfs-end-to-end", paper]
    assert grids["table4"].methods == ("single_task", "none", "cfs-end-to-end", paper)
    assert grids["table4"].where == [("kuairand", "click,hate"), ("kuairand", "click,like,comment")]
    assert grids["figure3"].where == [("kuairand", "click,like"), ("kuairand", "click,hate")]
    assert grids["figure3"].keep_ratios == ("0.5", "0.6", "0.7", "0.8", "0.9")
    assert len(plan.cells(grids["table1"])) == 10 * (1 + 4 * 2) and len(plan.cells(grids["table4"])) == 2 * 10 * 13


def test_small_data_sets_have_fewer_seeds_unless_given(plan):
    grid = plan.experiment("table3", ["movielens", "adult"])
    cells = plan.cells(grid)
    assert len(cells) == 2 * 3 * 4 * len(grid.methods) and len({cell.name for cell in cells}) == len(cells)
    assert {cell.seed for cell in plan.cells(plan.experiment("table3", ["adult"], seeds=5))} == {1, 2, 3, 4, 5}


def test_all_fields_are_one_run_at_every_ratio(plan):
    cells = plan.cells(Grid(("adult",), ("none", "chi2"), keep_ratios=("0.5", "0.50", "0.7"), seeds=1))
    assert [cell.name for cell in cells] == ["adult-mmoe-none-k1-s1", "adult-mmoe-chi2-k0.5-s1",
                                            "adult-mmoe-chi2-k0.7-s1"]


def test_experiments_share_their_runs(plan):
    table3 = set(plan.cells(plan.experiment("table3", ["adult"])))
    assert set(plan.cells(plan.experiment("table5", ["adult"]))) < table3


def test_task_settings_that_a_data_set_does_not_have_are_left_out(plan):
    assert plan.experiment("figure3", ["movielens"]).where == [("movielens", "auto"), ("movielens_dislike", "auto")]
    assert plan.experiment("figure3", ["adult"]).where == [("adult", "auto")]
    assert plan.experiment("table4", ["adult"]).where == [("adult", "auto")]
    assert plan.cells(plan.experiment("table4", ["simulate_three"])) == []
    assert plan.experiment("table4", ["adult"], tasks=("income",)).where == [("adult", "income")]


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
    with pytest.raises(UserError, match="experiment 'table6' is unknown"):
        plan.experiment("table6", ["adult"])


def test_a_prepared_data_set_of_the_user_needs_no_entry(plan, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "schema.json").write_text(json.dumps({}))
    assert plan.checked(Grid(("mine",), ("none",))).datasets == ("mine",)

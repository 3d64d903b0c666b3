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
"""The simulation is as truth.json says: fields it calls relevant matter, fields it calls noise do not."""

import json
from functools import partial

import numpy as np
import pytest

from src.common.errors import UserError
from src.data import prepare
from src.data.simulation.columns import BY_NAME, COLUMNS
from src.data.simulation.generate import Simulation
from src.data.simulation.laws import LAWS, draw_plan

ROWS = 30_000
CONSTANT = {column.name for column in COLUMNS if column.size == 1}


def _simulate(folder, law, rows=ROWS, seed=3, **more):
    overrides = {"law": law, "rows": rows, "seed": seed, **more}
    data = prepare("simulate", folder / f"raw-{law}", folder / f"set-{law}", overrides=overrides)
    return data, json.loads((data.path / "truth.json").read_text())


def _energy(ids, labels, size):
    """Between-value energy of the centred label, in standard deviations of pure chance."""
    residual = labels - labels.mean()
    count = np.bincount(ids, minlength=size)
    total = np.bincount(ids, residual, minlength=size)
    variance = residual.var()
    pairs = np.sqrt(2.0 * np.sum(count * (count - 1.0)))
    return ((total ** 2).sum() - (residual ** 2).sum()) / (variance * max(pairs, 1.0))


def _energies(data, task):
    ids, labels = data.split("train").read(0, ROWS)
    column = labels[:, data.schema.task_names.index(task)].astype(float)
    return {field.name: _energy(ids[:, place], column, field.cardinality)
            for place, field in enumerate(data.schema.fields)}


@pytest.mark.parametrize("law", sorted(LAWS))
def test_every_law_gives_its_tasks_rates_and_ceiling(tmp_path, law):
    data, truth = _simulate(tmp_path, law, rows=5_000)
    assert data.schema.task_names == list(truth["positive_rate"])
    assert len(data.schema.fields) == 41
    for task, rate in zip(data.schema.task_names, LAWS[law].rates):
        assert truth["positive_rate"][task] == pytest.approx(rate, abs=4 * np.sqrt(rate / 5_000) + 0.01)
    if law == "none":
        assert truth["click"] == truth["like"] == []
        assert truth["ceiling_auc"]["click"] == pytest.approx(0.5, abs=0.03)
    else:
        assert truth["ceiling_auc"]["click"] > 0.65


def test_main_effects_show_and_noise_does_not(tmp_path):
    data, truth = _simulate(tmp_path, "additive")
    energies = _energies(data, "click")
    strong = [name for name in truth["click"] if BY_NAME[name].size <= 100]
    assert len(strong) >= 4 and min(energies[name] for name in strong) > 5
    assert max(energies[name] for name in truth["noise"] if name not in CONSTANT) < 5


def test_pairs_show_only_as_pairs(tmp_path):
    data, truth = _simulate(tmp_path, "pairwise")
    energies = _energies(data, "click")
    ids, labels = data.split("train").read(0, ROWS)
    names = data.schema.field_names
    for first, second in truth["pairs"]["click"]:
        assert energies[first] < 5 and energies[second] < 5
        size = data.schema.cardinalities[names.index(second)]
        crossed = ids[:, names.index(first)] * size + ids[:, names.index(second)]
        assert _energy(crossed, labels[:, 0].astype(float), int(crossed.max()) + 1) > 5


def test_copies_follow_their_originals(tmp_path):
    data, truth = _simulate(tmp_path, "copies")
    assert len(truth["copies"]) >= 6
    ids = data.split("train").read(0, ROWS)[0]
    names = data.schema.field_names
    for copy, original in truth["copies"].items():
        own, source = ids[:, names.index(copy)], ids[:, names.index(original)]
        table = np.zeros((source.max() + 1, own.max() + 1))
        np.add.at(table, (source, own), 1)
        # 5% of the rows are redrawn; a bucket's edge may cut a number's level, which costs some more.
        assert table.max(axis=1).sum() / len(own) > 0.8, (copy, original)


def test_opposed_effects_cancel_over_the_tasks():
    plan = draw_plan("opposed", 1)
    assert len(set(plan.mains["click"]) & set(plan.mains["like"])) == 8


def test_agreeing_effects_are_the_same_in_every_task():
    plan = draw_plan("rare_agreeing", 1)
    simulation = Simulation(plan, 4000, 4000, True, 1)
    effects = [{tuple(names): table for names, table in simulation._effects[task]} for task in plan.tasks]
    shared = [names for names in effects[0] if len(names) == 1 and names in effects[1]]
    assert len(shared) == 6
    for names in shared:
        np.testing.assert_array_equal(effects[0][names], effects[1][names])


def test_plans_are_disjoint_and_depend_on_the_seed():
    names = [column.name for column in COLUMNS]
    for law in LAWS:
        plan = draw_plan(law, 5)
        assert plan == draw_plan(law, 5)
        for task in plan.tasks:
            acting = plan.relevant(task)
            assert set(acting) <= set(names) - CONSTANT
            assert not set(acting) & set(plan.copies)
    assert draw_plan("mix", 1).mains != draw_plan("mix", 2).mains


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        _simulate(tmp_path / name, "mix", rows=2_000)
    first, second = (sorted((tmp_path / name / "raw-mix").iterdir()) for name in ("a", "b"))
    assert len(first) == 6
    for one, other in zip(first, second):
        assert one.read_bytes() == other.read_bytes()
    schemas = [(tmp_path / name / "set-mix" / "schema.json").read_bytes() for name in ("a", "b")]
    assert schemas[0] == schemas[1]


def test_real_entities_keep_their_numbers(tmp_path):
    data, _ = _simulate(tmp_path, "mix", rows=2_000, entities="real")
    steps = {step["step"]: step["rows"] for step in data.schema.steps}
    assert steps["users"] == 27_285 and steps["videos"] == 7_583


def test_wrong_options_are_refused_and_nothing_is_overwritten(tmp_path):
    for overrides, message in (({"law": "mixx"}, "did you mean mix"), ({"rows": 5}, "at least 100"),
                               ({"entities": "none"}, "auto, unique or real")):
        with pytest.raises(UserError, match=message):
            prepare("simulate", tmp_path / "raw", tmp_path / "set", overrides=overrides)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="other files"):
        prepare("simulate", tmp_path / "mine", tmp_path / "set")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_another_simulation_is_not_replaced_and_links_stay(tmp_path):
    (tmp_path / "big").mkdir()
    (tmp_path / "raw").symlink_to(tmp_path / "big")
    make = partial(prepare, "simulate", tmp_path / "raw", tmp_path / "set", overwrite=True)
    make(overrides={"rows": 200})
    before = {path.name: path.read_bytes() for path in (tmp_path / "big").iterdir()}
    with pytest.raises(UserError, match="holds another simulation .*'rows': 200.*'rows': 300"):
        make(overrides={"rows": 300})
    assert {path.name: path.read_bytes() for path in (tmp_path / "big").iterdir()} == before
    (tmp_path / "big" / ".simulating").mkdir()  # what a kill leaves while files are being moved
    (tmp_path / "big" / "truth.json").unlink()
    make(overrides={"rows": 200})
    assert {path.name: path.read_bytes() for path in (tmp_path / "big").iterdir()} == before
    assert (tmp_path / "raw").is_symlink()

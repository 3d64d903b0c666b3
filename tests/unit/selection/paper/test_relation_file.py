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
"""relations.json: learned once, read by all, and refused where it does not fit."""

import json

import numpy as np
import pytest

from src.common.errors import UserError
from src.selection.multisfs import MultiSFS
from src.selection.paper import relation_file
from src.selection.paper.relation_file import field_relations, read_relations, shared_path, write_relations
from src.selection.registry import check_request
from src.settings import load_settings
from tests.helpers import toy_data

SMALL = ["embedding_dim=4", "bottom_dims=8", "tower_dims=8", "experts=2", "batch_size=64", "relation_epochs=2",
         "progress=false", "score=paper", "score_batches=1"]


def config_of(tmp_path, *changes):
    return load_settings([*SMALL, "relations=shared", f"output_dir={tmp_path}", *changes])


@pytest.fixture
def data(eager):
    return toy_data(200)


@pytest.fixture
def path(data, tmp_path):
    """A relations.json that nobody learned, where relations=shared looks for it."""
    config, found = config_of(tmp_path), np.random.default_rng(0).uniform(-1, 1, (6, 2, 2))
    path = shared_path(data, ["t0", "t1"], config)
    path.parent.mkdir()
    write_relations(path, data, ["t0", "t1"], config, found, 1.5)
    return path


def test_shared_relations_are_learned_once_for_all_backbones(data, tmp_path, monkeypatch):
    calls = []
    learn = relation_file.learn_relations
    monkeypatch.setattr(relation_file, "learn_relations", lambda *given: calls.append(1) or learn(*given))
    first, second = (MultiSFS(config_of(tmp_path, f"backbone={name}")).fit(data, ["t0", "t1"])
                     for name in ("mmoe", "single_task"))
    assert len(calls) == 1
    np.testing.assert_array_equal(first.relations_, second.relations_)
    assert first.seconds_["relation_learning"] == second.seconds_["relation_learning"] > 0
    alone = field_relations(data, ["t0", "t1"], config_of(tmp_path, "relations=learn"))[0]
    np.testing.assert_array_equal(alone, first.relations_)
    assert field_relations(data, ["t0", "t1"], config_of(tmp_path, "seed=2"))[0].tolist() != alone.tolist()


def test_a_file_serves_tasks_in_another_order(data, path, tmp_path):
    given, seconds = field_relations(data, ["t0", "t1"], config_of(tmp_path))
    np.testing.assert_array_equal(given, np.random.default_rng(0).uniform(-1, 1, (6, 2, 2)))
    np.testing.assert_array_equal(read_relations(path, data, ["t1", "t0"])[0], given[:, ::-1, ::-1])
    assert seconds == 1.5 and path == tmp_path / "relations" / "toy-5eed-t0+t1-d4-s42.json"


def test_what_a_file_must_fit(data, path, tmp_path):
    with pytest.raises(UserError, match="learned from other data: rows 200, here 90"):
        read_relations(path, toy_data(90), ["t0", "t1"])
    with pytest.raises(UserError, match="other data: tasks t1 .*, here None"):
        read_relations(path, data, ["t0"])
    with pytest.raises(UserError, match="other settings: settings relation_epochs 2, here 3; give another output_dir"):
        field_relations(data, ["t0", "t1"], config_of(tmp_path, "relation_epochs=3"))
    with pytest.raises(UserError, match="does not exist"):
        check_request(data, ["t0", "t1"], config_of(tmp_path, f"relations={tmp_path / 'no.json'}"))
    with pytest.raises(UserError, match="this run merges no scores along learned relations"):
        check_request(data, ["t0", "t1"], config_of(tmp_path, f"relations={path}", "relation=none"))
    check_request(data, ["t0", "t1"], config_of(tmp_path, f"relations={path}"))


@pytest.mark.parametrize("change, message", [
    (lambda value: value.pop("relations"), "is no relations.json .KeyError 'relations'"),
    (lambda value: value["relations"].pop("f3"), "is no relations.json .KeyError 'f3'"),
    (lambda value: value["relations"].update(f3=[[1.0]]), "is no relations.json"),
    (lambda value: value["relations"].update(f3=[[1.0, 7.0], [7.0, 1.0]]), "damaged: expected numbers from -1 to 1"),
    (lambda value: value.update(tasks=["t0", "t1"]), "learned from other data: tasks"),
])
def test_a_damaged_file_is_one_line(data, path, tmp_path, change, message):
    value = json.loads(path.read_text())
    change(value)
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(value))
    with pytest.raises(UserError, match=message) as caught:
        read_relations(edited, data, ["t0", "t1"])
    assert "\n" not in str(caught.value)

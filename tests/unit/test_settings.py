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
"""Settings: where they come from, and what is refused."""

import dataclasses

import pytest

from src.errors import UserError
from src.settings import Settings, defaults, load_settings, usage


def test_command_line_forms_and_types():
    config = load_settings(["--batch_size", "64", "bottom_dims=[32,16]", "--tower_dims=8,4", "--learning-rate", "1e-2",
                          "--resume", "--keep_ratio", "auto", "keep_fields=none"])
    assert (config.batch_size, config.bottom_dims, config.tower_dims) == (64, (32, 16), (8, 4))
    assert (config.learning_rate, config.resume, config.keep_ratio, config.keep_fields) == (0.01, True, "auto", "none")


def test_layers_override_in_order(tmp_path):
    assert load_settings([]).embedding_dim == 16  # the movielens preset
    file = tmp_path / "mine.yaml"
    file.write_text("embedding_dim: 24\nseed: 7\ntasks: [like, love]\n")
    config = load_settings(["--config", str(file), "seed=8"])
    assert (config.embedding_dim, config.seed, config.tasks) == (24, 8, "like,love")
    assert config.task_list == ["like", "love"]
    assert load_settings(["dataset=unheard_of"]).embedding_dim == 64  # no preset: the defaults


@pytest.mark.parametrize("argument, message", [
    ("batchsize=3", "did you mean batch_size"),
    ("batch_size=1", "batch_size is 1 .*at least 2"),
    ("batch_size=2.5", "whole number"),
    ("keep_ratio=1.5", "above 0 and at most 1, or auto"),
    ("keep_ratio=0", "above 0"),
    ("backbone=mmo", "did you mean mmoe"),
    ("dropout=1", "below 1"),
    ("learning_rate=nan", "a number"),
    ("learning_rate=.nan", "a number"),
    ("bottom_dims=a,b", "whole number"),
    ("resume=3", "true or false"),
    ("seed=true", "whole number"),
    ("tasks={a: 1}", "mapping"),
    ("nonsense", "not understood"),
])
def test_bad_settings_are_refused_by_name(argument, message):
    with pytest.raises(UserError, match=message):
        load_settings([argument])


def test_a_run_s_settings_with_a_damaged_key():
    with pytest.raises(UserError, match="unknown key 'dat.set' in the run's config.yaml; did you mean dataset"):
        load_settings([], base={"dat.set": "adult"})


def test_bad_files(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        load_settings(["--config", str(tmp_path / "none.yaml")])
    file = tmp_path / "bad.yaml"
    file.write_text("a: [1")
    with pytest.raises(UserError, match="not valid YAML"):
        load_settings(["--config", str(file)])
    file.write_text("- 1\n- 2\n")
    with pytest.raises(UserError, match="not a mapping"):
        load_settings(["--config", str(file)])


def test_config_is_read_only_and_replace_checks():
    config = load_settings([])
    with pytest.raises(AttributeError):
        config.seed = 1
    assert config.replace(seed=1).seed == 1 and config.seed == 42
    with pytest.raises(UserError):
        config.replace(seed=-1)
    with pytest.raises(AttributeError):
        assert config.nonsense


def test_help_lists_every_key():
    assert all(f"--{key} " in usage() for key in load_settings([]).to_dict())


def test_attributes_are_those_of_default_config():
    """The typed attributes and default_config.yaml name the same settings, in the same order and of the same types."""
    fields, values = dataclasses.fields(Settings), defaults()
    assert [field.name for field in fields] == list(values)
    kinds = {"str": str, "bool": bool, "int": int, "float": float, "tuple[int, ...]": list}
    for field in fields:
        assert isinstance(values[field.name], tuple(kinds[kind] for kind in field.type.split(" | "))), field.name

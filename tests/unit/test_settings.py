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
from pathlib import Path

import pytest
import yaml

from src.common.errors import UserError
from src.common.files import read_yaml
from src.settings import Settings, defaults, load_settings, usage


def test_command_line_forms_and_types():
    config = load_settings(["--batch_size", "64", "bottom_dims=[32,16]", "--tower_dims=8,4", "--learning-rate", "1e-2",
                          "--summary", "--keep_ratio", "auto", "keep_fields=none"])
    assert (config.batch_size, config.bottom_dims, config.tower_dims) == (64, (32, 16), (8, 4))
    assert (config.learning_rate, config.summary, config.keep_ratio, config.keep_fields) == (0.01, True, "auto", "none")


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
    ("summary=3", "true or false"),
    ("seed=true", "whole number"),
    ("nonsense", "not understood"),
    ("=3", "not understood"),
    ("seed==3", "seed is '=3'"),
    ("SEED=3", "unknown key 'SEED' .*did you mean seed"),
    ("--run_name", "--run_name has no value"),
    ("run_name=", "run_name is empty"),
    *((f"run_name={name}", "expected one plain folder name")
      for name in (".", "..", "a/b", "/a", "../../x", "a\nb", "x" * 300)),
    ("run_name=h\udcf6me", "expected UTF-8 text"),
    ("dataset=../adult", "expected one plain folder name"),
    ("config=", "config is empty"),
    ("config=/", "is a folder"),
    ("seed=0x10", "seed is '0x10' .*whole number"),
    ("epochs=1:30", "epochs is '1:30'"),
    ("epochs=1e3", "whole number"),
    ("epochs=1_000", "whole number"),
    ("seed=" + "9" * 5000, r"seed is 9+\.\.\. \(5000 characters\)"),
    ("seed=99999999999999999999", "at least 0 and at most 4294967295"),
    ("batch_size=99999999999999999999", "at least 2 and at most 2147483647"),
    ("learning_rate=1e400", "a number above 0"),
    ("learning_rate=1e39", "above 0 and at most 3.4e[+]38"),
    ("seed=2020-13-45", "seed is '2020-13-45'"),
    ("seed=" + "[" * 3000, "seed is"),
    ("bottom_dims=[]", "bottom_dims is '\\[\\]' .*whole numbers such as"),
    ("bottom_dims=8,,4", "bottom_dims is '' "),
    ("keep_fields=click:0", "keep_fields is 0 for task click on the command line; expected a whole number at least 1"),
    ("keep_fields={}", "keep_fields"),
    ("keep_fields=click:1,click:2", "TASK:NUMBER"),
    ("resume=true", "always continues"),
    ("model_name=mmoe", "here it is backbone"),
    ("dataset_path=/x", "here it is data_dir"),
    ("save_dir=x", "here it is output_dir"),
    ("device=CPU", "here it is device_target"),
    ("cr=0.5", "keep_ratio, which is 1 - cr"),
    ("compress_ratio=0.5", "keep_ratio, which is 1 - compress_ratio"),
    ("lr=1", "here it is learning_rate"),
    ("wdecay=1", "here it is weight_decay"),
    ("epoch=1", "here it is epochs"),
    ("bs=1", "here it is batch_size"),
    ("expert_num=4", "here it is experts"),
    ("task_t=1", "here it is tasks, the names of the labels"),
    ("task_num=2", "here it is tasks, the names of the labels"),
])
def test_bad_settings_are_refused_by_name(argument, message):
    with pytest.raises(UserError, match=message) as refused:
        load_settings([argument])
    assert len(str(refused.value)) < 400


TYPED = ("exp #1", "1.10", "007", "1_000", "0x1F", "12:30", "on", "no", "~", "null", "#x", "2020-13-45", "[[[[",
         "{a", "1e3", "'q'")


@pytest.mark.parametrize("text", TYPED)
def test_texts_are_what_was_typed(text, tmp_path):
    for arguments in ([f"run_name={text}"], ["--run_name", text], [f"--run-name={text}"]):
        config = load_settings(arguments)
        assert config.run_name == text
        assert yaml.safe_load(config.to_yaml())["run_name"] == text
        file = tmp_path / "config.yaml"
        file.write_text(config.to_yaml())
        assert load_settings(["--config", str(file)]) == config
        assert load_settings([], base=yaml.safe_load(file.read_text())) == config


@pytest.mark.parametrize("text", [*TYPED[1:10], "2020-13-45", "2020-01-02", "1e3"])
def test_texts_of_a_file_are_what_was_typed(text, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(f"run_name: {text}\nseed: 010\nlearning_rate: 1e-3\nbottom_dims: [32, 016]\nsummary: yes\n")
    config = load_settings(["--config", str(file)])
    assert (config.run_name, config.seed, config.learning_rate) == (text, 10, 0.001)
    assert (config.bottom_dims, config.summary) == ((32, 16), True)


def test_paths():
    home = str(Path.home())
    config = load_settings(["output_dir=~/o", "data_dir=/data/set #2", "--selection", "~/a.json"])
    assert (config.output_dir, config.data_dir, config.selection) == (f"{home}/o", "/data/set #2", f"{home}/a.json")
    config = load_settings(["data_url=/d", "--train_url", "/o"])  # ModelArts' names
    assert (config.data_dir, config.output_dir) == ("/d", "/o")


def test_large_and_small_numbers():
    config = load_settings(["learning_rate=1e30", "weight_decay=1e30", "seed=4294967295", "epochs=010", "tower_dims=[]",
                            "dropout=.5", "patience=3.0"])
    assert (config.learning_rate, config.weight_decay, config.seed) == (1e30, 1e30, 2 ** 32 - 1)
    assert (config.epochs, config.tower_dims, config.dropout, config.patience) == (10, (), 0.5, 3)


def test_fields_to_keep_per_task(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("keep_fields: {click: 20, like: 12}\n")
    expected = {"click": 20, "like": 12}
    for argument in ("keep_fields=click:20,like:12", "keep_fields={click: 20, like: 12}", f"config={file}"):
        config = load_settings([argument])
        assert config.keep_fields == expected
        assert load_settings([], base=yaml.safe_load(config.to_yaml())) == config


def test_flags_and_values_that_begin_with_dashes():
    assert load_settings(["--summary", "seed=3"]).summary and load_settings(["--summary", "--seed", "3"]).seed == 3
    assert not load_settings(["--summary", "false"]).summary
    assert load_settings(["--run_name=--x"]).run_name == "--x"
    with pytest.raises(UserError, match="--run_name=VALUE for one that begins with --"):
        load_settings(["--run_name", "--seed", "3"])
    with pytest.raises(UserError, match="learning_rate is -1 .*above 0"):
        load_settings(["--learning_rate", "-1"])


def test_settings_of_a_run_before_resume_was_removed():
    assert load_settings([], base={"resume": True, "seed": 7}).seed == 7


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
    for text in ("seed: " + "[" * 3000, "!!timestamp 2020-13-45", "a: !!python/object/apply:os.system [ls]"):
        file.write_text(text)
        with pytest.raises(UserError, match="not valid YAML"):
            read_yaml(file)
    file.write_text("tasks: {a: 1}")
    with pytest.raises(UserError, match="tasks is a mapping in .*bad.yaml"):
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
        assert config.nonsense  # pylint: disable=no-member


def test_help_lists_every_key():
    assert all(f"--{key} " in usage() for key in load_settings([]).to_dict())


def test_attributes_are_those_of_default_config():
    """The typed attributes and default_config.yaml name the same settings, in the same order and of the same types."""
    fields, values = dataclasses.fields(Settings), defaults()
    assert [field.name for field in fields] == list(values)
    kinds = {"str": str, "bool": bool, "int": int, "float": float, "tuple[int, ...]": list, "dict[str, int]": dict,
             "dict[str, float]": dict}
    for field in fields:
        assert isinstance(values[field.name], tuple(kinds[kind] for kind in field.type.split(" | "))), field.name


def test_the_papers_settings_for_any_data_set():
    """Section 4.1.5, over the preset of the data set; D is 32 on AliCCP alone, and MMoE has 4 experts."""
    for dataset in ("movielens", "kuairand", "aliccp"):
        for backbone in ("mmoe", "ple", "esmm", "aitm"):
            found = load_settings(["--config", "paper", f"dataset={dataset}", f"backbone={backbone}"])
            assert (found.selector, found.score, found.relation) == ("multisfs", "paper", "gnn")
            assert (found.relation_layers, found.relation_dim) == (1, "auto")
            assert (found.bottom_dims, found.tower_dims, found.dropout) == ((512, 256), (128, 64), 0.2)
            assert (found.batch_size, found.score_batches, found.keep_ratio) == (2048, 5, 0.5)
            assert (found.epochs, found.patience, found.loss_reduction) == (50, 5, "sum")
            assert found.embedding_dim == (32 if dataset == "aliccp" else 64)
            assert found.experts == (4 if backbone == "mmoe" else 8)  # half of them shared in PLE
    assert load_settings(["--config", "paper", "backbone=mmoe", "experts=6"]).experts == 6


@pytest.mark.parametrize("cases, message", [
    ("[{experts: 4}]", "cases has .*expected settings with a dataset or a backbone"),
    ("4", "cases has '4' in .*mine.yaml"),
    ("[{backbone: mmo, experts: 4}]", "backbone is 'mmo' .*did you mean mmoe"),
    ("[{backbone: mmoe, expert: 4}]", "unknown key 'expert' .*did you mean experts"),
])
def test_wrong_cases_are_refused(cases, message, tmp_path):
    (tmp_path / "mine.yaml").write_text(f"cases: {cases}\n")
    with pytest.raises(UserError, match=message):
        load_settings(["--config", str(tmp_path / "mine.yaml")])


def test_the_settings_of_an_older_run_are_read():
    base = {**load_settings(["seed=3"]).to_dict(), "resume": False, "relation_batches": 2}
    assert load_settings(["epochs=4"], base=base) == load_settings(["seed=3", "epochs=4"])
    with pytest.raises(UserError, match="relations are learned from all train rows"):
        load_settings(["relation_batches=2"])


def test_a_number_is_a_number_for_every_setting_that_takes_one():
    """relation_dim=8 was the text "8" once: its rule named a kind that no option has."""
    whole = load_settings(["relation_dim=8", "score_batches=3", "keep_fields=5", "keep_ratio=0.25"])
    assert (whole.relation_dim, whole.score_batches, whole.keep_fields, whole.keep_ratio) == (8, 3, 5, 0.25)
    with pytest.raises(UserError, match="relation_dim is 'wide' on the command line; expected a whole number"):
        load_settings(["relation_dim=wide"])

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
"""A run with data that it was not made of, with an edited selection, or moved: the programs, in this process."""

from __future__ import annotations

import json
import shutil

import pytest

import eval as evaluate  # the built-in keeps its name
import export
import preprocess
import report
import select_features
import train
from src.common.errors import UserError
from src.common.files import write_json
from tools.faults.lab import SETTINGS, write_table

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
QUICK = [*SETTINGS, "epochs=1", "selector=mutual_information"]


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory):
    """A run on ``set``; ``other`` is the same table with another split."""
    home = tmp_path_factory.mktemp("home")
    write_table(home, 2400)
    for name, table in (("set", "table.yaml"), ("other", "other.yaml")):
        prepare(home, name, table)
    train.main([*QUICK, f"data_dir={home / 'set'}", f"output_dir={home}", "run_name=run"])
    return home


def prepare(home, name, table, *more):
    preprocess.main(["--dataset", "table", "--raw_dir", str(home / "data.csv"), "--table", str(home / table),
                     "--data_dir", str(home / name), *more])


def uses(run, home):
    return {"train": lambda *more: train.main([*QUICK, f"data_dir={home / 'set'}", f"output_dir={run.parent}",
                                               f"run_name={run.name}", *more]),
            **{program.__name__: lambda *more, main=program.main: main(["--run_dir", str(run), *more])
               for program in (evaluate, export, report)}}


@pytest.mark.parametrize("program", ["train", "eval", "export", "report"])
def test_other_data_is_refused(home, program):
    before = sorted(home.rglob("*"))
    with pytest.raises(UserError, match="run was made of another data set than .*other: its schema.json had SHA-256"):
        uses(home / "run", home)[program](f"data_dir={home / 'other'}")
    assert sorted(home.rglob("*")) == before


def test_a_moved_run_on_moved_data_is_the_same(home, tmp_path, capsys):
    shutil.copytree(home / "run", tmp_path / "moved")
    shutil.copytree(home / "set", tmp_path / "data")
    for program in ("train", "eval"):
        uses(tmp_path / "moved", home)[program](f"data_dir={tmp_path / 'data'}")
    metrics = json.loads((home / "run" / "metrics.json").read_text())
    assert f'"mean_auc": {metrics["mean_auc"]}' in capsys.readouterr().out


def test_the_same_preparation_again_is_the_same_data(home, tmp_path):
    write_table(tmp_path, 2400)  # the raw files are elsewhere, too
    prepare(tmp_path, "again", "table.yaml")
    assert (tmp_path / "again" / "schema.json").read_bytes() == (home / "set" / "schema.json").read_bytes()


def test_a_given_selection_that_was_edited_is_refused(home, tmp_path):
    select_features.main([*QUICK, f"data_dir={home / 'other'}", f"output_dir={tmp_path}", "run_name=s"])
    mine = tmp_path / "mine.json"
    shutil.copy(tmp_path / "s" / "selection.json", mine)
    words = [*QUICK, f"data_dir={home / 'set'}", f"output_dir={tmp_path}", "run_name=sf", f"selection={mine}"]
    train.main(words)  # made of other data with the same fields: allowed
    train.main(words)
    value = json.loads(mine.read_text())
    value["selected"]["click"].pop()
    write_json(mine, value)
    with pytest.raises(UserError, match="sf began with another content of .*mine.json; restore that file, or give"):
        train.main(words)

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
"""The command line that all programs share, and the help of each of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from src.command_line import parse
from src.common.errors import UserError
from src.common.option import Option
from src.data.preparing.source import SOURCES
from src.data.simulation.laws import LAWS

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"train": "--epochs", "eval": "--split", "export": "--file_format", "report": "--all_fields",
            "select_features": "--feature_rank", "predict": "--batch_size", "preprocess": "--min_count",
            "compare": "--methods", "benchmarks": "--instances", "tools.faults": "--full_disks",
            "pytorch_reference": "--tolerance", "pytorch_reference.train": "--seed",
            "scripts/lib/run_ranks.py": "--node_rank"}
HEAVY = ("mindspore", "polars", "sklearn", "torch")
OPTIONS = (
    Option("run_dir", help="a folder", kind="path", required=True),
    Option("split", "test", "part of the data", choices=("train", "valid", "test")),
    Option("rows", None, "how many", "whole", limits={"min": 1}),
    Option("open", True, "whether to open it", "flag"),
    Option("methods", (), "some names", "names", aliases=("selectors",)),
)


@pytest.mark.parametrize("program, flag", [*((program, "--help") for program in PROGRAMS), ("train", "-h")])
def test_help_is_answered_before_anything_heavy_is_loaded(program, flag, tmp_path):
    """Started as users start it; the interpreter itself says what was imported."""
    file = program if program.endswith(".py") else f"{program}.py"
    command = [str(ROOT / file)] if (ROOT / file).exists() else ["-m", program]
    done = subprocess.run([sys.executable, "-X", "importtime", *command, "some", "--seed", flag], cwd=tmp_path,
                          env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False)
    others = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == 0 and not others, others
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "src.command_line" in imported and not imported.intersection(HEAVY)
    first, *rest = done.stdout.splitlines()
    own = rest.index("Options (--key VALUE or KEY=VALUE):") if "Options (--key VALUE or KEY=VALUE):" in rest else -1
    settings = rest.index("Settings (--key VALUE or KEY=VALUE):") if "  --dropout" in done.stdout else len(rest)
    assert len(first) > 20 and own < settings and PROGRAMS[program] in done.stdout
    about = done.stdout.partition("\nOptions (")[0].partition("\nSettings (")[0]
    known = set(re.findall(r"^  --(\w+)", done.stdout, re.MULTILINE))
    assert set(re.findall(r"--([a-z_]+)", about)) <= {*known, "help"}  # its examples show options that it has
    assert not list(tmp_path.iterdir())


def test_help_of_preprocess_names_all_data_sets_and_laws(capsys):
    import preprocess
    with pytest.raises(SystemExit) as end:
        preprocess.main(["--help"])
    words = capsys.readouterr().out.replace(",", " ").split()
    assert end.value.code == 0 and {*SOURCES, *LAWS} <= set(words)


def test_options_and_settings():
    given = parse(["--run_dir", "~/run", "seed=3", "--split=VALID", "--open", "false", "--selectors", "a, b",
                   "--rows=7", "--progress"], "Help.", OPTIONS, settings=True)
    assert given.run_dir == str(Path.home() / "run") and given.split == "valid" and given.rows == 7
    assert given.open is False and given.methods == ["a", "b"] and given.words == []
    assert given.settings == ["seed=3", "progress=true"]
    given = parse(["run_dir=x", "first", "second/seed=3"], "Help.", OPTIONS, settings=True, words=("RUN",))
    assert given.words == ["first", "second/seed=3"] and given.rows is None and given.open is True


@pytest.mark.parametrize("arguments, message", [
    ([], "--run_dir is missing; give --run_dir VALUE"),
    (["--run_dir"], "--run_dir has no value"),
    (["--run_dir", "--split", "test"], "--run_dir has no value.*--run_dir=VALUE for one that begins with --"),
    (["--run_dir", "x", "--split", "tset"], "split is 'tset' on the command line; expected one of train, .*mean test"),
    (["--run_dir", "x", "--rows", "-3"], "rows is -3 on the command line; expected a whole number at least 1"),
    (["--run_dir", "x", "--rows", "1e3"], "rows is 1e3 .*whole number"),
    (["--run_dir", "x", "--splitt", "test"], "unknown key 'splitt' on the command line; did you mean split"),
    (["--run_dir", "x", "epohcs=3"], "unknown key 'epohcs' on the command line; did you mean epochs"),
    (["--run_dir", "x", "word"], "argument 'word' is not understood"),
    (["--run_dir", "x", "--open", "maybe"], "open is 'maybe' on the command line; expected true or false"),
    (["--run_dir", "x", "open=maybe"], "open is 'maybe' on the command line; expected true or false"),
    (["run_dir="], "run_dir is empty"),
    (["run_dir=x", "methods=a,,b"], "methods is 'a,,b' on the command line; expected names such as a,b"),
])
def test_misuse_is_one_line(arguments, message):
    with pytest.raises(UserError, match=message):
        parse(arguments, "Help.", OPTIONS, settings=True)


def test_a_program_without_settings_refuses_them():
    with pytest.raises(UserError, match="unknown option 'epochs'.*--help lists all options"):
        parse(["run_dir=x", "epochs=3"], "Help.", OPTIONS)
    with pytest.raises(UserError, match="unknown option 'run_dri'; did you mean run_dir"):
        parse(["run_dri=x"], "Help.", OPTIONS)


def test_names_given_twice_add_up_and_the_last_of_anything_else_counts():
    given = parse(["run_dir=x", "--methods", "a", "methods=b,c", "run_dir=y"], "Help.", OPTIONS)
    assert given.methods == ["a", "b", "c"] and given.run_dir == "y"


def test_an_option_of_another_project_is_refused_with_its_name_here():
    with pytest.raises(UserError, match="unknown option 'dataset_path'; here it is run_dir; --help"):
        parse(["--dataset_path", "x"], "Help.", OPTIONS, other_names={"dataset_path": "run_dir"})

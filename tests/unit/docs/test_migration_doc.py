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
"""docs/MIGRATION.md and README.md name the options of other projects: each is refused with the name they give."""

import re
import shlex
from pathlib import Path

import pytest

from src.command_line import parse
from src.common.errors import UserError
from src.programs import preprocess
from src.settings import load_settings, setting_options

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "MIGRATION.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`--[^|]*) \| `--(\w+)[^|]*` \|", PAGE, re.M)
OPTIONS = [(theirs, ours) for cell, ours in ROWS for theirs in re.findall(r"`--(\w+)", cell)]


def test_the_table_is_read():
    assert {"model_name", "dataset_path", "cr", "device", "save_dir", "task_t"} <= {theirs for theirs, _ in OPTIONS}
    assert {ours for _, ours in OPTIONS} <= set(setting_options())


@pytest.mark.parametrize("theirs, ours", OPTIONS)
def test_their_options_are_refused_with_the_name_of_the_table(theirs, ours):
    with pytest.raises(UserError, match=rf"unknown key '{theirs}'.*here it is {ours}\b"):
        load_settings([f"--{theirs}", "x"])


def test_the_readme_agrees():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## [From Other Code]")[1].split("\n## ")[0]
    for row in re.findall(r"^\| (`--.*) \| (.*) \|$", section, re.M):
        theirs = re.findall(r"`--(\w+)", row[0])
        assert theirs and {ours for name, ours in OPTIONS if name in theirs} <= set(re.findall(r"\w+", row[1]))


def test_the_commands_can_be_parsed():
    commands = re.findall(r"^python (train|preprocess)\.py (.*)$", PAGE, re.M)
    assert len(commands) == 5
    for program, words in commands:
        if program == "train":
            load_settings(shlex.split(words))
        else:
            parse(shlex.split(words), "", (*preprocess.OPTIONS, *preprocess.OVERRIDES))

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
"""Documents name files and options: these exist."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from src.common.home import PROGRAMS
from src.common.option import by_name, read_arguments
from src.settings import CONFIG, setting_options

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
FOLDERS = "src|tests|scripts|configs|tools|benchmarks|requirements|docs|pytorch_reference"
WITHOUT_SETTINGS = ("preprocess", "predict", "serve")
# main.py is that of other projects.
COMMAND = re.compile(r"^(?:.*[`|] ?)?(?:python (?:\$MULTISFS/)?((?!main)\w+)\.py|multisfs "
                     rf"({'|'.join(PROGRAMS)})) ([^\n`#|]*)", re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    named = re.findall(rf"`((?:{FOLDERS})/[\w/.-]+)`", page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists() and "NAME" not in path] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_options_that_exist(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for file, command, words in COMMAND.findall(text):
        program = file or PROGRAMS[command]
        module = importlib.import_module(f"src.programs.{program}")
        settings = () if program in WITHOUT_SETTINGS else (*setting_options().values(), CONFIG)
        known = by_name([*getattr(module, "OPTIONS", ()), *getattr(module, "OVERRIDES", ()), *settings])
        given, _ = read_arguments(shlex.split(re.sub(r"[\[\]]", "", words)), known)
        assert set(given) <= {*known, "help"}, f"python {program}.py {words}"


def test_commands_are_found():
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert len(COMMAND.findall(text)) > 8

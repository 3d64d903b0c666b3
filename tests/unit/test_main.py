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
"""The command multisfs: which program it runs, and what it says to a name it does not know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import src
from src.__main__ import main
from src.common.errors import UserError
from src.common.home import PROGRAMS

ROOT = Path(__file__).resolve().parents[2]


def test_help_names_every_program(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    shown = capsys.readouterr().out
    assert end.value.code == 0 and all(f"\n  {name} " in shown for name in PROGRAMS) and ".py" not in shown


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"multisfs {src.__version__}\n"


@pytest.mark.parametrize("arguments, message", [
    ([], "no command is given; expected one of preprocess, select, train, "),
    (["trian", "--help"], r"unknown command 'trian'; did you mean train\?; expected one of "),
    (["select_features"], r"unknown command 'select_features'; did you mean select\?"),
    (["--epochs=3"], "unknown command '--epochs=3'"),
    (["train", "--epohcs", "3"], r"unknown key 'epohcs' on the command line; did you mean epochs\?"),
])
def test_misuse_is_one_line(arguments, message):
    with pytest.raises(UserError, match=message):
        main(arguments)


def test_the_package_loads_nothing_heavy_until_it_is_asked_to():
    program = ("import sys, src; from src.__main__ import usage; usage(); "
               "print(sorted({'mindspore', 'sklearn', 'polars'} & set(sys.modules))); "
               "src.MultiSFSSelector; print('mindspore' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
    with pytest.raises(AttributeError, match="no attribute Selector"):
        src.Selector  # noqa: B018  pylint: disable=pointless-statement,no-member

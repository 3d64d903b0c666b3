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
"""Where files are found and made, and how programs are called, in a clone and installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.common import home
from src.programs import __path__ as programs

ROOT = Path(__file__).resolve().parents[3]


def test_in_a_clone_everything_lies_in_the_clone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert not home.INSTALLED and home.HOME == home.SHIPPED == ROOT
    assert (home.SHIPPED / "default_config.yaml").is_file() and (home.SHIPPED / "configs" / "paper.yaml").is_file()


@pytest.mark.parametrize("text, shown", [
    ("python train.py --epochs 3", "multisfs train --epochs 3"),
    ("start select_features.py, then train.py.", "start multisfs select, then multisfs train."),
    ("my/train.py, retrain.py and train.pyc are the user's", "my/train.py, retrain.py and train.pyc are the user's"),
    ("pip install -r requirements/serve.txt", "pip install multisfs[serve]"),
    ("pip install -r requirements.txt", "pip install multisfs"),
    ("python -m src serve --model DIR", "multisfs serve --model DIR"),
])
def test_programs_are_named_as_they_are_started(text, shown):
    assert home.as_started(text, installed=True) == shown and home.as_started(text) == text


def test_every_program_has_a_command():
    """A program of src/programs is a command of multisfs; the files next to src, of the same names, start it."""
    stems = {path.stem for path in Path(programs[0]).glob("*.py")} - {"__init__"}
    assert stems == set(home.PROGRAMS.values())
    doors = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("*.py") if path.name != "setup.py"}
    assert doors.keys() == stems - {"serve"}
    assert all(f"\nfrom src.programs.{stem} import main\n" in text for stem, text in doors.items())

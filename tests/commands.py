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
"""Starting the project's programs as users do, and calling them in this process where only their refusal counts."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.common.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
# A network that trains in seconds on MovieLens.
SMALL = ["epochs=1", "embedding_dim=8", "bottom_dims=[16]", "tower_dims=[8]", "experts=2", "progress=false",
         "report=false", "keep_ratio=0.5", "score_batches=3", "relation_epochs=2"]


def run(program: str, *arguments, cwd: Path | None = None, **options) -> subprocess.CompletedProcess:
    """Starts ``train.py`` or ``-m tools.faults`` in a process of its own."""
    command = [sys.executable, *(["-m", program[3:]] if program.startswith("-m ") else [str(ROOT / program)])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, cwd=cwd or ROOT,
                          timeout=900, check=False, env=environment, **options)


def refusal(program: str, *arguments) -> str:
    """The one line that a program refuses its arguments with, without a process of its own.

    That such a line becomes "error: ..." and exit code 2 is tested with ``run_program``
    (tests/unit/common/test_errors.py) and once for every program (tests/e2e/project/test_refusals.py).
    """
    module = importlib.import_module(program.removeprefix("-m ").removesuffix(".py"))
    with pytest.raises(UserError) as error:
        module.main(list(map(str, arguments)))
    return " ".join(str(error.value).split())  # as run_program prints it


def refused(program: str, arguments, *words: str) -> None:
    """Checks that the refusal holds all the words."""
    line = refusal(program, *arguments)
    assert all(word in line for word in words), line


def refused_outside(done: subprocess.CompletedProcess, *words: str) -> None:
    """Checks a finished process: exit code 2, one line that holds the words, no traceback."""
    assert done.returncode == 2, (done.returncode, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    assert all(word in lines[0] for word in words), lines[0]

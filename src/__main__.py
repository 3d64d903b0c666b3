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
"""The command multisfs: ``multisfs train`` is train.py of a clone, and so on; ``python -m multisfs`` is the same."""

from __future__ import annotations

import importlib
import sys
import textwrap
from types import ModuleType

from .common.errors import UserError, nearest, run_program
from .common.home import PROGRAMS, VERSION, as_started


def main(arguments: list[str]) -> None:
    """Runs the program that the first argument names, with the other arguments.

    Raises:
        UserError: there is no such program, or it raises one.
        SystemExit: 0, after --help or --version.
    """
    name, *rest = arguments or [""]
    if name in ("-h", "--help", "--version"):
        print(f"multisfs {VERSION}" if name == "--version" else usage())
        raise SystemExit(0)
    if name not in PROGRAMS:
        problem = f"unknown command {name!r}" if name else "no command is given"
        raise UserError(f"{problem}{nearest(name, PROGRAMS)}; expected one of {', '.join(PROGRAMS)}; multisfs --help "
                        "says what they do")
    _program(name).main(rest)


def usage() -> str:
    """What the command is, and every program with the first line of its own help."""
    commands = [textwrap.fill(f"{name:<12}{_program(name).__doc__.splitlines()[0]}", 112, initial_indent="  ",
                              subsequent_indent=" " * 14) for name in PROGRAMS]
    return as_started("\n".join([
        "Selects feature fields for multi-task recommendation (MultiSFS), and trains on them.", "",
        "    multisfs COMMAND [--key VALUE ...]",
        "    multisfs COMMAND --help",
        "    multisfs --version", "",
        "Commands:", *commands]), installed=True)


def start() -> None:
    """Runs ``main`` with this process's arguments and ends it with an exit code."""
    serving = sys.argv[1:2] in (["predict"], ["serve"])
    run_program(main, "requirements/serve.txt" if serving else "requirements.txt")


def _program(name: str) -> ModuleType:
    return importlib.import_module(f".programs.{PROGRAMS[name]}", __package__)


if __name__ == "__main__":
    start()

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
"""Where the project's own files are, and where data sets, runs and downloads go: in a clone, or installed by pip.

In a clone the package is the folder src, with default_config.yaml and configs/ next to it; data/, outputs/ and
downloads/ are made in the clone, wherever a program is started. Installed, the package is called multisfs and holds
default_config.yaml and configs/ (setup.py puts them there); data/, outputs/ and downloads/ are made in the folder in
which a program is started.
"""

from __future__ import annotations

import re
from pathlib import Path

VERSION = "0.1.0"  # here alone: pyproject.toml and multisfs.__version__ take it from here
PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = (PACKAGE / "default_config.yaml").is_file()
SHIPPED = PACKAGE if INSTALLED else PACKAGE.parent  # default_config.yaml and configs/
HOME = Path() if INSTALLED else PACKAGE.parent  # data/, outputs/ and downloads/
PROGRAMS = {  # command: module
    "preprocess": "preprocess", "select": "select_features", "train": "train", "eval": "eval", "export": "export",
    "predict": "predict", "serve": "serve", "compare": "compare", "report": "report"}

_COMMANDS = {module: command for command, module in PROGRAMS.items()}
_PROGRAM = re.compile(rf"(?<![\w./-])(?:python )?({'|'.join(_COMMANDS)})\.py\b")
_EXTRA = re.compile(r"(?:-r )?requirements/(gpu|serve|pytorch|tensorboard)\.txt")


def as_started(text: str, installed: bool = INSTALLED) -> str:
    """A text for the user with programs named as they are started: ``multisfs train`` for train.py where installed."""
    if not installed:
        return text
    text = _PROGRAM.sub(lambda found: f"multisfs {_COMMANDS[found[1]]}", text).replace("python -m src ", "multisfs ")
    return _EXTRA.sub(r"multisfs[\1]", text).replace("-r requirements.txt", "multisfs")

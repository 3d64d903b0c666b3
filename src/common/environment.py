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
"""The machine, the versions and the command of a process, for env.json and signature.json. No MindSpore."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .home import HOME, INSTALLED, VERSION

PACKAGES = ("mindspore", "mindspore-gpu", "numpy", "pandas", "polars", "scikit-learn", "scipy")
CPU_INFO = Path("/proc/cpuinfo")


def package_versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those of the packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def processor(path: Path = CPU_INFO) -> str:
    """Name of the processor, the cores that are here, and its instruction sets for products."""
    known, has = _cpu_info(path), instruction_sets(path)
    if not known:
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    sets = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in has]
    return f"{known.get('model name', platform.machine())}, {os.cpu_count()} cores, {' '.join(sets) or 'no AVX2'}"


def instruction_sets(path: Path = CPU_INFO) -> set[str]:
    """What the processor can do, in Linux's words; empty where Linux does not say."""
    return set(_cpu_info(path).get("flags", "").split())


def _cpu_info(path: Path) -> dict[str, str]:
    """What Linux says of a processor, by key; of several, of the last."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def environment(device: str) -> dict[str, Any]:
    """Versions, machine and command of this process, for env.json."""
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]], "device": device, "python": platform.python_version(),
        "multisfs": VERSION, "packages": package_versions(PACKAGES),
        "platform": platform.platform(), "cpus": os.cpu_count(), "git": _git_revision(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _git_revision() -> str:
    """The clone's; what is installed lies in none, and HOME may be in a repository of the user's."""
    if INSTALLED:
        return "unknown"
    try:
        done = subprocess.run(["git", "-C", str(HOME), "describe", "--always", "--dirty", "--abbrev=12"],
                              capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"

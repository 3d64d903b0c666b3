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
"""Full disks and read-only ones: a small tmpfs that is full somewhere in a command, then is made larger."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from tools.faults.lab import Lab, Tried

WHERE = "small"
ROOMY = 64 << 20
PAGE = 4096


def unavailable(folder: Path) -> str:
    """Why no small disk can be mounted here; empty where it can."""
    place = folder / WHERE
    place.mkdir(exist_ok=True)
    problem = _mount(place, ROOMY)
    if not problem:
        _unmount(place)
    return problem


def fill(lab: Lab, stage: str, index: int) -> Tried:
    """Gives a command a disk that is too small, or read-only, and then one that is large enough."""
    draw, step = lab.draw(stage, index), ("prepare", "train", "select")[index % 3]
    place = lab.folder / WHERE
    place.mkdir(exist_ok=True)
    if ("need", step) not in lab.expected:
        _mount(place, ROOMY)
        try:
            lab.call(*_command(lab, step))
            lab.expected["need", step] = _used(place)
            lab.expected["result", step] = _result(lab, step)
        finally:
            _unmount(place)
    return _fill(lab, step, draw, "read-only disk" if index % 5 == 4 else "full disk")


def _fill(lab: Lab, step: str, draw: random.Random, fault: str) -> Tried:
    place, pages = lab.folder / WHERE, lab.expected["need", step] // PAGE
    size = ROOMY if fault == "read-only disk" else PAGE * draw.randrange(2, max(3, pages))
    _mount(place, size)
    try:
        if fault == "read-only disk":
            _remount(place, "ro")
        ended = lab.call(*_command(lab, step))
        what = f"{step} with {size >> 10} of {pages * PAGE >> 10} KiB"
        if not ended.clear:
            return Tried(f"{fault}: {step}", "traceback", f"{what}: exit code {ended.code}, {ended.last}")
        _remount(place, f"rw,size={ROOMY}")
        again = lab.call(*_command(lab, step))
        if again.code != 0 or _result(lab, step) != lab.expected["result", step]:
            return Tried(f"{fault}: {step}", "lost", f"{what}: afterwards exit code {again.code}, {again.last}")
        return Tried(f"{fault}: {step}", "clear", f"{what}: {ended.last}")
    finally:
        _unmount(place)


def _command(lab: Lab, step: str) -> tuple[str, list]:
    if step == "prepare":
        return lab.prepare(f"{WHERE}/set")
    return (lab.train if step == "train" else lab.select)("run", f"output_dir={WHERE}")


def _result(lab: Lab, step: str):
    if step == "prepare":
        return lab.tree(lab.folder / WHERE / "set")
    run = lab.folder / WHERE / "run"
    return lab.fingerprint(run) if step == "train" else (run / "selection.json").read_bytes()


def _mount(place: Path, size: int) -> str:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True,
                          text=True, check=False)
    return "" if done.returncode == 0 else " ".join(done.stderr.split())


def _remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True, capture_output=True)


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


def _used(place: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in place.rglob("*"))

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
"""Running the cells of a grid, several at a time, each in a process of its own. No MindSpore.

A process is forked for every cell, so that what takes seconds to import is imported once, nothing of one run reaches
the next, and one that dies does not stop the others.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..common.errors import UserError
from ..common.files import sha256
from ..common.processes import fork_program, take_cores
from ..origin import changed_settings
from ..run import RunFolder
from ..settings import read_yaml
from .grid import Cell

LOG = logging.getLogger(__name__)
ELSEWHERE = "runs in another process"


def run_cells(cells: Sequence[Cell], output_dir: Path, train: Callable[[list[str]], None],
              workers: int = 1) -> dict[str, str]:
    """Runs the cells that are not finished.

    Args:
        cells: the runs of a grid.
        output_dir: where their run folders go; what they print goes to ``logs/<name>.log`` there.
        train: main function of the program that makes a run.
        workers: processes at a time. Any number of such calls, also on several hosts that share ``output_dir``, work
            on one grid together: a run folder's lock keeps them apart.

    Returns:
        Name of every cell that has no result, and why.

    Raises:
        KeyboardInterrupt: SIGINT came; the runs have written their checkpoints, and the same call resumes there.
    """
    (output_dir / "logs").mkdir(parents=True, exist_ok=True)
    missing: dict[str, str] = {}
    waiting: deque[Cell] = deque()
    for cell in cells:
        state = _state(cell, output_dir)
        if state == "":
            waiting.append(cell)
        elif state != "finished":
            missing[cell.name] = state
    LOG.info("%d runs: %d to make, %d finished, %d refused", len(cells), len(waiting),
             len(cells) - len(waiting) - len(missing), len(missing))
    clock = _Clock(len(waiting))
    for cell, seconds, code in _in_turn(waiting, output_dir, train, workers):
        reason = "" if code == 0 else _reason(cell, output_dir, code)
        if reason:
            missing[cell.name] = reason
        LOG.info("%s", clock.line(cell.name, seconds, reason))
    return {name: reason for name, reason in missing.items()  # another process may have made it meanwhile
            if reason != ELSEWHERE or not (output_dir / name / "metrics.json").exists()}


def _in_turn(waiting: deque[Cell], output_dir: Path, train: Callable[[list[str]], None],
             workers: int) -> Iterator[tuple[Cell, float, int]]:
    """Cell, seconds and exit code of every run, as they end; the code is negative after a signal."""
    running: dict[int, tuple[Cell, float, int]] = {}
    free = list(range(workers))
    try:
        while waiting or running:
            while waiting and free:
                cell, slot = waiting.popleft(), free.pop()
                process = _start(cell, output_dir, train, lambda slot=slot: take_cores(slot, workers))
                running[process] = (cell, time.monotonic(), slot)
            process, status = os.wait()
            if process in running:
                cell, began, slot = running.pop(process)
                free.append(slot)
                yield cell, time.monotonic() - began, os.waitstatus_to_exitcode(status)
    finally:
        for process in running:  # interrupted: each writes a checkpoint, then ends
            os.kill(process, signal.SIGTERM)
        for process in running:
            os.waitpid(process, 0)


def _start(cell: Cell, output_dir: Path, train: Callable[[list[str]], None], before: Callable[[], None]) -> int:
    """Forks a process that makes the run; returns its number."""
    log = _log(cell, output_dir)
    return fork_program(train, ["train.py", *cell.command(output_dir)], log, log, before)


def _log(cell: Cell, output_dir: Path) -> Path:
    return output_dir / "logs" / f"{cell.name}.log"


def _state(cell: Cell, output_dir: Path) -> str:
    """"finished", "" for a run to make or continue, or why it cannot be made."""
    problem = problem_of(cell, output_dir)
    if problem:
        return problem
    folder = output_dir / cell.name
    if (folder / "metrics.json").exists():
        return "finished"
    return ELSEWHERE if _is_locked(folder) else ""


def problem_of(cell: Cell, output_dir: Path) -> str:
    """Why a cell has no run of its own: a wrong setting, or a folder with a run of other settings or other data."""
    folder = output_dir / cell.name
    try:
        config = cell.config(output_dir)
        if not (folder / "config.yaml").exists():
            return ""
        changed = changed_settings(read_yaml(folder / "config.yaml"), config.to_dict())
        if changed:
            return f"its folder holds a run with other settings ({changed}); give another output_dir"
        if _other_data(folder, config.data_path / "schema.json"):
            return (f"its folder holds a run of another data set than {config.data_path} is now; prepare that as it "
                    "was, or give another output_dir")
    except UserError as error:
        return str(error)
    return ""


def _other_data(folder: Path, schema: Path) -> bool:
    """Whether a run was made of another data set than the one of this schema.json; not where one is unknown."""
    recorded = RunFolder(folder).data_fingerprint
    return recorded is not None and schema.exists() and sha256(schema) != recorded


def _is_locked(folder: Path) -> bool:
    try:
        with open(folder / ".lock", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _reason(cell: Cell, output_dir: Path, code: int) -> str:
    """Why a run failed: the last line that it printed, and where the rest is."""
    log = _log(cell, output_dir)
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("error: ")] or lines or ["no output"]
    if "another run is writing" in said[-1]:
        return ELSEWHERE
    ended = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
    return f"{said[-1].strip()} ({ended}; {log})"


class _Clock:
    """Progress of a grid, with the time that is left at the mean speed so far."""

    def __init__(self, total: int):
        self.total, self.done, self.began = total, 0, time.monotonic()

    def line(self, name: str, seconds: float, reason: str) -> str:
        """What to print when a run ends."""
        self.done += 1
        left = (time.monotonic() - self.began) / self.done * (self.total - self.done)
        end = f"about {left / 60:.0f} min left" if self.done < self.total else "that was the last"
        return f"[{self.done}/{self.total}] {name}: {reason or f'{seconds:.0f} s'}; {end}"

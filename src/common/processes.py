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
"""Running a program in a forked child, and ending when another process ends. No MindSpore.

A child that runs a program imports nothing: what takes seconds to import is imported once, by the parent.

The parent must not have computed anything with MindSpore or Polars: their threads do not survive a fork.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .errors import run_program

PR_SET_PDEATHSIG = 1  # of Linux' prctl
LAUNCHER = "MULTISFS_LAUNCHER"  # process id of scripts/lib/run_ranks.py, which sets it
LOCAL_RANKS = "MULTISFS_LOCAL_RANKS"  # processes of a job that share this host's cores out; run_ranks.py sets it


def fork_program(main: Callable[[list], None], arguments: Sequence[str], out: Path, errors: Path,
                 before: Callable[[], Any] | None = None) -> int:
    """Starts a program in a child, which gets SIGTERM if this process dies; returns the child's number.

    Args:
        main: main function of the program.
        arguments: its command line, its name first.
        out: file that its standard output is added to.
        errors: the same for standard error; may be the same file.
        before: called in the child before the program.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        _become(main, arguments, (out, errors), before, parent)
    return child


def run_apart(function: str, *arguments: Any) -> None:
    """Calls a function of src/workflow.py in a new process, which shares nothing with this one and ends with it.

    Its output goes where this process's goes.

    Raises:
        SystemExit: it failed, with the same exit code; it has said why.
    """
    package, folder = __package__.rpartition(".")[0], str(Path(__file__).resolve().parents[2])
    code = (f"import os, signal, sys; sys.path.insert(0, {folder!r}); from {package} import command_line; "
            f"from {package}.common import errors, processes; processes.end_with({os.getpid()}, signal.SIGTERM); "
            f"command_line.start_logging(); from {package} import workflow; "
            f"errors.run_program(lambda given: workflow.{function}(*given))")
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=False)
    if done.returncode:
        raise SystemExit(done.returncode if done.returncode > 0 else 128 - done.returncode)


def take_cores(place: int, places: int) -> None:
    """Leaves this process one of ``places`` equal shares of the cores it may use, number ``place``.

    MindSpore starts threads for every core that it may use, so that processes which share cores get in each other's
    way. With fewer cores than shares, and off Linux, nothing changes.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    share = len(cores) // places
    if share:
        os.sched_setaffinity(0, cores[place * share:(place + 1) * share])


def share_cores() -> None:
    """Takes this process's share of the cores, if LOCAL_RANKS says that the processes of its job share them out.

    To be called before MindSpore computes anything: it starts its threads then.
    """
    places, place = os.environ.get(LOCAL_RANKS, ""), os.environ.get("RANK_ID", "")
    if places.isdigit() and place.isdigit():
        take_cores(int(place) % int(places), int(places))


def end_with(launcher: int, number: int = signal.SIGKILL) -> None:
    """Has the kernel send this process a signal when its parent dies, and sends it now if the launcher is dead already.

    Args:
        launcher: process id of the parent, or of one whose death ends the parent.
        number: the signal.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
    try:
        os.kill(launcher, 0)
    except ProcessLookupError:
        os.kill(os.getpid(), number)
    except PermissionError:  # it lives, as another user's
        pass


def _become(main: Callable[[list], None], arguments: Sequence[str], streams: tuple[Path, Path], before,
            parent: int) -> None:
    """Becomes the program; never returns, whatever happens: a child must not continue its parent's work."""
    code = 1
    try:
        for number, path in zip((1, 2), streams):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(file, number)
            os.close(file)
        sys.argv = list(arguments)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent's handler is not the program's
        end_with(parent, signal.SIGTERM)  # a training then saves its state
        if before is not None:
            before()
        run_program(main)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # noqa: BLE001 as the interpreter would show it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

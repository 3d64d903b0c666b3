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
"""Processes that end with the one that started them, even when that is killed."""

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from src.common.processes import LOCAL_RANKS, share_cores

ROOT = Path(__file__).resolve().parents[3]
SLEEP = """
import os, sys, time
from pathlib import Path
Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(60)
"""
FORKED = f"""
import os, sys
from pathlib import Path
from src.common.processes import fork_program
def program(arguments):
    exec({SLEEP!r})
child = fork_program(program, ["program", sys.argv[1]], Path(os.devnull), Path(os.devnull))
os.waitpid(child, 0)
"""
SPAWNED = f"""
import os, subprocess, sys
from functools import partial
from src.common.processes import end_with
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}, sys.argv[1]], start_new_session=True,
                         preexec_fn=partial(end_with, os.getpid()))
child.wait()
"""


def alive(number: int) -> bool:
    """One that has ended stays listed as a zombie where nothing collects orphans."""
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal on a parent's death is Linux'")
@pytest.mark.parametrize("parent", [FORKED, SPAWNED])
def test_a_child_ends_with_a_parent_that_is_killed(parent, tmp_path):
    number = tmp_path / "number"
    with subprocess.Popen([sys.executable, "-c", parent, str(number)], cwd=ROOT) as process:
        deadline = time.monotonic() + 30
        while not (number.exists() and number.read_text()):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    child = int(number.read_text())
    while alive(child):
        assert time.monotonic() < deadline, "it outlives its parent"
        time.sleep(0.05)


def test_a_launcher_that_is_dead_already_ends_the_process_at_once():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    program = f"from src.common.processes import end_with; end_with({gone.pid}); print('still here')"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL and not done.stdout
    alone = subprocess.run([sys.executable, "-c", program.replace(str(gone.pid), str(os.getpid()))], cwd=ROOT,
                           capture_output=True, check=False)
    assert alone.returncode == 0


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux alone says which cores a process may use")
def test_cores_are_shared_out_and_a_process_keeps_one_at_least():
    code = ("import os, sys; from src.common.processes import take_cores; "
            "take_cores(int(sys.argv[1]), int(sys.argv[2])); print(sorted(os.sched_getaffinity(0)))")

    def cores(*place):
        done = subprocess.run([sys.executable, "-c", code, *map(str, place)], cwd=ROOT, capture_output=True, text=True,
                              check=True)
        return ast.literal_eval(done.stdout)

    every = sorted(os.sched_getaffinity(0))
    half = len(every) // 2
    assert cores(0, 1) == every and cores(0, len(every) + 1) == every
    if half:
        assert (cores(0, 2), cores(1, 2)) == (every[:half], every[half:2 * half])


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux alone says which cores a process may use")
@pytest.mark.parametrize("variables, number", [
    ({}, None), ({"RANK_ID": "0"}, None), ({LOCAL_RANKS: "2"}, None),
    ({LOCAL_RANKS: "2", "RANK_ID": "1"}, 1), ({LOCAL_RANKS: "2", "RANK_ID": "2"}, 0)])  # the last: of a second host
def test_a_rank_takes_its_share_of_the_cores_of_its_host(variables, number, monkeypatch):
    shared = []
    monkeypatch.setattr("src.common.processes.take_cores", lambda place, places: shared.append((place, places)))
    for name in (LOCAL_RANKS, "RANK_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    share_cores()
    assert shared == ([] if number is None else [(number, 2)])

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
"""Starts the processes of a data-parallel training with msrun and stays until all of them have ended.

    python scripts/lib/run_ranks.py N DEVICE_TARGET [KEY=VALUE ...]

The scripts run_distribute_train*.sh call it. msrun does the starting; what is added here: wrong input is refused before
anything starts, the data set is prepared once, a free port is found, every process has a log in the run's folder, the
first one's log is shown, SIGTERM reaches the training, and the end is quick, with the exit code of the process that
failed and a line that names it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from src.command_line import parse, start_logging  # noqa: E402
from src.common.errors import Interrupted, UserError, run_program  # noqa: E402
from src.common.option import Option  # noqa: E402
from src.common.processes import LAUNCHER, LOCAL_RANKS, end_with  # noqa: E402
from src.run import run_name  # noqa: E402
from src.settings import load_settings  # noqa: E402

OPTIONS = (
    Option("worker_num", None, "processes on all hosts together (default: N, on this host alone)", "whole",
           limits={"min": 1}),
    Option("node_rank", None, "number of this host, from 0", "whole", limits={"min": 0}),
    Option("master_addr", help="address of the first host"),
    Option("master_port", help="port of the first host (default: a free one)"),
    Option("cluster_time_out", "120", "seconds to wait for all processes to start"),
    Option("rank_table_file", help="of Ascend", kind="path"),
    Option("bind_core", help="as msrun takes it"),
)
DEATH = re.compile(r"Worker process (\d+) exit with exception. Error code: (-?\d+)")  # msrun's words
NOISE = re.compile(r"\[(INFO|WARNING)\] ")  # MindSpore's own messages; the logs keep them
GRACE = 60  # seconds to save the training's state after SIGTERM


class Job:
    """msrun, its processes, and what is known of them.

    Args:
        command: msrun's command line.
        logs: folder of the processes' logs.
        first: number of the first process on this host.
        variables: environment variables of theirs.
    """

    def __init__(self, command: list[str], logs: Path, first: int, variables: dict[str, str]):
        self.logs, self.first = logs, first
        self.ranks: dict[int, int] = {}  # by process id
        self.death: tuple[int, int] | None = None  # process id and exit code of the first to fail
        self.signal: int | None = None
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
                       "PYTHONUNBUFFERED": "1", LAUNCHER: str(os.getpid()), **variables}
        # Its own session: a Ctrl+C of the terminal reaches this program alone, which tells the workers. msrun ends when
        # this program does, even by SIGKILL, and the workers end when msrun does (join_ranks in
        # src/training/machine/ranks.py). No thread is running yet. pylint: disable-next=subprocess-popen-preexec-fn
        self.msrun = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, start_new_session=True, preexec_fn=partial(end_with, os.getpid()))
        self.processes: dict[int, psutil.Process] = {}  # all that msrun has started, by process id

    def watch(self) -> int:
        """Shows the first process's log until the job ends; returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)
        reader = threading.Thread(target=self._read_msrun, daemon=True)
        reader.start()
        shown, told = Log(self.logs / f"worker_{self.first}.log"), None
        try:
            while self.msrun.poll() is None and self.death is None:
                self._look_around()
                shown.show()
                if self.signal is not None and told is None:
                    told = time.monotonic()
                    self._terminate()
                if told is not None and time.monotonic() - told > GRACE:
                    break
                time.sleep(0.1)
        finally:
            self._kill()
            reader.join(timeout=5)
            shown.show()
        return self._outcome()

    def _tell(self, number, _frame) -> None:
        self.signal = number

    def _look_around(self) -> None:
        """Remembers msrun's processes and the number of each."""
        try:
            for process in psutil.Process(self.msrun.pid).children(recursive=True):
                if process.pid in self.processes:
                    continue
                variables = process.environ()
                if variables.get("MS_ROLE") == "MS_WORKER" and "RANK_ID" in variables:
                    self.ranks[process.pid] = int(variables["RANK_ID"])
                if "MS_ROLE" in variables:
                    self.processes[process.pid] = process
        except psutil.Error:  # one that has just ended
            pass

    def _read_msrun(self) -> None:
        with open(self.logs / "msrun.log", "w", encoding="utf-8") as file:
            for line in self.msrun.stdout:
                file.write(line)
                file.flush()
                found = DEATH.search(line)
                if found and self.death is None:
                    self.death = int(found[1]), int(found[2])

    def _terminate(self) -> None:
        """Tells the workers to save and stop; they agree on the step, and the first one saves."""
        for pid in self.ranks:
            if self.processes[pid].is_running():
                self.processes[pid].terminate()

    def _kill(self) -> None:
        """Ends what is left of the job."""
        self._look_around()
        left = [*self.processes.values()]
        if self.msrun.poll() is None:
            left.append(psutil.Process(self.msrun.pid))
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.msrun.wait()

    def _outcome(self) -> int:
        if self.signal is not None:
            raise Interrupted(self.signal)
        if self.death is None and self.msrun.returncode == 0:
            return 0
        pid, code = self.death or (None, 1)
        code = code if code > 0 else 128 - code
        if code != 2:  # the process has said what is wrong with the input
            rank = self.ranks.get(pid)
            who = "msrun" if rank is None else f"rank {rank}"
            log = self.logs / ("msrun.log" if rank is None else f"worker_{rank}.log")
            print(f"error: {who} ended with exit code {code}; its log is {log}; the same command continues from "
                  "the last checkpoint", file=sys.stderr)
        return code


class Log:
    """Shows what is added to a file, without MindSpore's own messages."""

    def __init__(self, path: Path):
        self.path, self.position, self.rest = path, 0, ""

    def show(self) -> None:
        if not self.path.exists():
            return
        with open(self.path, encoding="utf-8", errors="replace") as file:
            file.seek(self.position)
            *lines, self.rest = (self.rest + file.read()).split("\n")
            self.position = file.tell()
        for line in lines:
            if not NOISE.match(line):
                print(line, flush=True)


def main(arguments: list) -> None:
    """Checks the input, prepares the data, starts msrun and ends as the training does."""
    given = parse(arguments, __doc__, OPTIONS, settings=True, words=("N", "DEVICE_TARGET"))
    from src.selection import check_request
    from src.workflow import choose_tasks, open_data

    start_logging()
    if len(given.words) != 2 or not given.words[0].isdigit() or not int(given.words[0]):
        raise UserError("the number of processes and the device come first: run_ranks.py N DEVICE_TARGET")
    ranks, device = int(given.words[0]), given.words[1]
    own = {option.name: getattr(given, option.name) for option in OPTIONS if getattr(given, option.name) is not None}
    options = [*given.settings, f"device_target={device}", "progress=false"]
    config = load_settings(options)
    data = open_data(config)
    check_request(data, choose_tasks(data, config), config)
    total, first = numbers(ranks, own, config)
    msrun = Path(sys.executable).parent / "msrun"
    if not msrun.exists():
        raise UserError(f"{msrun} does not exist; it comes with MindSpore 2.3 and later, which distributed training "
                        "needs: install requirements.txt into this Python's environment")
    logs = config.output_path / run_name(config) / "ranks" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    try:
        logs.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"cannot write to {logs}: {error.strerror}; name another output_dir") from None
    command = [sys.executable, str(msrun), f"--worker_num={total}", f"--local_worker_num={ranks}", "--join=True",
               f"--log_dir={logs}", f"--tail_worker_log={total}",  # which is nobody: their logs are shown here
               *(f"--{key}={value}" for key, value in own.items()),
               str(ROOT / "train.py"), *options]
    print(f"{total} processes; their logs are in {logs}", file=sys.stderr)
    shared = {LOCAL_RANKS: str(ranks)} if device == "CPU" else {}  # of a GPU's or an Ascend's host all take all cores
    sys.exit(Job(command, logs, first, shared).watch())


def numbers(local: int, own: dict, config) -> tuple[int, int]:
    """How many processes there are and the first one's number here; completes msrun's options.

    Raises:
        UserError: several hosts, and it is not said which of them this is, or the batch cannot be shared.
    """
    total = int(own.pop("worker_num", local))
    if total == local:
        own.pop("node_rank", None)
        own.setdefault("master_port", str(free_port()))
    elif not {"master_addr", "node_rank"} <= own.keys() or total % local:
        raise UserError(f"{total} processes, {local} of them here: give every host as many, --master_addr (that of the "
                        "first host) and --node_rank (0, 1, ...)")
    if not config.batch_per_rank and config.batch_size % total:
        raise UserError(f"batch_size {config.batch_size} cannot be shared equally by {total} processes; take "
                        f"{max(2, round(config.batch_size / total)) * total}")
    return total, int(own.get("node_rank", 0)) * local


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    run_program(main)

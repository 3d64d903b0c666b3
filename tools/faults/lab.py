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
"""Where faults are tried: a small data set, an uninterrupted run to compare with, and commands in forked processes.

Importing MindSpore takes seconds, and a campaign runs a thousand commands. So one process imports the programs once and
forks a child per command before MindSpore or Polars have computed anything; the child is a process of its own, to be
killed as any other.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np

from src.common.errors import UserError
from src.common.files import read_json, sha256
from src.common.processes import fork_program

PROGRAMS = ("preprocess", "select_features", "train", "eval", "export", "predict", "report")
SETTINGS = ["dataset=table", "embedding_dim=4", "bottom_dims=8", "tower_dims=4", "experts=2", "batch_size=192",
            "epochs=3", "patience=3", "progress=false", "device_target=CPU", "score=paper", "score_batches=2",
            "relation_epochs=2", "keep_ratio=0.9"]
QUICK = "selector=mutual_information"  # where the selection is not what is tried: half the time of a run
TIMES = ("seconds", "train_rows_per_second", "peak_memory_mb")  # of metrics.json: no two runs have the same
DESCRIPTION = """fields:
  - {name: city}
  - {name: user}
  - {name: age, kind: number, buckets: 8}
  - {name: at, kind: timestamp, part: hour, unit: s}
  - {name: device}
  - {name: tags, kind: multi, separator: "|"}
tasks:
  - {name: click, label: is_click}
  - {name: like, label: "rating >= 4"}
split: {by: random, seed: %d, parts: [0.8, 0.1, 0.1]}
"""
LIMIT = 120  # seconds after which a command counts as hanging


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (-9: killed), what it wrote to each stream, and how long it took."""

    code: int
    out: str
    errors: str
    seconds: float

    @property
    def clear(self) -> bool:
        """Whether it ended as wrong input should: exit code 2, one line that says why, no traceback."""
        lines = [line for line in self.errors.splitlines() if line.startswith("error: ")]
        return self.code == 2 and len(lines) == 1 and "Traceback" not in self.errors

    @property
    def last(self) -> str:
        return (self.errors.strip().splitlines() or ["no message"])[-1][:300]


@dataclass(frozen=True)
class Tried:
    """One fault and its outcome.

    Attributes:
        fault: the row of the table it belongs to.
        outcome: clear (one line, exit code 2), recovered (the result is that of an undisturbed run), or one of the
            ways to lose: traceback, silent (a wrong result without a word), hang, lost.
        detail: what was done, and what went wrong.
        seconds: how long it took to end, where that counts.
    """

    fault: str
    outcome: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def survived(self) -> bool:
        return self.outcome in ("clear", "recovered")


class Lab:
    """A folder with raw data, a prepared set, and finished runs; everything else is compared with these.

    Args:
        folder: where to work; it is emptied first.
        seed: of the campaign.
    """

    def __init__(self, folder: Path, seed: int):
        self.folder, self.seed = Path(os.path.abspath(folder)), seed
        if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / "data.csv").exists():
            raise UserError(f"work_dir {self.folder} holds something else; name a new or empty folder")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        os.chdir(self.folder)
        self.programs = {name: importlib.import_module(name) for name in PROGRAMS}
        importlib.import_module("src.workflow")  # once, here: the forked programs find it loaded
        self.seconds: dict[str, float] = {}  # of an undisturbed command
        self._started = 0
        self.expected: dict[Any, Any] = {}  # what undamaged copies give, by number of a target
        write_table(self.folder, 2400)
        self.prepared = self.tree(self._baseline("prepare", *self.prepare("set")))
        self._baseline("select", *self.select("selected"))
        self._baseline("train", *self.train("whole"))
        self.selection = (self.folder / "runs/selected/selection.json").read_bytes()
        self.run = self.fingerprint(self.folder / "runs/whole")

    def draw(self, stage: str, index: int) -> random.Random:
        """The random numbers of one case: the same whenever it is repeated."""
        return random.Random(f"{self.seed}:{stage}:{index}")

    def prepare(self, name: str, *more: str, table: str = "table.yaml", raw: str = "data.csv") -> tuple[str, list]:
        return "preprocess", ["--dataset", "table", "--raw_dir", raw, "--table", table, "--data_dir", name, *more]

    def select(self, name: str, *more: str) -> tuple[str, list]:
        return "select_features", [*SETTINGS, "data_dir=set", "output_dir=runs", f"run_name={name}", *more]

    def train(self, name: str, *more: str) -> tuple[str, list]:
        return "train", [*SETTINGS, QUICK, "data_dir=set", "output_dir=runs", f"run_name={name}", *more]

    def call(self, program: str, arguments: Sequence[str], before: Callable[[], Any] | None = None,
             kill_after: float | None = None) -> Ended:
        """Runs a program in a forked child, in the lab's folder.

        Args:
            before: called in the child before the program, to put a fault in its way.
            kill_after: seconds until SIGKILL.
        """
        child, logs = self.start(program, arguments, before)
        return self.wait(child, logs, kill_after)

    def start(self, program: str, arguments: Sequence[str],
              before: Callable[[], Any] | None = None) -> tuple[int, list[Path]]:
        """Starts a program in a forked child; returns its process id and where its streams go, for :meth:`wait`."""
        self._started += 1
        logs = [self.folder / "logs" / f"{self._started}.{stream}" for stream in ("out", "errors")]
        logs[0].parent.mkdir(exist_ok=True)
        return fork_program(self.programs[program].main, [program + ".py", *arguments], *logs, before), logs

    def wait(self, child: int, logs: list[Path], kill_after: float | None = None) -> Ended:
        """Returns how a started program ended."""
        began = time.monotonic()
        status = self._await(child, began, kill_after)
        texts = [path.read_text(encoding="utf-8", errors="replace") if path.exists() else "" for path in logs]
        for path in logs:
            path.unlink(missing_ok=True)
        return Ended(status, *texts, time.monotonic() - began)

    def _await(self, child: int, began: float, kill_after: float | None) -> int:
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            seconds = time.monotonic() - began
            if seconds > (LIMIT if kill_after is None else kill_after):
                os.kill(child, signal.SIGKILL)
                kill_after = LIMIT
            time.sleep(0.002)

    def _baseline(self, name: str, program: str, arguments: list) -> Path:
        ended = self.call(program, arguments)
        if ended.code != 0:
            raise UserError(f"the undisturbed {program} ended with exit code {ended.code}: {ended.last}")
        self.seconds[name] = ended.seconds
        return self.folder / "set"

    @staticmethod
    def tree(folder: Path) -> dict[str, str]:
        """Every file below a folder and its SHA-256."""
        return {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*"))
                if path.is_file()}

    @staticmethod
    def fingerprint(run: Path) -> dict[str, Any]:
        """What one seed decides of a run's folder: all that it holds but times, logs and the environment."""
        metrics = {key: value for key, value in read_json(run / "metrics.json").items() if key not in TIMES}
        files = {name: sha256(run / name) for name in ("selection.json", "best.ckpt")}
        history = [{key: value for key, value in json.loads(line).items() if key not in TIMES}
                   for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines()]
        shown = sorted(path.name for path in (run / "report.html", *(run / "plots").glob("*.png")) if path.exists())
        return {"metrics": metrics, "history": history, "report": shown, **files}

    def differences(self, run: Path, expected: dict[str, Any] | None = None) -> str:
        """Names what of a run's folder is not as in the undisturbed run; empty where all is."""
        try:
            found = self.fingerprint(run)
        except (OSError, ValueError, UserError) as error:
            return str(error)
        expected = expected or self.run
        return ", ".join(key for key in expected if found[key] != expected[key])

    def fresh(self, name: str, source: str | None = None) -> Path:
        """An empty place in the lab's folder, or a copy of something there."""
        target = self.folder / name
        for left in (target, target.with_name(f".{target.name}.preparing"),
                     target.with_name(f".{target.name}.replaced")):
            shutil.rmtree(left, ignore_errors=True)
        if source is not None:
            shutil.copytree(self.folder / source, target)
        return target


def write_table(folder: Path, rows: int) -> None:
    """A small log with something to learn in it, and two descriptions of it that differ in the split."""
    rng = np.random.default_rng(7)
    city, user, age = rng.integers(0, 12, rows), rng.integers(0, 150, rows), rng.integers(18, 80, rows)
    clicked = rng.random(rows) < 1 / (1 + np.exp(-(city % 3 - 1.0 + (age - 50) / 20)))
    rating = np.clip(rng.integers(1, 5, rows) + (user % 4 == 0), 1, 5)
    at, device = 1_600_000_000 + rng.integers(0, 10**7, rows), rng.integers(0, 4, rows)
    lines = ["city,user,age,at,device,tags,is_click,rating"]
    lines += [f"c{city[i]},u{user[i]},{age[i]},{at[i]},d{device[i]},t{user[i] % 5}|t{city[i]},{int(clicked[i])},"
              f"{rating[i]}" for i in range(rows)]
    (folder / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, seed in (("table.yaml", 1), ("other.yaml", 2)):
        (folder / name).write_text(DESCRIPTION % seed, encoding="utf-8")

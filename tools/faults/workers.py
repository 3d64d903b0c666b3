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
"""A worker of a distributed training killed at a random moment: the job has to end soon, say who died, and resume."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil

from src.common.errors import UserError
from tools.faults.lab import SETTINGS, Lab, Tried

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "run_distribute_train_cpu.sh"
FAULT, SOON, EPOCHS = "kill -9: a worker of two", 60, 8
LONG = [word for word in SETTINGS if not word.startswith(("epochs", "patience", "dataset"))] + [
    f"epochs={EPOCHS}", f"patience={EPOCHS}", "selector=mutual_information", "data_dir=set", "output_dir=runs"]
DIED = re.compile(r"error: rank (\d) ended with exit code 137; its log is .*/worker_\1\.log")


def kill_worker(lab: Lab, stage: str, index: int) -> Tried:
    """Kills one rank, waits for the job's end, and gives the same command again."""
    if "workers" not in lab.expected:
        began = time.monotonic()
        with _start(lab, "two") as job:
            errors = job.communicate()[1]
        if job.returncode != 0:
            raise UserError(f"the undisturbed job ended with exit code {job.returncode}: {errors.strip()[-300:]}")
        lab.expected["workers"] = lab.fingerprint(lab.folder / "runs" / "two")
        print(f"undisturbed: train in two processes {time.monotonic() - began:.1f} s")
    draw = lab.draw(stage, index)
    for attempt in range(5):  # a job that was quicker than its kill does not count
        tried = _kill(lab, draw, 0.7 ** attempt)
        if tried is not None:
            return tried
    return Tried(FAULT, "lost", "no worker was met by its kill")


def _kill(lab: Lab, draw: random.Random, hurry: float) -> Tried | None:
    run, victim = lab.fresh("runs/killed"), draw.randrange(2)
    epoch, part = draw.randrange(round(EPOCHS * hurry)), draw.random() * 0.1
    with _start(lab, "killed") as job:
        while job.poll() is None and _epochs(run) < epoch:
            time.sleep(0.01)
        time.sleep(part)
        ranks = _ranks(job)
        if victim not in ranks:
            job.communicate()
            return None
        ranks[victim].kill()
        began = time.monotonic()
        try:
            errors = job.communicate(timeout=2 * SOON)[1]
        except subprocess.TimeoutExpired:
            job.kill()
            return Tried(FAULT, "hang", f"rank {victim} after epoch {epoch}", 2.0 * SOON)
    seconds = time.monotonic() - began
    what = f"rank {victim} after epoch {epoch}"
    if job.returncode == 0:
        return None
    said = DIED.search(errors)
    if seconds > SOON or not said or int(said[1]) != victim or "Traceback" in errors:
        return Tried(FAULT, "lost", f"{what}: exit code {job.returncode}, {errors.strip()[-300:]}", seconds)
    with _start(lab, "killed") as again:
        errors = again.communicate()[1]
    problem = lab.differences(run, lab.expected["workers"]) if again.returncode == 0 else errors.strip()[-300:]
    return Tried(FAULT, "lost" if problem else "recovered", f"{what}, ended in {seconds:.1f} s: {problem}", seconds)


def _start(lab: Lab, name: str) -> subprocess.Popen:
    kept = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "MS_ROLE")}
    return subprocess.Popen(["bash", str(SCRIPT), "2", "table", *LONG, f"run_name={name}"], cwd=lab.folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**kept, "MULTISFS_PYTHON": sys.executable})


def _epochs(run: Path) -> int:
    history = run / "history.jsonl"
    return len(history.read_text(encoding="utf-8").splitlines()) if history.exists() else 0


def _ranks(job: subprocess.Popen) -> dict[int, psutil.Process]:
    found = {}
    try:
        for process in psutil.Process(job.pid).children(recursive=True):
            variables = process.environ()
            if variables.get("MS_ROLE") == "MS_WORKER" and "RANK_ID" in variables:
                found[int(variables["RANK_ID"])] = process
    except psutil.Error:  # one that has just ended
        pass
    return found

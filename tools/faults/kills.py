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
"""kill -9: at a random moment of a command, and just before, during or after one of its writes.

Whatever was killed, the same command is given again, up to three times into another kill, and has to end with what the
undisturbed command gave, to the byte.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path
from typing import Any, Callable

import mindspore

from src.common.errors import UserError
from src.data import PreparedData
from src.training.checkpoint import has_checkpoint
from tools.faults.lab import Lab, Tried

STAGES = ("prepare", "select", "train", "checkpoint")
SHARES = (0.3, 0.2, 0.25, 0.25)  # of all kills
MOMENTS = ("before", "during", "after")
LONGEST_WRITE = 0.004  # seconds; a small file's


def counts(kills: int) -> dict[str, int]:
    """How many of the kills every stage gets."""
    split = {stage: round(kills * share) for stage, share in zip(STAGES, SHARES)}
    split["train"] += kills - sum(split.values())
    return split


def kill(lab: Lab, stage: str, index: int) -> Tried:
    """Kills a command one to three times, lets it finish, and compares."""
    draw = lab.draw(stage, index)
    done = None
    for attempt in range(20):  # a command that was quicker than its kill does not count
        done = _CASES[stage](lab, draw, 0.7 ** attempt)
        if done is not None:
            break
    return done or Tried(f"kill -9: {stage}", "lost", "the command was never met by its kill")


def _prepare(lab: Lab, draw: random.Random, hurry: float) -> Tried | None:
    """Also over an existing set: then either it is found, or the new one, and never a part of one."""
    target, over = lab.fresh("killed-set"), draw.random() < 0.5
    old = {}
    if over:
        lab.call(*lab.prepare("killed-set", table="other.yaml"))
        old = lab.tree(target)
    command = lab.prepare("killed-set", *(["--overwrite"] if over else []))
    done = []

    def whole() -> str:
        found = lab.tree(target) if target.exists() else None
        if found is not None and found not in (old, lab.prepared):
            return "a kill left a part of a data set"
        if found is not None:
            PreparedData.open(target)
        return ""

    problem = _kill_and_finish(lab, draw, hurry, "prepare", command, done, whole)
    if problem is None:
        return None
    left = sorted(path.name for path in lab.folder.glob(".killed-set.*") if not path.name.endswith(".lock"))
    if not problem and left:
        problem = f"left behind: {', '.join(left)}"
    if not problem and lab.tree(target) != lab.prepared:
        problem = "another data set than the undisturbed one"
    return _tried("prepare", problem, done)


def _select(lab: Lab, draw: random.Random, hurry: float) -> Tried | None:
    run, done = lab.fresh("runs/killed"), []
    problem = _kill_and_finish(lab, draw, hurry, "select", lab.select("killed"), done, lambda: "")
    if problem is None:
        return None
    if not problem and (run / "selection.json").read_bytes() != lab.selection:
        problem = "another selection than the undisturbed one"
    return _tried("select", problem or _litter(run), done)


def _train(lab: Lab, draw: random.Random, hurry: float, stage: str = "train") -> Tried | None:
    run, done = lab.fresh("runs/killed"), []
    problem = _kill_and_finish(lab, draw, hurry, stage, lab.train("killed"), done, lambda: _progress_kept(run))
    if problem is None:
        return None
    return _tried(stage, problem or lab.differences(run) or _litter(run), done)


def _checkpoint(lab: Lab, draw: random.Random, hurry: float) -> Tried | None:
    return _train(lab, draw, hurry, "checkpoint")


_CASES = {"prepare": _prepare, "select": _select, "train": _train, "checkpoint": _checkpoint}


def _kill_and_finish(lab: Lab, draw: random.Random, hurry: float, stage: str, command: tuple, done: list,
                     check: Callable[[], str]) -> str | None:
    """Runs a command into kills and then to its end; returns what is wrong, or None if no kill met it."""
    for _ in range(draw.choice((1, 1, 2, 3))):
        how, before, after = _draw_kill(lab, draw, hurry, stage)
        ended = lab.call(*command, before=before, kill_after=after)
        if ended.code == 0 or (ended.code != -signal.SIGKILL and done):
            break
        done.append(how)
        if ended.code != -signal.SIGKILL:
            return f"exit code {ended.code} in place of a kill: {ended.last}"
        try:
            problem = check()
        except UserError as error:
            problem = str(error)
        if problem:
            return problem
    if not done:
        return None
    ended = lab.call(*command)
    if ended.code != 0 or "Traceback" in ended.errors:
        return f"exit code {ended.code} after the kills: {ended.last}"
    return ""


def _draw_kill(lab: Lab, draw: random.Random, hurry: float, stage: str) -> tuple[str, Any, float | None]:
    """A moment to kill at: (in words, what to do in the child before it starts, or the seconds to wait)."""
    if stage == "checkpoint" or (stage == "prepare" and draw.random() < 0.4):
        highest = 34 if stage == "checkpoint" else 22
        number, moment = 1 + int(draw.random() * highest * hurry), draw.choice(MOMENTS)
        delay = draw.uniform(0, LONGEST_WRITE)
        return f"{moment} write {number}", lambda: _die_at(number, moment, delay), None
    seconds = draw.uniform(0, 1) * lab.seconds[stage] * hurry
    return f"after {seconds:.3f} s", None, seconds


def _die_at(number: int, moment: str, delay: float) -> None:
    """Kills this process at its ``number``-th write: a checkpoint's, a sync or a rename."""
    calls = [0]

    def wrap(function: Callable) -> Callable:
        def wrapped(*arguments, **options):
            calls[0] += 1
            mine = calls[0] == number
            if mine and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if mine and moment == "during":
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
            result = function(*arguments, **options)
            if mine and moment == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return wrapped

    mindspore.save_checkpoint = wrap(mindspore.save_checkpoint)
    for name in ("fsync", "replace", "rename"):
        setattr(os, name, wrap(getattr(os, name)))


def _progress_kept(run: Path) -> str:
    """A checkpoint once written is never lost: with history of an epoch on disk, one of the last two can be read.

    The history is written before last.ckpt, so that the first epoch alone may have none.
    """
    history = run / "history.jsonl"
    epochs = len(history.read_text(encoding="utf-8").splitlines()) if history.exists() else 0
    if epochs > 1 and not any(has_checkpoint(run / name) for name in ("last.ckpt", "previous.ckpt")):
        return f"a kill in epoch {epochs} or later left no checkpoint that can be read"
    return ""


def _litter(run: Path) -> str:
    left = sorted(path.name for path in run.iterdir() if "tmp" in path.name)
    return f"left behind: {', '.join(left)}" if left else ""


def _tried(stage: str, problem: str, done: list) -> Tried:
    return Tried(f"kill -9: {stage}", "lost" if problem else "recovered", f"{', '.join(done)}: {problem}")

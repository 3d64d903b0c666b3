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
"""What else happens to a training: a loss that is no number, two runs on one folder, a clock that jumps, no memory."""

from __future__ import annotations

import random
import resource
import time
from pathlib import Path
from typing import Callable

import numpy as np

from src.training import trainer
from src.training.checkpoint import has_checkpoint
from tools.faults.lab import Lab, Tried

RUN = "tried"
YEARS = 10 * 365 * 86400


def disturb(lab: Lab, stage: str, index: int) -> Tried:
    """One of the four, in turn; then the same command undisturbed."""
    draw = lab.draw(stage, index)
    lab.fresh(f"runs/{RUN}")
    return (_not_a_number, _two_runs, _jumping_clock, _no_memory)[index % 4](lab, draw)


def _not_a_number(lab: Lab, draw: random.Random) -> Tried:
    step, place = draw.randrange(1, 30), draw.choice((0, -1))  # the embedding, which ReLU hides, or the last bias

    def poison() -> None:
        stop, calls = trainer.Trainer._stop_if_told, []

        def counted(self):
            stop(self)
            calls.append(self)
            if len(calls) == step:
                parameter = self.model.trainable_params()[place]
                parameter.set_data(parameter * np.nan)

        trainer.Trainer._stop_if_told = counted

    return _refused_then_the_same(lab, "loss that is not finite", f"from step {step}", poison, "batch")


def _two_runs(lab: Lab, draw: random.Random) -> Tried:
    run = lab.folder / "runs" / RUN
    first = lab.start(*lab.train(RUN))
    while not (run / "config.yaml").exists():
        time.sleep(0.01)
    time.sleep(draw.random() * 0.5)
    second = lab.call(*lab.train(RUN))
    ended = lab.wait(*first)
    problem = "" if ended.code == 0 else f"the first run ended with exit code {ended.code}, {ended.last}"
    if not second.clear:
        problem = f"the second run ended with exit code {second.code}, {second.last}"
    problem = problem or lab.differences(run)
    return Tried("two runs on one folder", "lost" if problem else "clear", problem or second.last)


def _jumping_clock(lab: Lab, draw: random.Random) -> Tried:
    def jump() -> None:
        now, jumps = time.time, random.Random(draw.random())
        time.time = lambda: now() + jumps.uniform(-YEARS, YEARS)
        time.time_ns = lambda: int(time.time() * 1e9)

    ended = lab.call(*lab.train(RUN), before=jump)
    problem = lab.differences(lab.folder / "runs" / RUN) if ended.code == 0 else ended.last
    return Tried("clock that jumps by years", "lost" if problem else "recovered", problem)


def _no_memory(lab: Lab, draw: random.Random) -> Tried:
    """An address space that ends some MiB above what the process has when it starts."""
    mebibytes = draw.randrange(8, 400)

    def limit() -> None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        size = pages * resource.getpagesize() + (mebibytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    return _refused_then_the_same(lab, "out of memory", f"{mebibytes} MiB", limit, "")


def _refused_then_the_same(lab: Lab, fault: str, what: str, before: Callable[[], None], word: str) -> Tried:
    """The disturbed command ends in one line and leaves what it had saved; undisturbed it then ends as usual."""
    run = lab.folder / "runs" / RUN
    ended = lab.call(*lab.train(RUN), before=before)
    if ended.code == 0 and not lab.differences(run):
        return Tried(fault, "recovered", f"{what}: was enough")
    if not ended.clear or word not in ended.last:
        return Tried(fault, "traceback", f"{what}: exit code {ended.code}, {ended.last}")
    if (run / "last.ckpt").exists() and not has_checkpoint(run / "last.ckpt"):
        return Tried(fault, "lost", f"{what}: last.ckpt is damaged")
    again = lab.call(*lab.train(RUN))
    problem = again.last if again.code != 0 else lab.differences(run)
    return Tried(fault, "lost" if problem else "clear", f"{what}: {problem or ended.last}")

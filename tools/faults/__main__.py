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
"""A seeded fault campaign against the project's own commands, on a small data set that it makes itself.

    python -m tools.faults                                          # everything; hours on two cores
    python -m tools.faults --kills 20 --corruptions 50 --worker_kills 1 --full_disks 0
    python -m tools.faults --only train:17                          # one case again

Kills processes at random moments, damages files, mixes up files and data, fills disks, kills workers of a distributed
training; after each fault the same command has to finish with the result of an undisturbed run, or to end with one
clear line. Prints a table of faults tried, survived and lost; the exit code is 1 if anything was lost.
docs/ROBUSTNESS.md has the rules and a table.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy and MindSpore are loaded: the networks are tiny

from src.command_line import parse  # noqa: E402
from src.common.errors import UserError, run_program  # noqa: E402
from src.common.option import Option  # noqa: E402
from tools.faults.lab import Lab, Tried  # noqa: E402

COUNT = {"min": 0}
OPTIONS = (
    Option("kills", 200, "kill -9 of prepare, select, train, checkpoint writing", "whole", limits=COUNT),
    Option("corruptions", 500, "damaged files", "whole", limits=COUNT),
    Option("mixups", 170, "other data under a run, files of another run, sealed changes", "whole", limits=COUNT),
    Option("worker_kills", 20, "kill -9 of one of two workers", "whole", limits=COUNT),
    Option("full_disks", 15, "small or read-only disks; only where tmpfs can be mounted", "whole", limits=COUNT),
    Option("conditions", 20, "NaN, two runs on one folder, clock, memory, in turn", "whole", limits=COUNT),
    Option("seed", 0, "of the faults and their moments", "whole", limits=COUNT),
    Option("work_dir", "", "where to work and what to look at afterwards (default: a temporary folder)", "path"),
    Option("only", "", "one case, STAGE:INDEX, as the report names it"),
)


def main(arguments: list) -> None:
    """Runs the campaign, or one case of it.

    Raises:
        UserError: an option is wrong, or the undisturbed commands do not run.
        SystemExit: something was lost (1).
    """
    options = parse(arguments, __doc__, OPTIONS)
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        lab = Lab(Path(options.work_dir or temporary), options.seed)
        print("undisturbed: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in lab.seconds.items()))
        plan = plan_of(options, lab.folder)
        tried = try_all(lab, plan)
        os.chdir(Path(__file__).parents[2])  # the temporary folder goes
    report(plan, tried, options.seed)
    if not all(item.survived for item in tried):
        sys.exit(1)


def plan_of(options: SimpleNamespace, folder: Path) -> list[tuple[str, int, Callable]]:
    """The cases to try: (stage, index in the stage, function)."""
    from tools.faults import conditions, corruptions, disks, kills, mixups, workers

    stages = {stage: (kills.kill, count) for stage, count in kills.counts(options.kills).items()}
    stages["corruption"] = corruptions.corrupt, options.corruptions
    stages["mixup"] = mixups.mix_up, options.mixups
    stages["worker"] = workers.kill_worker, options.worker_kills
    stages["condition"] = conditions.disturb, options.conditions
    problem = disks.unavailable(folder) if options.full_disks else ""
    if problem:
        print(f"full disks are not tried: {problem}")
    stages["disk"] = disks.fill, 0 if problem else options.full_disks
    if options.only:
        stage, _, index = options.only.partition(":")
        if stage not in stages or not index.isdigit():
            raise UserError(f"only is {options.only!r}; expected STAGE:INDEX with a stage of {', '.join(stages)}")
        return [(stage, int(index), stages[stage][0])]
    return [(stage, index, case) for stage, (case, count) in stages.items() for index in range(count)]


def try_all(lab: Lab, plan: list) -> list[Tried]:
    """Tries the faults in turn; Ctrl+C or SIGTERM ends the campaign early, and what was tried is reported."""
    tried: list[Tried] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for stage, index, case in plan:
            tried.append(attempt(lab, case, stage, index))
    except KeyboardInterrupt:
        print(f"stopped after {len(tried)} of {len(plan)} faults")
    return tried


def attempt(lab: Lab, case: Callable[[Lab, str, int], Tried], stage: str, index: int) -> Tried:
    """Tries one fault; says at once what was lost."""
    began = time.monotonic()
    tried = case(lab, stage, index)
    if not tried.survived or index % 10 == 0 or tried.seconds:
        print(f"{time.strftime('%H:%M:%S')} {stage}:{index} {time.monotonic() - began:.1f} s {tried.outcome}: "
              f"{tried.fault}, {tried.detail}", flush=True)
    return tried


def report(plan: list, tried: list[Tried], seed: int) -> None:
    """Prints the table, and every loss with the command that repeats it."""
    from src.report import markdown_table

    rows = []
    for fault in dict.fromkeys(item.fault for item in tried):
        mine = [item for item in tried if item.fault == fault]
        count = {outcome: sum(item.outcome == outcome for item in mine) for outcome in ("clear", "recovered")}
        longest = max(item.seconds for item in mine)
        rows.append([fault, len(mine), count["recovered"], count["clear"], sum(not item.survived for item in mine),
                     f"{longest:.1f}" if longest else "-"])
    rows.append(["all", len(tried), *(sum(row[column] for row in rows) for column in (2, 3, 4)), ""])
    print(markdown_table(["fault", "tried", "same result", "one clear line", "lost", "longest s"], rows))
    for (stage, index, _), item in zip(plan, tried):
        if not item.survived:
            print(f"{item.outcome}: {item.fault}, {item.detail}")
            print(f"    python -m tools.faults --seed {seed} --only {stage}:{index}")


if __name__ == "__main__":
    run_program(main)

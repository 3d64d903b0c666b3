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
    python -m tools.faults --kills 20 --corruptions 50 --worker_kills 1 --disks 0
    python -m tools.faults --only train:17                          # one case again

Kills processes at random moments, damages files, mixes up files and data, fills disks, kills workers of a distributed
training; after each fault the same command has to finish with the result of an undisturbed run, or to end with one
clear line. Prints a table of faults tried, survived and lost; the exit code is 1 if anything was lost.
docs/ROBUSTNESS.md has the rules and a table.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy and MindSpore are loaded: the networks are tiny

from src.command_line import Parser  # noqa: E402
from src.errors import UserError, run_program  # noqa: E402
from src.report.tables import markdown_table  # noqa: E402
from tools.faults import conditions, corruptions, disks, kills, mixups, workers  # noqa: E402
from tools.faults.lab import Lab, Tried  # noqa: E402


def main(arguments: list) -> None:
    """Runs the campaign, or one case of it.

    Raises:
        UserError: an option is wrong, or the undisturbed commands do not run.
        SystemExit: something was lost (1).
    """
    options = build_parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        lab = Lab(Path(options.work_dir or temporary), options.seed)
        print("undisturbed: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in lab.seconds.items()))
        plan = plan_of(options, lab.folder)
        tried = try_all(lab, plan)
        os.chdir(Path(__file__).parents[2])  # the temporary folder goes
    report(plan, tried, options.seed)
    if not all(item.survived for item in tried):
        sys.exit(1)


def build_parser() -> argparse.ArgumentParser:
    """Returns the command line of this program."""
    parser = Parser(prog="python -m tools.faults", description=__doc__.splitlines()[0], allow_abbrev=False)
    add = parser.add_argument
    add("--kills", type=_count, default=200, help="kill -9 of prepare, select, train, checkpoint writing (200)")
    add("--corruptions", type=_count, default=500, help="damaged files (500)")
    add("--mixups", type=_count, default=170, help="other data under a run, files of another run, sealed changes (170)")
    add("--worker_kills", type=_count, default=20, help="kill -9 of one of two workers (20)")
    add("--full_disks", type=_count, default=15, help="small or read-only disks (15); only where tmpfs can be mounted")
    add("--conditions", type=_count, default=20, help="NaN, two runs on one folder, clock, memory, in turn (20)")
    add("--seed", type=int, default=0, help="of the faults and their moments (0)")
    add("--work_dir", help="where to work and what to look at afterwards (default: a temporary folder)")
    add("--only", metavar="STAGE:INDEX", help="one case, as the report names it")
    return parser


def plan_of(options: argparse.Namespace, folder: Path) -> list[tuple[str, int, Callable]]:
    """The cases to try: (stage, index in the stage, function)."""
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


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of faults")
    return int(text)


if __name__ == "__main__":
    run_program(main)

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
"""A dry run of everything the project does on a GPU, on a machine without one.

    python -m tools.gpu                                        # all programs; some minutes
    python -m tools.gpu --only train-ple-lazy,select-paper-gnn
    python -m tools.gpu --only missing                         # shows how it fails: what no GPU has a kernel for

Loads MindSpore's GPU plug-in over stub CUDA libraries and runs the programs on a small data set. MindSpore itself
chooses a kernel for every operator with its data types; where it has none for a GPU it takes the CPU's without a word,
which is listed here. Prints the operators of all graphs; the exit code is 1 if one is missing or a program fails.
Numbers and speed are not checked: the stub's kernels do nothing. docs/GPU.md says what that leaves open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.check_env import plugin_path
from src.command_line import parse
from src.errors import UserError, run_program
from src.option import Option
from tools.gpu.graphs import PASSES, Kernel
from tools.gpu.stubs import build_stubs

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = (
    Option("only", (), "names of programs, comma separated; none for all", "names", empty=True),
    Option("work_dir", "", "new folder for the stubs and the runs, kept (default: a temporary one)", "path"),
)


def main(arguments: list) -> None:
    """Runs the programs and prints what they need.

    Raises:
        UserError: there is no compiler, no GPU plug-in, or no program of that name.
        SystemExit: an operator has no kernel, or a program did not finish (1).
    """
    options = parse(arguments, __doc__, OPTIONS)
    with tempfile.TemporaryDirectory(prefix="gpu-") as temporary:
        results = dry_run(Path(options.work_dir or temporary), options.only)
    lines, good = summary(results)
    print("\n".join(lines))
    if not good:
        sys.exit(1)


def dry_run(folder: Path, only: Sequence[str] = ()) -> list[dict]:
    """Runs the programs in one process over the stubs; what each of them needed (tools/gpu/programs.py)."""
    plugin = plugin_path()
    if plugin is None or not plugin.name.endswith(".11.6"):
        raise UserError("this MindSpore has no GPU plug-in for CUDA 11.6; only 2.x on Linux and x86-64 has one")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **build_stubs(plugin, folder),
                   "MS_DEV_SAVE_GRAPHS": "1", "MS_DEV_SAVE_GRAPHS_PATH": str(folder / "graphs"),
                   "MS_DEV_DUMP_IR_PASSES": ",".join(PASSES)}
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        done = subprocess.run([sys.executable, "-m", "tools.gpu.programs", str(folder), ",".join(only) or "ALL"],
                              stdout=subprocess.PIPE, stderr=log, text=True, env=environment, check=False)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode:
        last = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        results.append({"name": "the process", "kernels": [], "expanded": [],
                        "error": f"exit code {done.returncode}: {''.join(last)[:600]}"})
    return results


def summary(results: list[dict]) -> tuple[list[str], bool]:
    """What to print, and whether every program finished and every operator has a kernel."""
    kernels = {Kernel(item["name"], tuple(item["inputs"]), tuple(item["outputs"]), item["reason"])
               for result in results for item in result["kernels"]}
    missing = sorted(kernel for kernel in kernels if kernel.reason)
    failed = [result for result in results if result["error"] or not result["kernels"]]
    expanded = sorted({name for result in results for name in result["expanded"]})
    lines = [f"{len(results)} programs, {len({kernel.name for kernel in kernels})} operators, {len(kernels)} with "
             "their data types:"]
    lines += [f"  {kernel}" for kernel in sorted(kernels) if not kernel.reason]
    lines += [f"expanded into these by MindSpore's back end, so that they need no kernel: {', '.join(expanded)}"]
    lines += [f"no GPU kernel: {kernel}: {kernel.reason}" for kernel in missing]
    lines += [f"failed: {result['name']}: {result['error'] or 'no graph was compiled'}" for result in failed]
    lines += [] if missing or failed else ["every operator has a GPU kernel"]
    return lines, bool(results) and not missing and not failed


if __name__ == "__main__":
    run_program(main)

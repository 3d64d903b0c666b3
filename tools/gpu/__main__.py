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
from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.lib.check_env import plugin_path
from src.command_line import parse
from src.common.errors import UserError, nearest, run_program
from src.common.option import Option
from tools.gpu.ascend import ascend_lines, cpu_kernels, kernel_names
from tools.gpu.cards import architectures, cards_line
from tools.gpu.graphs import PASSES, Kernel
from tools.gpu.programs import programs
from tools.gpu.stubs import KERNELS, build_stubs

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = (
    Option("only", (), "names of programs, comma separated; none for all", "names", empty=True),
    Option("work_dir", "", "new folder for the stubs and the runs, kept (default: a temporary one)", "path"),
)


def main(arguments: list) -> None:
    """Runs the programs and prints what they need.

    Raises:
        UserError: there is no compiler, no GPU plug-in, or no program of a name given.
        SystemExit: an operator has no kernel, or a program did not finish (1).
    """
    options = parse(arguments, __doc__, OPTIONS)
    for name in options.only:
        if name not in (*programs(), "missing"):
            raise UserError(f"only has {name}, which is no program of a dry run{nearest(name, programs())}")
    with tempfile.TemporaryDirectory(prefix="gpu-") as temporary:
        results = dry_run(Path(options.work_dir or temporary), options.only)
    lines, good = summary(results)
    print("\n".join([*lines, *about_devices(results)]))
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


def about_devices(results: list[dict]) -> list[str]:
    """What the wheel's files say about cards and about Ascend."""
    folder = plugin_path().parent
    tables = folder.parents[1] / "ops" / "_op_impl" / "aicpu"
    wanted = _kernels(result for result in results if result["name"] != "missing")
    return [cards_line(architectures(folder / "gpu" / KERNELS)),
            *ascend_lines(wanted, kernel_names(folder), cpu_kernels(tables))]


def summary(results: list[dict]) -> tuple[list[str], bool]:
    """What to print, and whether every program finished and every operator has a kernel."""
    kernels = _kernels(results)
    names = {kernel.name for kernel in kernels}
    expanded = sorted({name for result in results for name in result["expanded"]} - names)
    wrong = [f"no GPU kernel: {kernel}: {kernel.reason}" for kernel in kernels if kernel.reason]
    wrong += [f"failed: {result['name']}: {problem}" for result in results for problem in _problems(result)]
    lines = [f"{len(results)} programs, {len(names)} operators, {len(kernels)} with their data types:",
             *(f"  {kernel}" for kernel in kernels if not kernel.reason),
             f"expanded into these by MindSpore's back end, so that they need no kernel: {', '.join(expanded)}"]
    good = bool(results) and not wrong
    return [*lines, *(wrong or ["every operator has a GPU kernel"])], good


def _kernels(results: Iterable[dict]) -> list[Kernel]:
    return sorted({Kernel(item["name"], tuple(item["inputs"]), tuple(item["outputs"]), item["reason"])
                   for result in results for item in result["kernels"]})


def _problems(result: dict) -> list[str]:
    if result["error"]:
        return [result["error"]]
    return [] if result["kernels"] else ["no graph was compiled"]


if __name__ == "__main__":
    run_program(main)

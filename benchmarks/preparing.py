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
"""The prepare suite: preprocess.py on raw logs in the layouts of KuaiRand-Pure and AliCCP."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import median
from src.common.errors import UserError
from src.data import prepare
from src.report import markdown_table
from tests.makers.aliccp import write_aliccp

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ["data set", "rows", "seconds (median)", "rows/s", "CPU seconds", "peak memory, MB"]


def preparing(config=None, rows: int = 1_000_000, rounds: int = 3) -> dict:
    """Preparing raw logs, the data sets in turn, each time in a process of its own. ``config`` is not used."""
    with tempfile.TemporaryDirectory() as folder:
        raw = {"kuairand": Path(folder) / "kuairand", "aliccp": Path(folder) / "aliccp"}
        prepare("simulate", raw["kuairand"], Path(folder) / "set", overrides={"rows": rows, "entities": "real"})
        write_aliccp(raw["aliccp"], rows)
        found: dict[str, list[dict]] = {name: [] for name in raw}
        for _ in range(rounds):
            for name, path in raw.items():
                found[name].append(_measure(name, path, Path(folder) / "set"))
    print("\nPreparing\n\n" + markdown_table(COLUMNS, [
        [name, f"{rows:,}", f"{median(records, 'seconds'):.1f}", f"{rows / median(records, 'seconds'):,.0f}",
         f"{median(records, 'cpu_seconds'):.1f}", f"{median(records, 'memory_mb'):,.0f}"]
        for name, records in found.items()]), flush=True)
    return {"rows": rows, **found}


def _measure(dataset: str, raw_dir: Path, data_dir: Path) -> dict:
    """Wall and CPU seconds and peak memory of one preparation, with the start of Python."""
    began = time.perf_counter()
    command = [sys.executable, "preprocess.py", "--dataset", dataset, "--raw_dir", raw_dir, "--data_dir", data_dir,
               "--overwrite"]
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors) as process:
            _, status, used = os.wait4(process.pid, 0)  # of this process alone
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        errors.seek(0)
        if process.returncode != 0:
            raise UserError(f"preparing {dataset} failed: {(errors.read().splitlines() or ['no message'])[-1]}")
    return {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "memory_mb": used.ru_maxrss / 1024}

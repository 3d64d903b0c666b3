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
"""The shell scripts as a user calls them: from another folder, with spaces in paths, with wrong arguments.

They take this Python (MULTISFS_PYTHON); that they install what is missing is shown by a fake pip here, and by
.ci/run, which starts from an empty environment.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TINY = ["epochs=1", "embedding_dim=4", "bottom_dims=8", "tower_dims=4", "experts=2", "batch_size=8192",
        "score_batches=1", "relation_epochs=1", "progress=false", "report=false", "keep_ratio=0.5"]
TRAIN = [f"run_standalone_train{twin}.sh" for twin in ("", "_cpu", "_gpu", "_ascend")]
EVAL = [f"run_eval_{device}.sh" for device in ("cpu", "gpu", "ascend")]
pytestmark = pytest.mark.e2e


def has_driver() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
        return True
    except OSError:
        return False


def environment(**changes) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "REQUIRE_DEVICE")}
    return {**kept, "MULTISFS_PYTHON": sys.executable, **changes}


def bash(script, *arguments, home=ROOT, cwd=None, **changes):
    command = ["bash", str(home / "scripts" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=600, check=False,
                          env=environment(**changes))


@pytest.fixture(scope="module")
def clone(movielens, tmp_path_factory):
    """The project as in a fresh clone, in a folder with spaces, with a prepared set next to it."""
    home = tmp_path_factory.mktemp("fresh clone") / "multi sfs"
    home.mkdir()
    for name in ("src", "scripts", "configs", "requirements"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*ROOT.glob("*.py"), ROOT / "requirements.txt", ROOT / "default_config.yaml"):
        shutil.copy(path, home / path.name)
    shutil.copytree(movielens, home.parent / "my data")
    return home


@pytest.fixture(scope="module")
def compared(clone):
    """What run_standalone_train.sh prints, called from another folder with relative paths."""
    done = bash("run_standalone_train.sh", *TINY, "data_dir=my data", "output_dir=my runs", home=clone,
                cwd=clone.parent)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts").glob("*.sh")))
def test_help(script, tmp_path):
    done = bash(script, "--help", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith(f"usage: bash scripts/{script} ")


@pytest.mark.parametrize("call", [
    *[(script, "nonsense", "more") for script in TRAIN], *[(script,) for script in EVAL],
    ("run_standalone_train.sh", "0"), ("check_env.sh", "tpu"), ("check_env.sh", "gpu", "first"), ("run_gate.sh", "x"),
    ("download_kuairand.sh", "-x")])
def test_wrong_arguments_show_the_usage(call, tmp_path):
    done = bash(*call, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: bash scripts/{call[0]} ") and not done.stdout


def test_a_run_folder_that_is_not_there(tmp_path):
    done = bash("run_eval_cpu.sh", "nowhere", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: run folder nowhere does not exist")


def test_one_command_ends_with_one_table(compared, clone):
    header, _, *rows = compared.stdout.splitlines()
    for word in ("fields", "parameters", "rows/s", "like AUC", "like log loss", "love AUC", "love log loss"):
        assert f"| {word}" in header
    assert [row.split("|")[1].strip() for row in rows] == ["all fields", "MultiSFS (paper)", "MultiSFS (calibrated)"]
    assert [row.split("|")[2].strip() for row in rows] == ["28/28", "14/14", "14/14"]
    assert len(list((clone.parent / "my runs").iterdir())) == 3
    last = compared.stderr.splitlines()[-3:]
    assert [": trained on the CPU, mean AUC 0." in line and line.endswith(" rows/s") for line in last] == [True] * 3
    assert not (clone / "data").exists() and not (clone / ".venv").exists()


@pytest.mark.slow
def test_called_again_it_repeats_nothing(compared, clone):
    before = {path: path.stat().st_mtime_ns for path in (clone.parent / "my runs").glob("*/*.ckpt")}
    done = bash("run_standalone_train_cpu.sh", "movielens", *TINY, "data_dir=my data", "output_dir=my runs", home=clone,
                cwd=clone.parent)
    assert done.returncode == 0 and done.stdout == compared.stdout
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_cpu_takes_over_from_a_missing_gpu(compared, clone):
    if has_driver():
        pytest.skip("this machine has an NVIDIA driver")
    run = next((clone.parent / "my runs").glob("*-none-*"))
    done = bash("run_eval_gpu.sh", run.relative_to(clone.parent), "progress=false", home=clone, cwd=clone.parent)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("continuing on the CPU") == 1 and "libcuda.so.1" in done.stderr
    assert json.loads(done.stdout)["test"] == json.loads((run / "metrics.json").read_text())["test"]


@pytest.mark.parametrize("script", ["run_standalone_train_gpu.sh", "run_standalone_train_ascend.sh"])
def test_require_device_makes_a_missing_device_an_error(script, tmp_path):
    if has_driver() or Path("/dev/davinci0").exists():
        pytest.skip("this machine has a device")
    done = bash(script, "0", cwd=tmp_path, REQUIRE_DEVICE="1")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("error: no ") and not list(tmp_path.iterdir())


def test_check_env_names_the_driver():
    if has_driver():
        pytest.skip("this machine has an NVIDIA driver")
    done = bash("check_env.sh", "gpu", "0")
    missing = [line for line in done.stdout.splitlines() if line.strip().startswith("MISSING")]
    assert done.returncode == 1 and "NVIDIA driver" in missing[0] and "libcuda.so.1" in missing[0]
    assert all("requirements/gpu.txt" in line for line in missing[1:])


def test_the_exit_code_is_the_programs(clone):
    done = bash("run_standalone_train.sh", *TINY, "selector=none", "tasks=nope", "data_dir=my data", "output_dir=bad",
                home=clone, cwd=clone.parent)
    assert done.returncode == 2 and len([line for line in done.stderr.splitlines() if "nope" in line]) == 1
    assert not (clone.parent / "bad").exists()


def test_sigterm_reaches_the_training(clone):
    command = ["bash", str(clone / "scripts" / "run_standalone_train.sh"), *TINY, "epochs=500", "patience=500",
               "data_dir=my data", "output_dir=stopped"]
    checkpoint = clone.parent / "stopped" / "movielens-mmoe-none-42" / "last.ckpt"
    with subprocess.Popen(command, cwd=clone.parent, env=environment(), stderr=subprocess.DEVNULL) as process:
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 143
    assert not (checkpoint.parent / "metrics.json").exists()


def test_requirements_are_installed_once(tmp_path):
    """A fake of an environment's Python records what pip is asked for, and is this Python otherwise."""
    home, log = tmp_path / "an environment", tmp_path / "pip.log"
    (home / "bin").mkdir(parents=True)
    python = home / "bin" / "python"
    python.write_text(f'#!/bin/bash\ncase "$*" in\n  "-m pip --version") exit 0 ;;\n  "-m pip install"*) echo "$*" >> '
                      f'"{log}"; exit "${{PIP_CODE:-0}}" ;;\n  *) exec "{sys.executable}" "$@" ;;\nesac\n')
    python.chmod(0o755)
    call = {"cwd": tmp_path, "MULTISFS_PYTHON": "", "VIRTUAL_ENV": str(home)}
    failed = bash("run_eval_cpu.sh", tmp_path, **call, PIP_CODE="1")
    assert failed.returncode == 1 and "error: pip could not install requirements" in failed.stderr
    for _ in range(2):
        assert "is not a run folder" in bash("run_eval_cpu.sh", tmp_path, **call).stderr
    lines = log.read_text().splitlines()
    assert len(lines) == 2 and all(f"-r {ROOT}/requirements" in line for line in lines)  # the failed one, and one

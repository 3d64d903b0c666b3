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
"""Data-parallel training on the CPU, as a user starts it: the same run as one process, and an end when a rank dies."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mindspore as ms
import numpy as np
import psutil
import pytest

from src.common.processes import take_cores

ROOT = Path(__file__).resolve().parents[3]
SMALL = ["epochs=1", "embedding_dim=8", "bottom_dims=16", "tower_dims=8", "experts=2", "progress=false",
         "report=false", "score=paper", "score_batches=3", "keep_ratio=0.5", "relation_epochs=2", "data_dir=my data",
         "output_dir=my runs"]
NO_WEIGHTS = ("training_state", "origin")  # of a checkpoint
SLOW = """
import time
import numpy as np
from src.training import join_ranks
_, ranks = join_ranks("CPU")
ranks.total(np.ones(1))
time.sleep(45 * ranks.rank)
print("sum", float(ranks.total(np.ones(1))[0]))
"""
pytestmark = pytest.mark.e2e


def command(*arguments) -> list[str]:
    return ["bash", str(ROOT / "scripts" / "run_distribute_train_cpu.sh"), *map(str, arguments)]


def start(home, *arguments) -> subprocess.Popen:
    kept = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "MS_ROLE")}
    return subprocess.Popen(command(*arguments), cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**kept, "MULTISFS_PYTHON": sys.executable})


def run(home, *arguments) -> subprocess.CompletedProcess:
    with start(home, *arguments) as process:
        out, errors = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def workers(job: subprocess.Popen) -> dict[int, psutil.Process]:
    """The training processes of a running job, by rank."""
    found = {}
    for process in psutil.Process(job.pid).children(recursive=True):
        try:
            variables = process.environ()
        except psutil.Error:
            continue
        if variables.get("MS_ROLE") == "MS_WORKER":
            found[int(variables["RANK_ID"])] = process
    return found


def alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended stays listed as a zombie where nothing collects orphans."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_for(path: Path, job: subprocess.Popen) -> None:
    while not path.exists():
        assert job.poll() is None, job.stderr.read()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def home(movielens, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two ranks")
    shutil.copytree(movielens, folder / "my data")
    return folder


def weights(run_dir: Path) -> dict[str, np.ndarray]:
    values = {name: value.asnumpy() for name, value in ms.load_checkpoint(str(run_dir / "last.ckpt")).items()}
    for name in NO_WEIGHTS:
        del values[name]
    return values


@pytest.mark.slow
@pytest.mark.parametrize("optimizer, rate", [
    ("dense", 1e-4),
    # Adam makes a whole step of a gradient that is nothing but rounding: small steps keep rounding small. How small
    # depends on the processor: dense steps of 1e-3 came to differences of 2.6e-6 on one and 1.3e-5 on another.
    ("lazy", 1e-5)])
def test_two_processes_train_as_one(home, optimizer, rate):
    settings = [*SMALL, f"embedding_optimizer={optimizer}", f"learning_rate={rate}"]
    # With as many cores as a rank has: MindSpore splits a sum by the cores that it may use, and rounds by that.
    one = subprocess.run([sys.executable, str(ROOT / "train.py"), *settings, f"run_name=one-{optimizer}"], cwd=home,
                         check=False, capture_output=True, text=True, timeout=300, preexec_fn=lambda: take_cores(0, 2))
    assert one.returncode == 0, one.stderr
    two = run(home, 2, "movielens", *settings, f"run_name=two-{optimizer}")
    assert two.returncode == 0, two.stderr
    assert f"| two-{optimizer} " in two.stdout and two.stdout.count("epoch 1:") == 1
    first, second = (home / "my runs" / f"{count}-{optimizer}" for count in ("one", "two"))
    assert (first / "selection.json").read_bytes() == (second / "selection.json").read_bytes()
    expected, got = weights(first), weights(second)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=0, atol=1e-5, err_msg=name)
    for split in ("valid", "test"):
        metrics = [json.loads((folder / "metrics.json").read_text())[split] for folder in (first, second)]
        for task, entry in metrics[0].items():
            assert metrics[1][task]["auc"] == pytest.approx(entry["auc"], abs=1e-4)
    logs = [path.name for path in (second / "ranks").glob("*/*")]
    assert {"worker_0.log", "worker_1.log", "scheduler.log", "msrun.log"} == set(logs)
    assert json.loads((second / "env.json").read_text())["processes"] == 2


@pytest.mark.parametrize("arguments, words", [
    (["2", "batchsize=3"], "did you mean batch_size"), (["3"], "batch_size 1024 cannot be shared equally"),
    (["2", "worker_num=4"], "--master_addr"), (["2", "tasks=lov"], "did you mean love")])
def test_bad_input_is_refused_before_anything_starts(home, arguments, words):
    done = run(home, arguments[0], "movielens", "data_dir=my data", "output_dir=refused", *arguments[1:])
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and words in lines[0] and not (home / "refused").exists()


@pytest.mark.parametrize("device", ["", "_cpu", "_gpu"])
def test_usage(home, device):
    script = str(ROOT / "scripts" / f"run_distribute_train{device}.sh")
    shown = subprocess.run(["bash", script, "--help"], capture_output=True, text=True, check=False, cwd=home)
    assert shown.returncode == 0 and "--node_rank" in shown.stdout
    assert subprocess.run(["bash", script, "two"], capture_output=True, check=False, cwd=home).returncode == 2


@pytest.mark.slow
def test_a_dead_rank_ends_the_job_and_the_same_command_resumes(home):
    settings = [2, "movielens", *SMALL, "epochs=6", "patience=6", "selector=none"]
    folder = home / "my runs" / "killed"
    with start(home, *settings, "run_name=killed") as job:
        wait_for(folder / "last.ckpt", job)
        ranks = workers(job)
        ranks[1].kill()
        began = time.monotonic()
        _, errors = job.communicate(timeout=60)
    assert time.monotonic() - began < 60 and job.returncode == 128 + signal.SIGKILL, errors
    line = [line for line in errors.splitlines() if line.startswith("error:")]
    assert len(line) == 1 and re.search(r"rank 1 ended with exit code 137; its log is .*/worker_1\.log", line[0])
    assert not any(alive(process) for process in ranks.values())
    again = run(home, *settings, "run_name=killed")
    assert again.returncode == 0 and "resuming at epoch" in again.stdout, again.stderr
    assert json.loads((folder / "metrics.json").read_text())["epochs"] == 6


@pytest.mark.slow
def test_sigterm_saves_and_stops_all(home):
    settings = [2, "movielens", *SMALL, "epochs=500", "patience=500", "selector=none", "run_name=stopped"]
    folder = home / "my runs" / "stopped"
    with start(home, *settings) as job:
        wait_for(folder / "last.ckpt", job)
        ranks = workers(job)
        job.send_signal(signal.SIGTERM)
        out, errors = job.communicate(timeout=90)
    assert job.returncode == 143, errors
    assert "interrupted by SIGTERM" in out and not (folder / "metrics.json").exists()
    assert not any(alive(process) for process in ranks.values())


@pytest.mark.slow
def test_a_launcher_that_is_killed_takes_its_ranks_along(home):
    settings = [2, "movielens", *SMALL, "epochs=500", "patience=500", "selector=none", "run_name=orphaned"]
    with start(home, *settings) as job:
        wait_for(home / "my runs" / "orphaned" / "last.ckpt", job)
        processes = psutil.Process(job.pid).children(recursive=True)
        launcher = next(process for process in processes if any("run_ranks.py" in word for word in process.cmdline()))
        processes.remove(launcher)
        assert len(processes) >= 4  # msrun, its scheduler, two ranks
        launcher.kill()
        job.communicate(timeout=60)
    deadline = time.monotonic() + 10
    while any(alive(process) for process in processes):
        assert time.monotonic() < deadline, [process.cmdline() for process in processes if alive(process)]
        time.sleep(0.1)


@pytest.mark.slow
def test_a_rank_that_is_slow_does_not_end_the_job(tmp_path):
    """Without join_ranks' patience MindSpore gives up after about 30 s."""
    program = tmp_path / "slow.py"
    program.write_text(SLOW, encoding="utf-8")
    msrun = Path(sys.executable).parent / "msrun"
    done = subprocess.run([sys.executable, str(msrun), "--worker_num=2", "--local_worker_num=2", "--join=True",
                           f"--log_dir={tmp_path}", "--master_port=18997", str(program)], cwd=tmp_path, check=False,
                          capture_output=True, timeout=200, env={
                              **os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
                              "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    logs = [(tmp_path / f"worker_{rank}.log").read_text(encoding="utf-8") for rank in (0, 1)]
    assert done.returncode == 0 and all("sum 2.0" in log for log in logs), logs

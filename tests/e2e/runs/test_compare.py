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
"""compare.py as a user runs it: a small grid, interrupted, resumed, swept; and its messages about wrong options."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import compare
import preprocess
from src.common.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
SMALL = ["--batch_size", "256", "epochs=1", "search_epochs=1"]


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    """A folder with one prepared set, smaller than the one that compare.py would make."""
    root = tmp_path_factory.mktemp("data")
    preprocess.main(["--dataset", "simulate", "--rows", "3000", "--data_dir", str(root / "simulate")])
    return root


def start(data_root, output_dir, *arguments):
    command = [sys.executable, str(ROOT / "compare.py"), "--datasets", "simulate", "--data_root", str(data_root),
               "--output_dir", str(output_dir), *SMALL, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(data_root, output_dir, *arguments):
    process = start(data_root, output_dir, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def metrics_of(folder):
    return {path.parent.name: json.loads(path.read_text())["mean_auc"] for path in folder.glob("*/metrics.json")}


@pytest.mark.e2e
def test_a_small_grid_and_the_same_again(data_root, tmp_path):
    wanted = ["--methods", "none,chi2", "--seeds", "1", "--workers", "2"]
    code, out, err = run(data_root, tmp_path, *wanted)
    assert code == 0, err
    assert "2 runs: 2 to make" in err and "[2/2]" in err
    aucs = metrics_of(tmp_path)
    assert set(aucs) == {"simulate-mmoe-none-k1-s1", "simulate-mmoe-chi2-k0.5-s1"}
    row = next(line for line in out.splitlines() if "Chi2" in line)
    assert f"{aucs['simulate-mmoe-chi2-k0.5-s1']:.4f}" in row and "20/20" in row
    assert (tmp_path / "results" / "results.md").read_text(encoding="utf-8").strip() in out
    code, again, err = run(data_root, tmp_path, *wanted)
    assert code == 0 and "0 to make, 2 finished" in err
    assert again == out


@pytest.mark.e2e
@pytest.mark.slow
def test_failed_runs_do_not_stop_the_others(data_root, tmp_path):
    code, out, err = run(data_root, tmp_path, "--methods", "chi2,cfs-end-to-end", "--keep_ratios", "0.5,auto",
                         "--seeds", "1", "embedding_optimizer=lazy")
    assert code == 1
    assert re.search("no result: simulate-mmoe-cfs-end-to-end-k1-s1: error: embedding_optimizer .*exit code 2", err)
    assert len(metrics_of(tmp_path)) == 2 and "| Chi2 " in out


@pytest.mark.e2e
@pytest.mark.slow
def test_an_interrupted_grid_resumes_to_the_same_numbers(data_root, tmp_path):
    wanted = ["--methods", "none,random", "--seeds", "1", "epochs=4"]
    process = start(data_root, tmp_path / "cut", *wanted)
    while not list((tmp_path / "cut").glob("*/history.jsonl")):
        time.sleep(0.05)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert not metrics_of(tmp_path / "cut")
    assert run(data_root, tmp_path / "cut", *wanted)[0] == run(data_root, tmp_path / "whole", *wanted)[0] == 0
    assert metrics_of(tmp_path / "cut") == metrics_of(tmp_path / "whole")


@pytest.mark.e2e
@pytest.mark.slow
def test_a_sweep_gives_a_selection_to_train_with(data_root, tmp_path):
    code, out, err = run(data_root, tmp_path, "--sweep", "keep_ratio=auto", "--methods", "multisfs-calibrated",
                         "--seeds", "1", "score_batches=2")
    assert code == 0, err
    chosen = tmp_path / "results" / "sweep-simulate-mmoe-multisfs-calibrated.json"
    counts = {task: len(fields) for task, fields in json.loads(chosen.read_text())["selected"].items()}
    assert f"fields per task: {counts}" in out
    assert f"--dataset simulate --data_dir {data_root / 'simulate'} --selection {chosen}" in out
    done = subprocess.run([sys.executable, str(ROOT / "train.py"), "--dataset", "simulate", "--data_dir",
                           str(data_root / "simulate"), "--selection", str(chosen), "--output_dir", str(tmp_path),
                           "--run_name", "chosen", *SMALL], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "chosen" / "metrics.json").read_text())["input_fields"] == counts


@pytest.mark.e2e
@pytest.mark.slow
def test_a_sweep_of_ranges_goes_on_where_it_was_and_its_best_settings_can_be_trained(data_root, tmp_path):
    pytest.importorskip("optuna")
    wanted = ["--sweep", "learning_rate=1e-4..1e-2:log", "--sweep", "experts=2,4", "--methods", "chi2", "--seeds", "1",
              "embedding_dim=4", "bottom_dims=16", "tower_dims=8"]
    code, out, err = run(data_root, tmp_path, *wanted, "--trials", "1")
    assert code == 0 and "The best 1 of 1 trials" in out, err
    folder, best = tmp_path / "sweep-simulate-mmoe-chi2", tmp_path / "results" / "sweep-simulate-mmoe-chi2.yaml"
    first = list(folder.glob("*/*/metrics.json"))
    code, out, err = run(data_root, tmp_path, *wanted, "--trials", "2")
    assert code == 0 and "The best 2 of 2 trials" in out and "trial 2 of 2: learning_rate=" in err, err
    found = {path: json.loads(path.read_text()) for path in folder.glob("*/*/metrics.json")}
    assert len(found) == 2 and set(first) < set(found)
    value = max(sum(task["auc"] for task in metrics["valid"].values()) / len(metrics["valid"])
                for metrics in found.values())
    assert f"{value:.4f} ± 0.0000" in out
    assert {line.partition(":")[0] for line in best.read_text().splitlines()} == {"learning_rate", "experts"}
    command = out.strip().splitlines()[-1].partition("train with them: python ")[2].split()
    done = subprocess.run([sys.executable, *command, f"output_dir={tmp_path}", "run_name=best"], cwd=ROOT, check=False,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "best" / "metrics.json").read_text())
    assert sum(task["auc"] for task in metrics["valid"].values()) / len(metrics["valid"]) == value


@pytest.mark.parametrize("arguments, message", [
    (["--experiment", "table6"], "experiment 'table6' is unknown"),
    (["--methods", "mss"], "method 'mss' is unknown.*did you mean mssm"),
    (["--seeds", "none"], "seeds is 'none' on the command line; expected a whole number at least 1"),
    (["--seeds", "1,two"], "seeds is 'two' on the command line; expected a whole number"),
    (["--sweep", "seed=1,2"], "sweep cannot try values of seed; expected another setting"),
    (["--sweep", "epochs=1,2", "epochs=3"], "epochs is given, and is in sweep, too; leave one of them out"),
    (["--sweep", "dropout=0..0.5", "--keep_ratios", "0.3,0.5"], "takes one of keep_ratios; write it as a range"),
    (["seed=3"], "seed differs from run to run of a grid"),
    (["epoch=3"], "unknown key 'epoch' .*here it is epochs"),
    (["three"], "argument 'three' is not understood"),
    (["--datasets", "kuairand"], "data/kuairand is not prepared; python preprocess.py --dataset kuairand"),
])
def test_wrong_options_are_one_line(tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        compare.main([*arguments, "--data_root", str(tmp_path / "data"), "--output_dir", str(tmp_path / "out")])
    assert not list(tmp_path.iterdir())

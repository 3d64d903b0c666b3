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
"""The real commands on the real MovieLens-100K: movielens once, one or two epochs each."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import preprocess
from src.schema import SPLITS
from src.training import fast_instructions
from tests.commands import ROOT, SMALL, refused, run

pytestmark = pytest.mark.e2e


def test_a_run_writes_what_is_promised(finished):
    names = {"config.yaml", "env.json", "selection.json", "history.jsonl", "metrics.json", "best.ckpt", "last.ckpt",
             "train.log", "report.html", "plots"}
    assert names <= {path.name for path in finished.iterdir()}
    selection = json.loads((finished / "selection.json").read_text())
    assert set(selection) == {"selector", "backbone", "seed", "tasks", "fields", "k", "scores", "selected", "shared",
                              "relations", "seconds", "settings", "data"}
    count = len(selection["fields"])
    for task in selection["tasks"]:
        kept, scores = selection["selected"][task], selection["scores"][task]
        assert len(kept) == selection["k"][task] == count // 2
        by_score = sorted(selection["fields"], key=lambda name: (-scores[name], selection["fields"].index(name)))
        assert kept == by_score[:len(kept)]
    metrics = json.loads((finished / "metrics.json").read_text())
    assert {"valid", "test", "mean_auc", "best_epoch", "epochs", "parameters", "embedding_parameters", "input_fields",
            "seconds", "train_rows_per_second", "peak_memory_mb", "device", "seed"} <= set(metrics)
    assert metrics["mean_auc"] == pytest.approx(np.mean([entry["auc"] for entry in metrics["test"].values()]))
    assert metrics["test"]["like"]["auc"] > 0.65  # one epoch already ranks


@pytest.mark.parametrize("split", ["test", pytest.param("valid", marks=pytest.mark.slow)])
def test_eval_gives_the_same_numbers(finished, split):
    done = run("eval.py", "--run_dir", finished, "--split", split)
    assert done.returncode == 0, done.stderr
    metrics, printed = json.loads((finished / "metrics.json").read_text()), json.loads(done.stdout)
    assert printed[split] == metrics[split] and printed["details"] == metrics["details"][split]


def test_eval_tells_the_change_from_another_run(finished, finished_all):
    done = run("eval.py", "--run_dir", finished, "--against", finished_all)
    assert done.returncode == 0, done.stderr
    change = json.loads(done.stdout)["change"]
    mine, theirs = (json.loads((folder / "metrics.json").read_text()) for folder in (finished, finished_all))
    assert change["from"] == finished_all.name
    assert change["mean_auc"]["auc"] == pytest.approx(mine["mean_auc"] - theirs["mean_auc"])
    assert 0 < change["like"]["auc_error"] < mine["details"]["test"]["like"]["auc_error"] * 2


SAME = ("valid", "test", "mean_auc", "best_epoch", "epochs", "parameters", "input_fields")


def test_one_seed_gives_one_result(finished, movielens, tmp_path):
    done = run("train.py", *SMALL, f"data_dir={movielens}", f"output_dir={tmp_path}", "run_name=again")
    assert done.returncode == 0, done.stderr
    assert_same(finished, tmp_path / "again")


@pytest.mark.slow
def test_one_seed_gives_one_result_by_the_papers_score(movielens, tmp_path):
    for name in ("a", "b"):
        done = run("train.py", *SMALL, "score=paper", "backbone=ple", f"data_dir={movielens}",
                   f"output_dir={tmp_path}", f"run_name={name}")
        assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "a", tmp_path / "b")
    assert json.loads((tmp_path / "a" / "selection.json").read_text())["relations"] is not None


def assert_same(first: Path, second: Path) -> None:
    assert (first / "selection.json").read_bytes() == (second / "selection.json").read_bytes()
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (first, second)]
    assert [metrics[0][key] for key in SAME] == [metrics[1][key] for key in SAME]


@pytest.mark.parametrize("backbone", [
    "esmm", pytest.param("single_task", marks=pytest.mark.slow), pytest.param("aitm", marks=pytest.mark.slow)])
def test_a_selection_can_be_reused(movielens, finished, tmp_path, backbone):
    done = run("train.py", *SMALL, f"data_dir={movielens}", f"output_dir={tmp_path}", "run_name=c",
               f"selection={finished / 'selection.json'}", f"backbone={backbone}")
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((path / "selection.json").read_text()) for path in (finished, tmp_path / "c"))
    assert first["selected"] == second["selected"] and second["shared"] == []


@pytest.mark.slow
def test_masks_trained_end_to_end(movielens, tmp_path):
    """All fields in the network, the masks as scores; and what cannot take such a run says so."""
    done = run("train.py", *SMALL, f"data_dir={movielens}", f"output_dir={tmp_path}", "run_name=e", "selector=mssm",
               "end_to_end=true")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "e"
    selection, metrics = (json.loads((folder / name).read_text()) for name in ("selection.json", "metrics.json"))
    assert selection["selector"] == "mssm" and set(selection["k"].values()) == {len(selection["fields"])}
    for task, kept in selection["selected"].items():
        masks = [selection["scores"][task][name] for name in kept]
        assert masks == sorted(masks, reverse=True) and 0 <= masks[-1] < masks[0] < 1
    assert metrics["test"]["like"]["auc"] > 0.65 and metrics["seconds"]["select"] == 0
    done = run("eval.py", "--run_dir", folder)
    assert done.returncode == 0 and json.loads(done.stdout)["test"] == metrics["test"], done.stderr
    refused("export.py", ["--run_dir", folder], "was trained with end_to_end", "expected a run of train.py without")
    refused("select_features.py", [f"data_dir={movielens}", "selector=mssm", "end_to_end=true"], "use train.py")


def test_selection_alone(movielens, tmp_path):
    done = run("select_features.py", *SMALL, f"data_dir={movielens}", f"output_dir={tmp_path}", "run_name=s",
               "tasks=love", "keep_fields=3", "backbone=shared_bottom")
    assert done.returncode == 0, done.stderr
    selection = json.loads((tmp_path / "s" / "selection.json").read_text())
    assert selection["tasks"] == ["love"] and len(selection["selected"]["love"]) == 3
    assert not (tmp_path / "s" / "metrics.json").exists()


def test_a_finished_run_is_left_as_it_is(finished, movielens):
    before = {path.name: path.stat().st_mtime_ns for path in finished.iterdir()}
    done = run("train.py", *SMALL, f"data_dir={movielens}", f"output_dir={finished.parent}", "run_name=some")
    assert done.returncode == 0 and "finished" in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir() if path.name != ".lock"} == {
        name: when for name, when in before.items() if name != ".lock"}


def test_sigterm_saves_and_the_same_command_resumes(movielens, tmp_path):
    settings = [*SMALL, "epochs=3", f"data_dir={movielens}", f"output_dir={tmp_path}", "selector=none"]
    whole = run("train.py", *settings, "run_name=whole")
    assert whole.returncode == 0, whole.stderr
    command = [sys.executable, str(ROOT / "train.py"), *settings, "run_name=parts"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "parts" / "last.ckpt").exists() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 143, errors
    assert "interrupted by SIGTERM" in errors and not (tmp_path / "parts" / "metrics.json").exists()
    again = run("train.py", *settings, "run_name=parts")
    assert again.returncode == 0, again.stderr
    first, second = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("whole", "parts"))
    assert first["test"] == second["test"] and first["best_epoch"] == second["best_epoch"]


def test_bad_input_is_one_line_and_nothing_is_written(movielens, tmp_path):
    output = tmp_path / "out"
    base = [*SMALL, f"output_dir={output}"]
    refused("train.py", [*base, f"data_dir={tmp_path / 'nowhere'}"], "nowhere", "preprocess.py")
    refused("train.py", [*base, f"data_dir={movielens}", "tasks=like,lov"], "'lov'", "did you mean love")
    refused("train.py", [*base, f"data_dir={movielens}", "batchsize=3"], "did you mean batch_size")
    refused("train.py", [*base, f"data_dir={movielens}", "tasks=like", "backbone=esmm"], "at least 2 tasks")
    refused("train.py", [*base, f"data_dir={movielens}", "monitor=clik"], "monitor", "mean_auc")
    refused("train.py", [*base, f"data_dir={movielens}", "keep_fields=99"], "keep_fields is 99", "28")
    unknown = tmp_path / "selection.json"
    unknown.write_text(json.dumps({"selector": "x", "backbone": "mmoe", "seed": 1, "tasks": ["like", "love"],
                                   "fields": ["user", "colour"], "selected": {"like": ["colour"], "love": ["user"]},
                                   "shared": ["user", "colour"]}))
    refused("train.py", [*base, f"data_dir={movielens}", f"selection={unknown}", "run_name=u"], "'colour'")
    assert not output.exists()


def test_an_output_folder_that_cannot_be_written(movielens, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    refused("train.py", [*SMALL, f"data_dir={movielens}", f"output_dir={tmp_path / 'file'}"], "cannot write")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_damaged_data_is_named(movielens, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(movielens, copy)
    shard = next(copy.glob("train-*-ids.npy"))
    os.truncate(shard, shard.stat().st_size - 100)
    refused("train.py", [*SMALL, f"data_dir={copy}", f"output_dir={tmp_path / 'o'}"], shard.name)


def test_a_task_with_one_class_is_refused(tmp_path):
    rows = "".join(f"{i % 7},{i % 2},{int(i >= 80 and i % 3 == 0)},{SPLITS[i // 80]}\n" for i in range(240))
    (tmp_path / "data.csv").write_text("city,click,buy,fold\n" + rows)
    (tmp_path / "table.yaml").write_text(
        "fields: [{name: city}]\ntasks: [{name: click}, {name: buy}]\nsplit: {by: column, column: fold}\n")
    preprocess.main(["--dataset", "table", "--raw_dir", str(tmp_path / "data.csv"), "--table",
                     str(tmp_path / "table.yaml"), "--data_dir", str(tmp_path / "set")])
    refused("train.py", [*SMALL, "dataset=table", f"data_dir={tmp_path / 'set'}", f"output_dir={tmp_path / 'o'}"],
            "task buy has one class")


def test_eval_of_something_that_is_no_run(tmp_path):
    refused("eval.py", ["--run_dir", tmp_path], "not a run folder")
    refused("eval.py", [], "--run_dir")


@pytest.mark.slow
@pytest.mark.skipif(not fast_instructions(), reason="this processor has no products of bfloat16")
def test_bf16_selects_in_float32_and_evaluates_as_it_trained(movielens, tmp_path):
    """The same selection to the byte; eval.py finds the metrics of the run."""
    for precision in ("float32", "bf16"):
        done = run("train.py", *SMALL, "bottom_dims=[256]", f"data_dir={movielens}", f"output_dir={tmp_path}",
                   f"precision={precision}", f"run_name={precision}")
        assert done.returncode == 0 and f"matrix products are {precision}" in done.stderr, done.stderr
    folders = [tmp_path / name for name in ("float32", "bf16")]
    first, second = ((folder / "selection.json").read_text() for folder in folders)
    assert first == second
    exact, rounded = (json.loads((folder / "metrics.json").read_text()) for folder in folders)
    assert rounded["precision"] == "bf16" and rounded["test"] != exact["test"]
    assert rounded["mean_auc"] == pytest.approx(exact["mean_auc"], abs=0.02)
    done = run("eval.py", "--run_dir", folders[1])
    assert json.loads(done.stdout)["test"] == rounded["test"], done.stderr

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
"""preprocess.py as users run it: exit codes, one clear line, and nothing half-written whenever it is killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.data import PreparedData, prepare
from tests.commands import ROOT, refused
from tests.makers.aliccp import write_aliccp

DESCRIPTION = """
fields: [{name: city}, {name: age, kind: number}]
tasks: [{name: click}]
"""


def _command(*arguments):
    return [sys.executable, str(ROOT / "preprocess.py"), *map(str, arguments)]


def _run(*arguments, cwd="/"):
    return subprocess.run(_command(*arguments), capture_output=True, text=True, check=False, cwd=cwd)


def _write_table(path, rows=500, seed=0):
    draw = np.random.default_rng(seed)
    pl.DataFrame({"city": draw.choice(["a", "b", "c"], rows), "age": draw.integers(0, 90, rows),
                  "click": draw.integers(0, 2, rows)}).write_csv(path)


@pytest.fixture(name="table")
def _table(tmp_path):
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    _write_table(folder / "data.csv")
    (folder / "table.yaml").write_text(DESCRIPTION)
    return ("--dataset", "table", "--raw_dir", folder / "data.csv", "--table", folder / "table.yaml", "--data_dir",
            folder / "set")


def test_a_table_is_prepared_from_any_directory_and_then_reused(table):
    done = _run(*table)
    assert done.returncode == 0, done.stderr
    assert "400  rows of train" in done.stdout and "prepared" in done.stdout
    again = _run(*table)
    assert again.returncode == 0 and again.stdout.count("\n") == 1 and "already prepared" in again.stdout
    assert "prepared" in _run(*table, "--overwrite").stdout


@pytest.mark.parametrize(("change", "message"), [
    (("--dataset", "movilens"), "did you mean movielens?"),
    (("--raw_dir", "/nowhere/data.csv"), "/nowhere/data.csv does not exist"),
    (("--sed", "3"), "unknown option 'sed'; did you mean seed?"),
    (("--seed", "three"), "seed is 'three' on the command line; expected a whole number"),
    (("--fields", "citty"), "field 'citty' is not in"),
    (("--tasks", "clik"), "did you mean click?"),
    (("--min_count", "0"), "and the command line is 0; expected at least 1"),
    (("--split", "time"), "names no column"),
    (("--rows", "100"), "option 'rows' is unknown to table"),
])
def test_wrong_options_are_one_line_and_exit_code_2(table, change, message):
    refused("preprocess.py", [*table, *change], message)


def test_a_broken_file_leaves_the_old_set_as_it_was(table):
    assert _run(*table).returncode == 0
    folder = table[3].parent
    before = {path.name: path.read_bytes() for path in (folder / "set").glob("*.*")}
    (folder / "data.csv").write_text((folder / "data.csv").read_text() + "a,1\n")
    refused("preprocess.py", table, "of other raw files (files data.csv changed); --overwrite")
    refused("preprocess.py", [*table, "--overwrite"], "data.csv line 502 has 2 cells")
    assert {path.name: path.read_bytes() for path in (folder / "set").glob("*.*")} == before


def test_an_unwritable_place_is_refused(table, tmp_path):
    (tmp_path / "file").write_text("")
    refused("preprocess.py", [*table, "--data_dir", tmp_path], "not a prepared data set")
    done = _run(*table, "--data_dir", tmp_path / "file" / "set")
    assert done.returncode == 2 and "file" in done.stderr and "Traceback" not in done.stderr


def _kill_at_random(command, target, kills, longest, draw, anew=False):
    """Starts the command again and again, kills it, and checks that what is at ``target`` loads or is absent.

    Returns how many were killed before they had ended. With ``anew`` a set that was finished makes way for the next.
    """
    killed = 0
    for _ in range(kills):
        if anew:
            shutil.rmtree(target, ignore_errors=True)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.2, longest))
        process.send_signal(draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        killed += process.wait() != 0
        try:
            PreparedData.open(target)
        except UserError as error:
            assert "does not exist" in str(error)
    return killed


def test_killed_at_random_moments_nothing_half_written_ever_loads(table, tmp_path):
    folder = table[3].parent
    _write_table(folder / "data.csv", rows=600_000)
    whole = prepare("table", folder / "data.csv", tmp_path / "whole", overrides={"table": folder / "table.yaml"})
    started = time.monotonic()
    assert _run(*table).returncode == 0
    seconds = time.monotonic() - started
    draw = random.Random(0)
    assert _kill_at_random(_command(*table), folder / "set", 10, seconds, draw, anew=True) >= 3
    assert _run(*table).returncode == 0
    old = PreparedData.open(folder / "set")
    assert old.schema == whole.schema
    # With a set in place, a killed --overwrite leaves either the old one or the new one.
    _kill_at_random(_command(*table, "--overwrite", "--seed", "9"), folder / "set", 5, seconds, draw)
    assert PreparedData.open(folder / "set").schema.settings["split"]["seed"] in (1, 9)
    assert _run(*table, "--overwrite").returncode == 0
    assert PreparedData.open(folder / "set").schema == whole.schema
    assert sorted(os.listdir(folder)) == [".set.lock", "data.csv", "set", "table.yaml"]


@pytest.mark.slow
def test_aliccp_killed_again_and_again_ends_with_the_same_set(tmp_path):
    write_aliccp(tmp_path / "raw", 250_000)
    whole = prepare("aliccp", tmp_path / "raw", tmp_path / "whole")
    command = _command("--dataset", "aliccp", "--raw_dir", tmp_path / "raw", "--data_dir", tmp_path / "set")
    _kill_at_random(command, tmp_path / "set", 6, 4.0, random.Random(1))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert PreparedData.open(tmp_path / "set").schema == whole.schema

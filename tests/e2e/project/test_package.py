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
"""The package multisfs: built, installed into a folder, and used beside a user's own package called src."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from src.common.home import PROGRAMS, VERSION
from tests.commands import ROOT, SMALL

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
IN_A_CLONE = ("src", "tests", "configs", "requirements", "docs")
BUILD = "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))"


def call(*command, cwd: Path, **variables) -> subprocess.CompletedProcess:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=600, check=False,
                          env={**kept, **variables})


def done(*command, **where) -> str:
    """The standard output of a command that has to succeed."""
    result = call(*command, **where)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the sdist of a copy of the project, and the wheel that pip makes of this sdist."""
    clone, built = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("built")
    for name in IN_A_CLONE:
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copy(path, clone)
    done(sys.executable, "-c", BUILD, built, cwd=clone)
    done(sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", "--no-index", "--no-deps",
         "--no-build-isolation", "--wheel-dir", built, next(built.glob("*.tar.gz")), cwd=built)
    return built


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory) -> Path:
    """The folder that the wheel is installed into."""
    folder = tmp_path_factory.mktemp("installed")
    done(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-index", "--no-deps", "--target",
         folder, next(built.glob("*.whl")), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A user's project, which has a package src and a train.py of its own."""
    home = tmp_path_factory.mktemp("shop")
    (home / "src").mkdir()
    (home / "src" / "__init__.py").write_text("MINE = True\n", encoding="utf-8")
    (home / "train.py").write_text("raise SystemExit('the wrong train.py')\n", encoding="utf-8")
    return home


@pytest.fixture
def multisfs(installed, home):
    """Runs the command multisfs in the user's project; returns what it printed."""
    return lambda *arguments: done(installed / "bin" / "multisfs", *arguments, cwd=home, PYTHONPATH=str(installed))


def test_the_wheel_holds_the_package_and_nothing_else(built):
    names = set(zipfile.ZipFile(next(built.glob("*.whl"))).namelist())
    ours = {PurePosixPath("multisfs", path.relative_to(ROOT / "src").as_posix()) for path in (ROOT / "src").rglob("*")
            if path.is_file() and path.suffix != ".pyc"}
    settings = {PurePosixPath("multisfs", path.relative_to(ROOT).as_posix())
                for path in (ROOT / "default_config.yaml", *(ROOT / "configs").glob("*.yaml"))}
    assert {name for name in names if ".dist-info/" not in name} == {str(name) for name in ours | settings}


def test_the_sdist_holds_neither_tests_nor_data(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        folders = {name.split("/")[1] for name in archive.getnames() if name.count("/") > 1}
    assert folders == {"src", "configs", "requirements", "multisfs.egg-info"}


def test_help_of_every_command(multisfs, home):
    assert all(f"\n  {name} " in multisfs("--help") for name in PROGRAMS)
    assert multisfs("--version") == f"multisfs {VERSION}\n"
    before = sorted(home.iterdir())
    for name in PROGRAMS:
        shown = multisfs(name, "--help")
        assert f"    multisfs {name} " in shown and "python " not in shown
    assert sorted(home.iterdir()) == before


def test_an_unknown_command_is_one_line(installed, home):
    result = call(sys.executable, "-m", "multisfs", "trian", cwd=home, PYTHONPATH=str(installed))
    assert result.returncode == 2 and not result.stdout and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: unknown command 'trian'; did you mean train?")


def test_the_estimator_is_imported_beside_a_package_src(installed, home):
    program = ("import multisfs, sys; light = 'mindspore' not in sys.modules; from multisfs import MultiSFSSelector; "
               "import src; print(light, MultiSFSSelector.__module__, src.MINE)")
    shown = done(sys.executable, "-c", program, cwd=home, PYTHONPATH=str(installed))
    assert shown.split() == ["True", "multisfs.sklearn_api", "True"]


def test_a_run_from_raw_files_to_report(multisfs, home, installed):
    """All that the programs write goes to the current folder, and they name each other as commands of multisfs."""
    multisfs("preprocess", "--dataset", "simulate", "--rows", "2000")
    assert (home / "data" / "simulate" / "schema.json").is_file() and (home / "downloads").is_dir()
    settings = ["dataset=simulate", "run_name=one", *SMALL, "report=true"]
    assert "run folder: outputs/one\n" in multisfs("train", *settings)
    run = home / "outputs" / "one"
    env, metrics = (json.loads((run / name).read_text()) for name in ("env.json", "metrics.json"))
    assert env["command"] == ["multisfs", "train", *settings] and env["multisfs"] == VERSION
    evaluated = done(installed / "bin" / "multisfs", "eval", "--run_dir", run, cwd=installed, PYTHONPATH=str(installed))
    assert json.loads(evaluated)["test"] == metrics["test"]  # started elsewhere: it finds the run's data set
    assert multisfs("report", "--run_dir", "outputs/one", "--open", "false").strip() == "outputs/one/report.html"
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "multisfs train dataset=simulate" in page and "multisfs report" in page and "train.py" not in page
    planned = multisfs("compare", "--datasets", "simulate", "--seeds", "1", "--dry_run").splitlines()
    assert planned and all(line.startswith("multisfs train dataset=simulate ") for line in planned)
    assert not list((installed / "multisfs").glob("outputs")) and {path.name for path in home.iterdir()} == {
        "src", "train.py", "data", "downloads", "outputs"}

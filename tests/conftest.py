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
"""What tests share: MindSpore's mode, and a prepared MovieLens with two finished runs, made once for all workers."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import mindspore as ms
import pytest

from src.common.compat import set_device
from tests.commands import SMALL, run


@pytest.fixture(autouse=True)
def graph_mode():
    """Every test starts in graph mode on the CPU, as the programs run."""
    set_device("CPU")


@pytest.fixture
def eager():
    """PyNative mode, for tests of many small networks that would spend their time compiling."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="session")
def movielens(tmp_path_factory) -> Path:
    """The prepared MovieLens-100K. Read only: a test that damages it takes a copy."""
    return made_once(tmp_path_factory, "movielens", lambda folder: _succeeds(
        run("preprocess.py", "--dataset", "movielens", "--data_dir", folder)))


@pytest.fixture(scope="session")
def finished(movielens, tmp_path_factory) -> Path:
    """A finished run on MovieLens that keeps half of the fields. Read only."""
    return _trained(movielens, tmp_path_factory, "some", "selector=multisfs")


@pytest.fixture(scope="session")
def finished_all(movielens, finished, tmp_path_factory) -> Path:
    """A finished run like ``finished`` with all fields, in the same output folder. Read only."""
    return _trained(movielens, tmp_path_factory, "whole", "selector=none")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker makes and the others wait for."""
    root = factory.getbasetemp()
    root = root.parent if root.name.startswith("popen-") else root  # pytest-xdist: one folder a worker
    folder, done = root / "shared files" / name, root / "shared files" / f"{name}.done"
    folder.parent.mkdir(exist_ok=True)
    with open(root / "shared files" / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(folder)
            done.touch()
    return folder


def _trained(data: Path, factory: pytest.TempPathFactory, name: str, selector: str) -> Path:
    return made_once(factory, f"runs/{name}", lambda folder: _succeeds(run(
        "train.py", *SMALL, "report=true", selector, f"data_dir={data}", f"output_dir={folder.parent}",
        f"run_name={name}")))


def _succeeds(done) -> None:
    assert done.returncode == 0, done.stderr

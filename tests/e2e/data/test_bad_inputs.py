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
"""Generated bad input to every program and to the estimator: a right result or one clear line, never a traceback."""

from __future__ import annotations

import importlib
import logging
import random
import shutil
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest

from src import workflow
from src.common.errors import run_program
from src.programs import preprocess as preparing
from src.report import report
from src.serving import exporting
from src.settings import setting_options
from src.sklearn_api import MultiSFSSelector
from src.training.machine import device
from tests.conftest import made_once
from tests.makers import bad_inputs as bad
from tools.faults.lab import SETTINGS, write_table

SEED = 20261126
FEW, MANY = 30, 1000  # inputs to a program
TINY = [*SETTINGS, "epochs=1", "selector=none", "batch_size=64"]
SET_FILES = "*.npy schema.json"  # that a program reads
RUN_FILES = "*.json history.jsonl config.yaml *.ckpt"
ROWS = 60  # of a table for the estimator


@pytest.fixture(autouse=True)
def quick(eager, monkeypatch):
    """Networks are not compiled or exported, nothing is drawn, and the programs' messages are not kept."""
    monkeypatch.setattr(device, "set_device", lambda *_: None)
    monkeypatch.setattr(workflow, "prepare", lambda *_: None)  # nor is MovieLens prepared in the project's folder
    monkeypatch.setattr(report, "pictures", lambda _: [])
    monkeypatch.setattr(report, "write_plots", lambda *_: None)
    monkeypatch.setattr(exporting, "export_model", _build_only)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    before = list(logging.getLogger().handlers)
    yield
    for handler in [found for found in logging.getLogger().handlers if found not in before]:  # of train.log
        logging.getLogger().removeHandler(handler)
        handler.close()


def _build_only(build, _sizes, _kind, path, _scales) -> float:
    build()  # reads the weights
    path.touch()
    return 0.0


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory) -> Path:
    """A table of 300 rows, the set prepared from it, a finished run on that, and the run exported."""
    return made_once(tmp_path_factory, "bad inputs", _make)


def _make(home: Path) -> None:
    home.mkdir()
    write_table(home, 300)
    call("preprocess", prepare(home, home / "set"))
    call("train", [*TINY, f"data_dir={home / 'set'}", f"output_dir={home / 'runs'}", "run_name=whole"])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)  # MindSpore writes ONNX to no path that has a blank
        call("export", ["--run_dir", home / "runs/whole", "--file_format", "ONNX", "--output_dir", "model"])


def prepare(home: Path, target: Path) -> list:
    return ["--dataset", "table", "--raw_dir", home / "data.csv", "--table", home / "table.yaml", "--data_dir", target]


def call(program: str, arguments: list) -> None:
    """Gives a command in this process; what the program does not turn into a line and an exit code is raised."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{program}.py", *map(str, arguments)])
        run_program(importlib.import_module(program).main)


def bad_preprocess(home: Path, place: Path, draw: random.Random) -> tuple[list, str]:
    raw = place / "raw"
    raw.mkdir()
    for name in ("data.csv", "table.yaml"):
        shutil.copy(home / name, raw)
    words = prepare(raw, place / "out")
    how = draw.choice(("raw", "raw", "table", "table", "table", "packed", "parquet", "options", "set"))
    if how == "options":
        names = {option.name for option in (*preparing.OPTIONS, *preparing.OVERRIDES)} - {"dataset", "data_dir"}
        return [*words, *bad.odd_options(sorted(names), draw, 2)], how
    if how == "parquet":
        pd.read_csv(raw / "data.csv").to_parquet(raw / "data.parquet")
        return [*words, f"--raw_dir={raw / 'data.parquet'}"], bad.write_bad_file(raw / "data.parquet", draw)
    if how == "packed":
        return [*words, f"--raw_dir={bad.compressed(raw / 'data.csv', draw)}"], how
    if how == "set":  # a damaged set stands where the new one goes
        return words, bad.damaged_copy(home / "set", place / "out", draw)
    return words, bad.write_bad_file(raw / {"raw": "data.csv", "table": "table.yaml"}[how], draw)


def bad_train(home: Path, place: Path, draw: random.Random) -> tuple[list, str]:
    words = [*TINY, f"data_dir={home / 'set'}", f"output_dir={place}", "run_name=tried"]
    how = draw.choice(("set", "run", "options"))
    if how == "options":
        names = [name for name in setting_options() if name != "output_dir"]
        return [*words, *bad.odd_options(names, draw, 2)], how
    if how == "run":
        shutil.copytree(home / "runs/whole", place / "tried")
        if draw.random() < 0.5:
            for path in place.glob("tried/metrics.json*"):
                path.unlink()
        return words[:-1] + ["run_name=whole"], bad.damaged_copy(place / "tried", place / "whole", draw, RUN_FILES)
    done = bad.damaged_copy(home / "set", place / "set", draw, SET_FILES)
    return [*words, f"data_dir={place / 'set'}"], done


def bad_eval(home: Path, place: Path, draw: random.Random, read: str = SET_FILES,
             more: tuple = ("split", "against")) -> tuple[list, str]:
    words = ["--run_dir", place / "whole", "progress=false"]
    how = done = draw.choice(("set", "run", "run", "options"))
    if how == "run":
        done = bad.damaged_copy(home / "runs/whole", place / "whole", draw, RUN_FILES)
    else:
        shutil.copytree(home / "runs/whole", place / "whole")
    if how == "set":
        done = bad.damaged_copy(home / "set", place / "set", draw, read)
        words.append(f"data_dir={place / 'set'}")
    if how == "options":
        words += bad.odd_options([*more, "run_dir", *setting_options()], draw, 2)
    return words, done


def bad_export(home: Path, place: Path, draw: random.Random) -> tuple[list, str]:
    words, done = bad_eval(home, place, draw, "schema.json vocab/*.json", ("file_format",))
    return [*words, "--file_format", "ONNX", "--output_dir", place / "model"], done


def bad_predict(home: Path, place: Path, draw: random.Random) -> tuple[list, str]:
    rows = place / draw.choice(("rows.csv", "rows.csv", "rows.jsonl", "rows.parquet"))
    table = pd.read_csv(home / "data.csv", nrows=20)
    {".csv": lambda: table.to_csv(rows, index=False), ".parquet": lambda: table.to_parquet(rows),
     ".jsonl": lambda: table.to_json(rows, orient="records", lines=True)}[rows.suffix]()
    words = ["--model", place / "model", "--input", rows, "--output", place / "out.csv"]
    how = draw.choice(("rows", "model", "options"))
    if how == "model":
        return words, bad.damaged_copy(home / "model", place / "model", draw)
    shutil.copytree(home / "model", place / "model")
    if how == "rows":
        return words, bad.write_bad_file(rows, draw)
    return [*words, *bad.odd_options(["model", "input", "format", "batch_size"], draw, 2)], how


PROGRAMS = {"preprocess": bad_preprocess, "train": bad_train, "eval": bad_eval, "export": bad_export,
            "predict": bad_predict}


def answers(program: str, home: Path, place: Path, index: int) -> str:
    """What went wrong with one input to a program; empty if it gave a result or a clear line."""
    draw = random.Random(f"{SEED}:{program}:{index}")
    place.mkdir(parents=True)
    how = "making it"
    try:
        arguments, how = PROGRAMS[program](home, place, draw)
        call(program, arguments)
    except SystemExit as end:
        return "" if end.code in (None, 0, 2) else f"{index} ({how}): exit code {end.code}"
    except BaseException as error:  # a panic of Polars is no Exception
        return f"{index} ({how}): {type(error).__name__}: {error}"
    finally:
        shutil.rmtree(place)
    return ""


def estimator_answers(index: int) -> str:
    """As ``answers``, of a fit and what follows it."""
    draw = random.Random(f"{SEED}:estimator:{index}")
    given = {"k": 1, "embedding_dim": 2, "bottom_dims": (3,), "tower_dims": (2,), "experts": 2, "batch_size": 32,
             "score_batches": 1, "random_state": 0, "device_target": "CPU"}
    if draw.random() < 0.4:
        given[draw.choice(sorted(MultiSFSSelector().get_params()))] = draw.choice((*bad.ODD, *bad.WORDS[:40]))
    X, y = bad.odd_frame(draw, ROWS), bad.odd_labels(draw, ROWS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas' own, of the odd frames
            fitted = MultiSFSSelector(**given).fit(X, y)
            fitted.transform(X if draw.random() < 0.5 else bad.odd_frame(draw, ROWS))
            fitted.get_support(), fitted.feature_ranking(), fitted.get_feature_names_out()
    except ValueError:
        return ""
    except BaseException as error:
        return f"{index}: {type(error).__name__}: {error}"
    return ""


@pytest.mark.e2e
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_answers_bad_input(program, count, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = [answers(program, home, tmp_path / "tried", index) for index in range(count)]
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_the_estimator_answers_bad_input(count):
    wrong = [estimator_answers(index) for index in range(count)]
    assert not any(wrong), "\n".join(filter(None, wrong))

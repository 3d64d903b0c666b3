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
"""A table of one binary task and one of numbers, by the real commands: its R² is that of predict.py's numbers."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import mean_absolute_error, r2_score

pytest.importorskip("onnx", reason="ONNX needs more: pip install -r requirements/serve.txt")

from src.data.preparing.presets import load_options  # noqa: E402
from src.data.staging.split import assign_splits  # noqa: E402
from src.data.staging.stage import Stage  # noqa: E402
from tests.commands import ROOT, refused, refused_outside, run  # noqa: E402

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
ROWS = 3000
TABLE = """fields: [a, b, c, {name: x, kind: number}]
tasks:
  - {name: click, label: is_click}
  - {name: watch, label: ms, kind: regression, missing: masked}
"""
SMALL = ["dataset=table", "epochs=4", "embedding_dim=8", "bottom_dims=[16]", "tower_dims=[8]", "experts=2",
         "batch_size=128", "learning_rate=0.01", "progress=false", "report=false", "keep_fields=2"]


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory):
    """data.csv with some numbers missing, the prepared ``set``, and the finished runs ``some`` and ``all``."""
    home, rng = tmp_path_factory.mktemp("regression"), np.random.default_rng(0)
    a, b, c = (rng.integers(0, size, ROWS) for size in (6, 4, 30))
    numbers = 5000 + 400 * a + 300 * b + 300 * rng.normal(size=ROWS)
    table = pl.DataFrame({"a": a, "b": b, "c": c, "x": rng.normal(size=ROWS).round(3),
                          "is_click": (rng.random(ROWS) < 0.1 + 0.2 * b).astype(int),
                          "ms": [None if rng.random() < 0.1 else round(value, 2) for value in numbers]})
    table.write_csv(home / "data.csv")
    (home / "table.yaml").write_text(TABLE)
    done = run("preprocess.py", "--dataset", "table", "--raw_dir", home / "data.csv", "--table", home / "table.yaml",
               "--data_dir", home / "set")
    assert done.returncode == 0, done.stderr
    for name, more in (("some", []), ("all", ["selector=none"])):
        done = run("train.py", *SMALL, *more, f"data_dir={home / 'set'}", f"output_dir={home}", f"run_name={name}")
        assert done.returncode == 0, done.stderr
    return home


def rows_of_test(home):
    """Which rows of the file are test rows, found again with the rules of preparation."""
    options = load_options("table", None, {"table": home / "table.yaml"})
    stage = Stage(home / "stage")
    stage.folder.mkdir()
    stage.write(pl.read_csv(home / "data.csv", infer_schema_length=0))
    return assign_splits(stage, options.split) == 2


def test_the_r2_of_a_run_is_that_of_its_exported_predictions(home):
    metrics = json.loads((home / "some" / "metrics.json").read_text())
    assert metrics["test"]["watch"]["r2"] > 0.7 and set(metrics["test"]["click"]) == {"auc", "logloss"}
    table, found = pl.read_csv(home / "data.csv"), {}
    for kind in ("ONNX", "MINDIR"):
        done = run("export.py", "--run_dir", home / "some", "--file_format", kind)
        assert done.returncode == 0, done.stderr
        done = run("predict.py", "--model", home / "some" / f"export-{kind.lower()}", "--input", home / "data.csv",
                   "--output", home / f"{kind}.csv")
        assert done.returncode == 0, done.stderr
        found[kind] = pl.read_csv(home / f"{kind}.csv")
    np.testing.assert_allclose(found["ONNX"]["watch"], found["MINDIR"]["watch"], rtol=1e-5)
    known = rows_of_test(home) & table["ms"].is_not_null().to_numpy()
    truth, predicted = table["ms"].to_numpy()[known], found["ONNX"]["watch"].to_numpy()[known]
    assert r2_score(truth, predicted) == pytest.approx(metrics["test"]["watch"]["r2"], abs=1e-4)
    assert mean_absolute_error(truth, predicted) == pytest.approx(metrics["test"]["watch"]["mae"], rel=1e-3)
    assert found["ONNX"]["click"].is_between(0, 1).all()


def test_the_selection_keeps_the_planted_fields(home):
    selected = json.loads((home / "some" / "selection.json").read_text())["selected"]
    assert set(selected["watch"]) == {"a", "b"} and selected["click"][0] == "b"


def test_eval_against_another_run(home):
    done = run("eval.py", "--run_dir", home / "some", "--against", home / "all", "--bootstrap", "50")
    assert done.returncode == 0, done.stderr
    result, metrics = json.loads(done.stdout), json.loads((home / "some" / "metrics.json").read_text())
    assert result["test"]["watch"] == pytest.approx(metrics["test"]["watch"], rel=1e-4)
    assert result["change"]["watch"]["r2_error"] > 0
    assert result["intervals"]["watch"]["r2"]["low"] < result["test"]["watch"]["r2"]


def test_the_report_and_the_table_of_runs(home):
    done = run("report.py", "--run_dir", home / "some", "--open", "false")
    assert done.returncode == 0, done.stderr
    page = (home / "some" / "report.html").read_text()
    for words in ("Predicted and true watch", "test R²", "test XAUC", "mean of watch on train", "Validation R²"):
        assert words in page, words
    done = run("report.py", home / "some", home / "all", "--html", home / "both.html")
    assert done.returncode == 0, done.stderr
    assert "watch R²" in done.stdout and "watch MAE" in (home / "both.html").read_text()


def test_what_needs_classes_refuses_the_number_in_one_line(home):
    given = [*SMALL, f"data_dir={home / 'set'}", f"output_dir={home}", "run_name=no"]
    refused("train.py", [*given, "backbone=esmm"], "esmm multiplies the tasks' probabilities", "watch is of kind")
    refused("select_features.py", [*given, "selector=mutual_information"], "counts classes, and task watch", "chi2")


def test_a_bad_cell_is_one_line(home, tmp_path):
    (tmp_path / "bad.csv").write_text("a,b,c,x,is_click,ms\n1,1,1,1,1,fast\n" + "1,1,1,1,1,5\n" * 30)
    done = run("preprocess.py", "--dataset", "table", "--raw_dir", tmp_path / "bad.csv", "--table",
               home / "table.yaml", "--data_dir", tmp_path / "set")
    refused_outside(done, "label column 'ms' of task 'watch' holds 'fast' in data row 1; expected a finite number")


def test_serving_answers_in_own_units(home):
    """The server of the ONNX model, asked once; what it says is what predict.py wrote."""
    code = ("import sys, json, pathlib; sys.path.insert(0, sys.argv[1])\n"
            "from src.serving import open_engine, read_signature\n"
            "from src.serving.server import Service\n"
            "signature, model = read_signature(pathlib.Path(sys.argv[2]))\n"
            "service = Service(signature, open_engine(model, 'ONNX'), 8)\n"
            "print(service.predict(json.dumps({'a': 5, 'b': 3, 'c': 1, 'x': 0.1}).encode()))\n"
            "print(json.dumps(service.describe()['scales']))")
    run("export.py", "--run_dir", home / "some", "--file_format", "ONNX")
    done = subprocess.run([sys.executable, "-c", code, str(ROOT), str(home / "some" / "export-onnx")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer, scales = map(json.loads, done.stdout.splitlines())
    assert 0 < answer["click"] < 1 and 6500 < answer["watch"] < 9000
    assert scales["watch"]["mean"] == pytest.approx(6450, rel=0.02)

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
"""export.py and predict.py on real MovieLens runs: raw rows give the run's own numbers, in both formats."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

pytest.importorskip("onnx", reason="ONNX needs more: pip install -r requirements/serve.txt")

from src.data import PreparedData  # noqa: E402
from src.data.preparing.presets import load_options  # noqa: E402
from src.data.reading.fetch import read_members  # noqa: E402
from src.data.sources import movielens  # noqa: E402
from src.data.staging.split import assign_splits  # noqa: E402
from src.data.staging.stage import Stage  # noqa: E402
from src.evaluation.metrics import task_metrics  # noqa: E402
from src.serving import read_signature  # noqa: E402
from src.training import predict_logits  # noqa: E402
from src.workflow import load_model, load_run  # noqa: E402
from tests.commands import ROOT, refused, run  # noqa: E402

WITHOUT = "import sys\nfor name in {names}: sys.modules[name] = None\nimport runpy\nsys.argv = {argv}\n" \
          "runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """All raw rows joined, in the files' order and as text, and which of them are test rows."""
    options = load_options("movielens", None, {})
    files = movielens.inputs(None, options)
    names = [f"recbole/dataset_example/ml-100k/{name}" for name in movielens._RECBOLE]
    tables = movielens._read_recbole(dict(zip(movielens._RECBOLE, read_members(files[0], names))))
    rows = tables["ratings"].join(tables["users"], on="user_id", how="left", maintain_order="left").join(
        tables["items"], on="item_id", how="left", maintain_order="left")
    stage = Stage(tmp_path_factory.mktemp("stage"))
    movielens.stage(files, options, stage)
    return rows, assign_splits(stage, options.split) == 2


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory):
    """A run, exported in both formats."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(finished, folder)
    for kind in ("MINDIR", "ONNX"):
        done = run("export.py", "--run_dir", folder, "--file_format", kind)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["largest_difference"] < 1e-6
    return folder


@pytest.fixture(scope="module")
def evaluated(exported, movielens):
    """Logits and labels of every test row, as eval.py computes them."""
    run_folder, config = load_run(str(exported), [])
    data = PreparedData.open(movielens)
    model, plan, selection = load_model(run_folder, config, data)
    return predict_logits(model, data.split("test"), plan, data.schema.task_indices(selection.tasks),
                          config.batch_size)


def predict(exported, kind, *arguments, **options):
    return run("predict.py", "--model", exported / f"export-{kind}", *arguments, **options)


def test_the_signature_says_all(exported, movielens):
    signature, model = read_signature(exported / "export-mindir")
    selection = json.loads((exported / "selection.json").read_text())
    kept = set().union(*map(set, selection["selected"].values()))
    names = [field.name for field in signature.fields]
    assert names == [name for name in selection["fields"] if name in kept] and len(names) < 28
    assert signature.tasks == ("like", "love") and model.name == "model.mindir"
    written = json.loads((exported / "export-mindir" / "signature.json").read_text())
    schema = json.loads((movielens / "schema.json").read_text())
    sizes = {field["name"]: field["cardinality"] for field in schema["fields"]}
    assert all(field["cardinality"] == sizes[field["name"]] for field in written["fields"])
    assert written["selection"]["selected"] == selection["selected"] and "mindspore" in written["versions"]


def test_raw_rows_are_encoded_as_prepared_ones(exported, movielens, raw):
    signature, _ = read_signature(exported / "export-onnx")
    rows, test = raw
    data = PreparedData.open(movielens)
    columns = data.schema.field_indices([field.name for field in signature.fields])
    expected, _ = data.split("test").read(0, int(test.sum()), columns)
    assert np.array_equal(signature.encode(rows.filter(pl.Series(test))), expected)


@pytest.mark.parametrize("kind, ending", [("mindir", "csv"), ("onnx", "parquet"), ("onnx", "jsonl")])
def test_predictions_are_the_runs_own(exported, raw, evaluated, tmp_path, kind, ending):
    rows, test = raw
    source, found = tmp_path / f"rows.{ending}", tmp_path / f"out.{ending}"
    rows = rows.filter(pl.Series(test)).drop("rating")
    {"csv": rows.write_csv, "parquet": rows.write_parquet, "jsonl": rows.write_ndjson}[ending](source)
    done = predict(exported, kind, "--input", source, "--output", found, "--batch_size", 3000)
    assert done.returncode == 0, done.stderr
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "jsonl": pl.read_ndjson}[ending]
    chances = read(found).to_numpy().astype(np.float64)
    assert chances.shape == (len(rows), 2) and len(rows) == 10_000
    logits, labels = evaluated
    assert np.abs(chances - 1 / (1 + np.exp(-logits.astype(np.float64)))).max() < 1e-5
    metrics = task_metrics(np.log(chances / (1 - chances)), labels, ["like", "love"], "test")
    expected = json.loads((exported / "metrics.json").read_text())["test"]
    for task in expected:
        assert metrics[task]["logloss"] == pytest.approx(expected[task]["logloss"], abs=1e-6)
        assert metrics[task]["auc"] == pytest.approx(expected[task]["auc"], abs=1e-5)


def test_standard_input_unseen_values_and_onnxruntime_alone(exported, raw):
    """Two rows through pipes, the second all unseen or missing, in a process that cannot import MindSpore or train."""
    rows = raw[0].head(2).with_columns(pl.when(pl.int_range(2) == 0).then(pl.col(name)).alias(name)
                                       for name in raw[0].columns)
    text = io.BytesIO()
    rows.drop("rating").write_csv(text)
    argv = [str(ROOT / "predict.py"), "--model", str(exported / "export-onnx")]
    code = WITHOUT.format(argv=argv, names=["mindspore", "sklearn", "scipy", "pandas", "onnx", "matplotlib",
                                           "jinja2", "psutil", "src.training", "src.models", "src.selection"])
    done = subprocess.run([sys.executable, "-c", code], input=text.getvalue(), capture_output=True, check=False,
                          timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    chances = pl.read_csv(io.BytesIO(done.stdout))
    assert chances.columns == ["like", "love"] and len(chances) == 2 and np.isfinite(chances.to_numpy()).all()
    signature, _ = read_signature(exported / "export-onnx")
    unseen = dict(zip((field.name for field in signature.fields), signature.encode(rows.tail(1))[0]))
    assert not any(id_ for name, id_ in unseen.items() if not name.startswith("genre_"))
    assert {id_ for name, id_ in unseen.items() if name.startswith("genre_")} <= {1}  # no genre named: of none


def test_what_cannot_be_served_is_one_line(exported, raw, tmp_path):
    signature, _ = read_signature(exported / "export-onnx")
    column = signature.fields[0].encoder.spec.column
    raw[0].head(3).drop(column).write_csv(tmp_path / "rows.csv")
    for name, word in (("rows.csv", f"lacks column '{column}'"), ("none.csv", "none.csv"), ("rows.xls", "--format")):
        refused("predict.py", ["--model", exported / "export-onnx", "--input", tmp_path / name], word)
    refused("predict.py", ["--model", tmp_path], "signature.json")
    refused("predict.py", [], "--model")
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (exported / "export-onnx").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "model.onnx").write_bytes(b"broken")
    refused("predict.py", ["--model", copy], "SHA-256")
    refused("export.py", ["--run_dir", exported, "--file_format", "AIR"], "MINDIR, ONNX")
    refused("export.py", ["--run_dir", tmp_path], "not a run folder")

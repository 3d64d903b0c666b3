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
"""A field of several values a row from raw file to probabilities: preprocess, train, eval, export, predict."""

import csv
import io
import json

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX needs more: pip install -r requirements/serve.txt")

from src.data import PreparedData  # noqa: E402
from src.training import predict_logits  # noqa: E402
from src.workflow import load_model, load_run  # noqa: E402
from tests.commands import SMALL, run  # noqa: E402

DESCRIPTION = """
fields:
  - city
  - {name: tags, kind: multi, separator: "|", pool: mean}
  - {name: noise, kind: multi, separator: "|", pool: sum, max_length: 3}
tasks: [click, like]
split: {by: column, column: fold}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run, and the raw test rows; tag c decides click, tag f decides like."""
    folder, rng, words = tmp_path_factory.mktemp("pooled"), np.random.default_rng(0), list("abcdefgh")
    rows = []
    for number in range(2000):
        tags, noise = (list(rng.choice(words, rng.integers(0, 5))) for _ in range(2))
        rows.append({"tags": "|".join(tags), "noise": "|".join(noise), "city": f"c{rng.integers(4)}",
                     "click": int(rng.random() < (0.8 if "c" in tags else 0.3)),
                     "like": int(rng.random() < (0.7 if "f" in tags else 0.2)),
                     "fold": "test" if number % 10 == 0 else "valid" if number % 10 == 1 else "train"})
    with open(folder / "data.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "table.yaml").write_text(DESCRIPTION)
    done = run("preprocess.py", "--dataset", "table", "--raw_dir", folder / "data.csv", "--table",
               folder / "table.yaml", "--data_dir", folder / "set")
    assert done.returncode == 0 and "after the 3 that are read of a cell" in done.stderr + done.stdout, done.stderr
    done = run("train.py", "dataset=table", f"data_dir={folder / 'set'}", f"output_dir={folder}", "run_name=run",
               "keep_fields=1", "batch_size=128", *SMALL, "report=true")
    assert done.returncode == 0, done.stderr
    return folder, [row for row in rows if row["fold"] == "test"]


def test_the_tags_are_selected_and_the_report_shows_them(finished):
    folder, _ = finished
    selection = json.loads((folder / "run" / "selection.json").read_text())
    assert selection["selected"] == {"click": ["tags"], "like": ["tags"]}
    assert "tags" in (folder / "run" / "report.html").read_text()


@pytest.mark.parametrize("kind", ["ONNX", "MINDIR"])
def test_an_exported_model_gives_the_numbers_of_the_run(finished, kind):
    folder, rows = finished
    done = run("export.py", "--run_dir", folder / "run", "--file_format", kind)
    assert done.returncode == 0 and json.loads(done.stdout)["largest_difference"] < 1e-6, done.stderr
    served = folder / "run" / f"export-{kind.lower()}"
    signature = json.loads((served / "signature.json").read_text())
    assert signature["input"]["shape"] == ["batch", 4] and signature["fields"][0]["pool"] == "mean"
    run_folder, config = load_run(str(folder / "run"), [])
    data = PreparedData.open(folder / "set")
    model, plan, _ = load_model(run_folder, config, data)
    logits = predict_logits(model, data.split("test"), plan, [0, 1], 128)[0]
    for some in (rows, rows[:1]):  # as a table, and as one row
        text = "tags\n" + "".join(f"{row['tags'] or chr(34) * 2}\n" for row in some)
        done = run("predict.py", "--model", served, input=text)
        assert done.returncode == 0, done.stderr
        found = np.array([[float(row[task]) for task in ("click", "like")]
                          for row in csv.DictReader(io.StringIO(done.stdout))])
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits[:len(some)])), atol=1e-6)

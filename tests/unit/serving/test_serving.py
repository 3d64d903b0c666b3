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
"""Every backbone as a file of either format; reading rows piece by piece."""

from __future__ import annotations

import io

import mindspore
import polars as pl
import pytest

from src.errors import UserError
from src.serving import read_rows, write_rows
from src.serving.exporting import export_model
from tests.helpers import make_model, make_schema, make_selection

BACKBONES = ("single_task", "shared_bottom", "omoe", "mmoe", "ple", "esmm", "aitm")


@pytest.mark.parametrize("kind, backbone", [*(("ONNX", name) for name in BACKBONES), ("MINDIR", "esmm"),
                                            ("MINDIR", "ple")])
def test_every_backbone_is_written_for_any_batch_size(kind, backbone, tmp_path):
    """export_model itself compares the file with the model on several batch sizes."""
    if kind == "ONNX":
        pytest.importorskip("onnx", reason="ONNX needs more: pip install -r requirements/serve.txt")
    elif mindspore.__version__ < "2":
        pytest.skip("MindSpore 1.10 cannot slice fields out of a batch of any size: see docs/SERVING.md")
    schema = make_schema(2)
    selection = make_selection(schema, {"t0": ["f0", "f1", "f4"], "t1": ["f1", "f5"]}, ["f1", "f4"], backbone)
    _, plan = make_model(backbone, schema, selection)
    sizes = [schema.cardinalities[column] for column in plan.columns]
    path = tmp_path / f"model.{kind.lower()}"
    assert export_model(lambda: make_model(backbone, schema, selection)[0], backbone, sizes, kind, path) < 1e-6
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def everything(names, where):
    return list(names)


def test_json_lines_of_mixed_types_and_lists():
    text = b'{"a": 1, "b": true, "c": ["x", 2]}\n\n{"b": null, "a": "1.0", "c": "y"}\n'
    frame = pl.concat(read_rows("-", "jsonl", everything, io.BytesIO(text)))
    assert frame["a"].to_list() == ["1", "1.0"] and frame["b"].to_list() == ["1", None]
    assert frame["c"].to_list() == [["x", "2"], ["y"]]


@pytest.mark.parametrize("kind, text, words", [
    ("jsonl", b'{"a": 1}\n{"b": 1}\n', "line 2 lacks 'a'"), ("jsonl", b'{"a": 1}\n[1]\n', "line 2 is"),
    ("jsonl", b"{", "line 1 is not JSON"), ("jsonl", b"", "is empty"), ("csv", b"", "is empty"),
    ("csv", b"a,b\n1\n", "line 2 has 1 cells"), ("csv", b'a,b\n1,"2\n', "line 2"), ("csv", b"a,a\n", "2 times"),
    ("parquet", b"", "standard input"),
])
def test_rows_that_cannot_be_read(kind, text, words):
    with pytest.raises(UserError, match=words):
        list(read_rows("-", kind, everything, io.BytesIO(text)))


def test_a_failed_prediction_leaves_no_file(tmp_path):
    def frames():
        yield pl.DataFrame({"click": [0.5]})
        raise UserError("row 2")

    with pytest.raises(UserError, match="row 2"):
        write_rows(frames(), str(tmp_path / "out.csv"), "csv", io.BytesIO())
    assert not list(tmp_path.iterdir())

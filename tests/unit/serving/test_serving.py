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
import os
import re
import stat
import sys
import threading

import mindspore
import numpy as np
import polars as pl
import pytest
from mindspore import Tensor

from src.common.errors import UserError
from src.data.description.options import FieldSpec
from src.data.encoding.encode import FieldEncoder
from src.data.reading import header, jsonl
from src.programs import predict
from src.schema import Scale
from src.serving import Signature, open_engine, predictions, read_rows, write_rows
from src.serving.exporting import export_model
from src.serving.rows import delimiter_of
from src.serving.signature import InputField
from tests.commands import ROOT
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
    assert export_model(lambda: make_model(backbone, schema, selection)[0], sizes, kind, path) < 1e-6
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["ONNX", "MINDIR"])
def test_numbers_come_in_their_own_units(kind, tmp_path):
    """The output of a task of numbers is its model's times the deviation plus the mean; the other is a probability."""
    if kind == "ONNX":
        pytest.importorskip("onnx", reason="ONNX needs more: pip install -r requirements/serve.txt")
    elif mindspore.__version__ < "2":
        pytest.skip("MindSpore 1.10 cannot slice fields out of a batch of any size: see docs/SERVING.md")
    schema, scales, path = make_schema(2), (None, Scale(5000.0, 20.0)), tmp_path / f"model.{kind.lower()}"

    def make():
        return make_model("mmoe", schema)[0]

    assert export_model(make, schema.cardinalities, kind, path, scales) < 1e-6
    ids = np.stack([np.arange(5) % size for size in schema.cardinalities], 1).astype(np.int32)
    model = make()
    model.set_train(False)
    outputs, found = model(Tensor(ids)).asnumpy().astype(np.float64), open_engine(path, kind)(ids)
    np.testing.assert_allclose(found[:, 0], 1 / (1 + np.exp(-outputs[:, 0])), atol=1e-6)
    np.testing.assert_allclose(found[:, 1], 5000 + 20 * outputs[:, 1], rtol=5e-7)


def test_a_signature_keeps_the_scales():
    given = Signature("toy", AGE.fields, ("click", "watch"), {"file": "m", "format": "ONNX", "sha256": "0"},
                      {"backbone": "mmoe", "selection": {}, "versions": {}}, {"watch": Scale(5.0, 2.0)})
    value = given.to_json()
    assert value["output"]["name"] == "predictions" and value["scales"] == {"watch": {"mean": 5.0, "std": 2.0}}
    assert Signature.from_json(value, "s").scales == given.scales
    assert "scales" not in AGE.to_json() and AGE.to_json()["output"]["name"] == "probabilities"


@pytest.mark.parametrize("wrong", [b"\xff\xfeity", b"c\xc3ty"])
def test_names_of_parquet_that_are_no_text_are_refused(wrong, tmp_path):
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"city": ["Oslo"]}).write_parquet(path)
    path.write_bytes(path.read_bytes().replace(b"city", wrong[:4]))
    with pytest.raises(UserError, match="rows.parquet is damaged or no Parquet file"):
        list(read_rows(str(path), "parquet", everything, None))


def everything(names, where):
    return list(names)


def test_json_lines_of_mixed_types_and_lists():
    text = b'{"a": 1, "b": true, "c": ["x", 2]}\n\n{"b": null, "a": "1.0", "c": "y"}\n'
    frame = pl.concat(read_rows("-", "jsonl", everything, io.BytesIO(text)))
    assert frame["a"].to_list() == ["1", "1.0"] and frame["b"].to_list() == ["True", None]
    assert frame["c"].to_list() == ['["x", "2"]', "y"]


@pytest.mark.parametrize("kind, text, words", [
    ("jsonl", b'{"a": 1}\n{"b": 1}\n', "line 2 lacks 'a'"), ("jsonl", b'{"a": 1}\n[1]\n', "line 2 is"),
    ("jsonl", b"{", "line 1 is not JSON"), ("jsonl", b"", "is empty"), ("csv", b"", "is empty"),
    ("csv", b"a,b\n1\n", "line 2 has 1 cells"), ("csv", b'a,b\n1,"2\n', "line 2"), ("csv", b"a,a\n", "2 times"),
    ("parquet", b"", "standard input"),
])
def test_rows_that_cannot_be_read(kind, text, words):
    with pytest.raises(UserError, match=words):
        list(read_rows("-", kind, everything, io.BytesIO(text)))


def test_a_row_alone_is_encoded_without_a_query(monkeypatch):
    """Its cells are looked up one by one: a query of Polars for every field takes 50 times as long."""
    specs = [FieldSpec("city",
    "city"), FieldSpec("age", "age", "number"), FieldSpec("hour", "at", "timestamp", part="hour"),
             FieldSpec("tag", "tags", "multi", separator="|")]
    encoders = [FieldEncoder(specs[0], ("",), values=("Oslo", "1")), FieldEncoder(specs[1], ("-1",), edges=(2.0, 5.5)),
                FieldEncoder(specs[2], ("",), values=("7", "12")), FieldEncoder(specs[3], ("NA",), values=("a", "b"))]
    signature = Signature("table", tuple(InputField(spec.name, encoder) for spec, encoder in zip(specs, encoders)),
    ("t",), {})
    rows = pl.DataFrame({"city": [" Oslo", "1.0", None], "age": ["5.50", "-1.0", "3"],
                         "at": ["1413892800", "2024-03-01 07:59:59", ""], "tags": ["NA|b", '["a"]', "c"]})
    many = signature.encode(pl.concat([rows] * 40))[:3].tolist()
    monkeypatch.setattr(pl.LazyFrame, "collect", lambda *arguments, **options: pytest.fail("a query"))
    assert signature.encode(rows).tolist() == many == [[1, 3, 2, 2], [2, 0, 1, 1], [0, 2, 0, 0]]


def test_a_cell_that_cannot_be_read_is_named_with_its_row():
    encoder = FieldEncoder(FieldSpec("age", "age", "number"), ("",), edges=(2.0,))
    signature = Signature("table", (InputField("age", encoder),), ("t",), {})
    for count in (3, 300):
        with pytest.raises(UserError, match="column 'age' holds 'old'; expected a number in row 102$"):
            signature.encode(pl.DataFrame({"age": ["1", "old", *["2"] * count]}), 100)


AGE = Signature("table", (InputField("age", FieldEncoder(FieldSpec("age", "age", "number"), ("",), edges=(2.0,))),),
                ("click", "like"), {})


def half(ids):
    """A model that gives every task half of the first id."""
    return np.repeat(ids[:, :1] / np.float32(2), 2, 1).astype(np.float32)


@pytest.mark.parametrize("kind, text", [
    ("csv", b"user,age,at\n01,1,x\n,3,y\n"), ("csv", b"age;at;user\n1;x;01\n3;y;\n"),
    ("jsonl", b'{"age": 1, "user": "01"}\n{"age": 3, "user": null}\n')])
def test_ids_go_through_as_they_are(kind, text):
    rows = read_rows("-", kind, lambda names, where: AGE.columns_of(names, where, ["user"]), io.BytesIO(text))
    out = io.BytesIO()
    write_rows(predictions(rows, AGE, half, 1, ["user"]), "-", "csv", out)
    assert out.getvalue() == b"user,click,like\n01,0.5,0.5\n,1.0,1.0\n"


def test_without_ids_there_are_the_probabilities_alone():
    found, = predictions(iter([pl.DataFrame({"age": ["1", "3"]})]), AGE, half, 1)
    assert found.to_dict(as_series=False) == {"click": [0.5, 1.0], "like": [0.5, 1.0]}
    assert found.dtypes == [pl.Float32] * 2


def test_no_rows_have_the_columns_all_the_same():
    out = io.BytesIO()
    write_rows(predictions(iter([]), AGE, half, 1, ["user"]), "-", "csv", out)
    assert out.getvalue() == b"user,click,like\n"


def test_ids_of_parquet_keep_their_type_and_lists_are_refused():
    rows = pl.DataFrame({"age": [1.0], "user": [2 ** 60], "tags": [[1]]})
    assert next(predictions(iter([rows]), AGE, half, 1, ["user"])).schema["user"] == pl.Int64
    with pytest.raises(UserError, match=r"id 'tags' has the type List\(Int64\); expected text"):
        next(predictions(iter([rows]), AGE, half, 1, ["tags"]))


def test_an_id_that_is_not_there_is_named():
    with pytest.raises(UserError, match="rows.csv lacks column 'usr'; it has age, user; did you mean user"):
        AGE.columns_of(["age", "user"], "rows.csv", ["usr"])
    for ids, words in ((["like"], "id 'like' is also a task"), (["user", "user"], "id 'user' is named twice")):
        with pytest.raises(UserError, match=words):
            predict.refuse_ids(ids, AGE.tasks)


def test_a_delimiter_goes_for_input_and_output():
    assert [delimiter_of(given) for given in (None, ";", "tab", "\\t")] == [None, ";", "\t", "\t"]
    for wrong in (";;", "é", '"', "\n", ""):
        with pytest.raises(UserError, match="expected one character such as \";\", or tab"):
            delimiter_of(wrong)
    text = b"age:user\n1:a,b\n"  # no delimiter that is found by itself
    rows = read_rows("-", "csv", lambda names, where: AGE.columns_of(names, where, ["user"]), io.BytesIO(text), ":")
    out = io.BytesIO()
    write_rows(predictions(rows, AGE, half, 1, ["user"]), "-", "csv", out, ":")
    assert out.getvalue() == b"user:click:like\na,b:0.5:0.5\n"


def test_a_delimiter_without_csv_is_refused(tmp_path):
    with pytest.raises(UserError, match="delimiter is for CSV; the input is jsonl and the output jsonl"):
        predict.main(["--model", str(tmp_path), "--input", str(tmp_path / "a.jsonl"), "--delimiter", ";"])


def test_parquet_without_pyarrow_is_one_line(tmp_path, monkeypatch):
    path, out = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    FRAME.write_parquet(path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="Parquet needs pyarrow, .*pip install -r requirements/serve.txt, or use CSV"):
        list(read_rows(str(path), "parquet", everything, None))
    with pytest.raises(UserError, match="Parquet needs pyarrow"):
        write_rows([FRAME], str(out), "parquet", None)
    assert not out.exists()


def test_the_libraries_of_serving_are_those_of_training():
    ours, theirs = (dict(re.findall(r"^([\w-]+)([^\s#]*)", (ROOT / name).read_text(), re.MULTILINE))
                    for name in ("requirements/serve.txt", "requirements.txt"))
    assert set(ours) - set(theirs) == {"onnx", "onnxruntime"}
    assert all(limits == theirs.get(name, limits) for name, limits in ours.items())


def test_an_object_as_a_cell_is_refused_with_its_line():
    with pytest.raises(UserError, match="line 1: 'a' is {'b': 1}, of type dict; expected text, a number"):
        list(read_rows("-", "jsonl", everything, io.BytesIO(b'{"a": {"b": 1}}')))


def test_a_failed_prediction_leaves_no_file(tmp_path):
    def frames():
        yield pl.DataFrame({"click": [0.5]})
        raise UserError("row 2")

    with pytest.raises(UserError, match="row 2"):
        write_rows(frames(), str(tmp_path / "out.csv"), "csv", io.BytesIO())
    assert not list(tmp_path.iterdir())


FRAME = pl.DataFrame({"click": [0.5, 0.25]})
CSV = b"click\n0.5\n0.25\n"


def test_a_link_is_written_through_and_a_fifo_gets_the_bytes(tmp_path):
    target, link, fifo = tmp_path / "far" / "target.csv", tmp_path / "link.csv", tmp_path / "fifo.csv"
    target.parent.mkdir()
    link.symlink_to(target)  # it need not be there yet
    for _ in range(2):
        write_rows([FRAME], str(link), "csv", None)
        assert link.is_symlink() and target.read_bytes() == CSV
    os.mkfifo(fifo)
    read = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    write_rows([FRAME], str(fifo), "csv", None)
    reader.join(timeout=10)
    assert read == [CSV] and stat.S_ISFIFO(fifo.stat().st_mode)
    write_rows([FRAME], os.devnull, "csv", None)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["far", "fifo.csv", "link.csv", "target.csv"]


@pytest.mark.parametrize("kind, text, words", [
    ("csv", b"a,b\n", "line 1 does not end within"), ("csv", b"", "line 1 does not end within"),
    ("jsonl", b"", "line 1 does not end within"), ("jsonl", b'{"a": 1}\n', "line 2 does not end within")])
def test_input_without_line_ends_is_refused_before_memory_ends(kind, text, words, monkeypatch):
    monkeypatch.setattr(header, "LINE_BYTES", 1000)
    endless = text.rstrip(b"\n") + b"\0" * 2000 if kind == "csv" else text + b"\0" * 2000
    with pytest.raises(UserError, match=f"standard input {words}"):
        list(read_rows("-", kind, everything, io.BytesIO(endless)))


def test_json_lines_come_in_pieces_of_bounded_size(monkeypatch):
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 20)
    text = b"".join(b'{"a": %d}\n' % number for number in range(10))
    frames = list(read_rows("-", "jsonl", everything, io.BytesIO(text)))
    assert [len(frame) for frame in frames] == [3, 3, 3, 1]
    assert pl.concat(frames)["a"].to_list() == [str(number) for number in range(10)]


@pytest.mark.parametrize("name, stream", [("input", "stdin"), ("output", "stdout")])
def test_a_closed_stream_is_named(name, stream, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, stream, None)
    other = {"input": "--output", "output": "--input"}[name]
    with pytest.raises(UserError, match=f"standard {name} is closed; give a file with --{name}"):
        predict.main(["--model", str(tmp_path), other, str(tmp_path / "rows.csv")])


def test_the_output_is_not_the_input(tmp_path):
    rows_file, link = tmp_path / "rows.csv", tmp_path / "link.csv"
    rows_file.write_text("a\n1\n")
    link.symlink_to(rows_file)
    for target in (rows_file, link):
        with pytest.raises(UserError, match="csv is the input; its rows would be lost: name another file"):
            predict.main(["--model", str(tmp_path), "--input", str(rows_file), "--output", str(target)])
    assert rows_file.read_text() == "a\n1\n"


def test_a_task_is_no_formula_in_the_heading():
    out = io.BytesIO()
    write_rows([pl.DataFrame({"=2+3": [0.5], "a\u202eb": [0.25]})], "-", "csv", out)
    assert out.getvalue() == b"'=2+3,a\\u202eb\n0.5,0.25\n"


def test_a_row_nested_too_deep_is_one_line(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text("[" * 100_000 + "\n")
    with pytest.raises(UserError, match="line 1 is not JSON"):
        list(read_rows(str(file), "jsonl", lambda columns: {}, None))

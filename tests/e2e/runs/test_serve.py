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
"""multisfs serve in processes of its own, with a model of three operators: no run has to be trained for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

onnx = pytest.importorskip("onnx", reason="ONNX needs more: pip install -r requirements/serve.txt")
pytest.importorskip("onnxruntime", reason="ONNX needs more: pip install -r requirements/serve.txt")

from onnx import TensorProto, helper  # noqa: E402

from src.common.files import sha256, write_json  # noqa: E402
from src.serving import SIGNATURE_FILE, Signature  # noqa: E402
from tests.commands import ROOT, refused_outside, run  # noqa: E402
from tests.unit.serving.test_server import SIGNATURE  # noqa: E402

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder as export.py writes it, with a model that gives a quarter of the id for every task."""
    folder = tmp_path_factory.mktemp("export")
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Cast", ["ids"], ["float"], to=TensorProto.FLOAT),
         helper.make_node("Mul", ["float", "quarter"], ["half"]),
         helper.make_node("Concat", ["half", "half"], ["probabilities"], axis=1)], "toy",
        [value("ids", TensorProto.INT32, ["batch", 1])], [value("probabilities", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor("quarter", TensorProto.FLOAT, [1], [0.25])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    signature = Signature(SIGNATURE.dataset, SIGNATURE.fields, SIGNATURE.tasks,
                          {"file": "model.onnx", "format": "ONNX", "sha256": sha256(folder / "model.onnx")},
                          {"backbone": "toy", "selection": {}, "versions": {}})
    write_json(folder / SIGNATURE_FILE, signature.to_json(), sealed=True)
    return folder


@contextlib.contextmanager
def started(exported, cwd, **environment):
    """A server in a process of its own, and a connection to it."""
    command = [sys.executable, "-m", "src", "serve", "--model", str(exported), "--address", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **environment}) as process:
        try:
            line = process.stderr.readline()
            port = re.search(r"on http://127.0.0.1:(\d+) ", line)
            assert port, line + process.stderr.read()
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", int(port[1]), timeout=60)) as connection:
                yield process, connection
        finally:
            process.kill()


def answer(connection):
    found = connection.getresponse()
    return found.status, json.loads(found.read())


def test_what_the_container_copies_serves_until_it_is_told_to_stop(exported, tmp_path):
    for source, _ in re.findall(r"^COPY (\S+) (\S+)$", (ROOT / "tools/serving/Dockerfile").read_text(), re.MULTILINE):
        target = tmp_path / source
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, target)
    with started(exported, tmp_path, PYTHONPATH="") as (process, connection):
        connection.request("GET", "/health")
        assert answer(connection)[0] == 200
        rows = [{"city": "Lima"}] * 20_000  # an answer that is being made when the signal comes
        connection.request("POST", "/predict", json.dumps(rows))
        process.send_signal(signal.SIGTERM)
        assert answer(connection) == (200, [{"click": 0.5, "like": 0.5}] * 20_000)
        assert process.wait(60) == 143 and process.stderr.read() == "interrupted by SIGTERM\n"


def test_an_address_in_use_and_a_folder_that_is_no_export_are_one_line(exported, tmp_path):
    with started(exported, ROOT) as (_, connection):
        taken = f"127.0.0.1:{connection.port}"
        refused_outside(run("-m src", "serve", "--model", exported, "--address", taken),
                        f"cannot listen on {taken}: Address already in use; give another --address HOST:PORT")
    refused_outside(run("-m src", "serve", "--model", tmp_path), "has no signature.json")

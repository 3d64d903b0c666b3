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
"""The load test against a server in this process, and the container file."""

from __future__ import annotations

import json
import re
import threading

import pytest

from src.common.errors import UserError
from src.serving.server import Server, Service
from tests.commands import ROOT
from tests.unit.serving.test_server import SIGNATURE, engine
from tools.serving.__main__ import main


@pytest.fixture
def url():
    with Server("127.0.0.1", 0, Service(SIGNATURE, engine, 100)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("batch", [1, 2])
def test_the_load_test_counts_what_the_server_answered(url, batch, tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"city": "Oslo"}\n\n{"city": "Lima"}\n{"city": null}\n')
    main(["--rows", str(rows), "--url", url, "--clients", "2", "--seconds", "0.3", "--batch", str(batch)])
    found = json.loads(capsys.readouterr().out)
    assert found["requests"] > 4 and 0 < found["p50_ms"] <= found["p99_ms"] < 300
    assert found["rows_per_second"] == pytest.approx(batch * found["requests_per_second"], rel=0.01)
    assert found["requests_per_second"] < found["requests"] / 0.3


def test_an_answer_that_is_an_error_ends_it(url, tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"town": "Oslo"}\n')
    with pytest.raises(SystemExit, match="1"):
        main(["--rows", str(rows), "--url", url, "--clients", "2", "--seconds", "5"])
    assert "2 of 2 clients stopped; the first: status 400: {\"error\": \"row 1 lacks" in capsys.readouterr().err


def test_without_a_server_it_says_so(tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n")
    with pytest.raises(SystemExit, match="1"):
        main(["--rows", str(rows), "--url", "http://127.0.0.1:1", "--clients", "1"])
    assert "Connection refused" in capsys.readouterr().err
    for wrong, words in ((["--url", "127.0.0.1:80"], "expected one such as http"), (["--batch", "2"], "has 1 rows")):
        with pytest.raises(UserError, match=words):
            main(["--rows", str(rows), *wrong])


def test_the_container_copies_what_is_there():
    text = (ROOT / "tools/serving/Dockerfile").read_text()
    copied = re.findall(r"^COPY (\S+) (\S+)$", text, re.MULTILINE)
    assert [source for source, _ in copied] == ["requirements/serve.txt", "src"]
    assert all((ROOT / source).exists() for source, _ in copied)
    assert text.count("COPY") == len(copied) and "-r requirements/serve.txt" in text

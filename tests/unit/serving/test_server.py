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
"""The HTTP server: answers, refusals, and clients at the same time."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from src.common.errors import UserError
from src.data.description.options import FieldSpec
from src.data.encoding.encode import FieldEncoder
from src.programs import serve
from src.serving import Signature, server
from src.serving.server import Server, Service
from src.serving.signature import InputField

CITY = FieldEncoder(FieldSpec("city", "city"), ("",), values=("Oslo", "Lima"))
SIGNATURE = Signature("table", (InputField("city", CITY),), ("click", "like"),
                      {"file": "model.onnx", "format": "ONNX", "sha256": "0"})


def engine(ids):
    """A model whose probabilities are a quarter and half of the id."""
    return ids.astype(np.float32) * np.float32([[0.25, 0.5]])


@pytest.fixture
def served():
    """A server, in a thread; call it with a method, a path and a body for the status and the value of its answer."""
    service = Service(SIGNATURE, engine, 2)
    with Server("127.0.0.1", 0, service) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", running.server_port, timeout=20)

        def ask(method, path, body=None, **options):
            connection.request(method, path, body, **options)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

        ask.connection, ask.server = connection, running
        yield ask
        connection.close()
        running.shutdown()
        thread.join()


def rows(*cities):
    return json.dumps([{"city": city} for city in cities])


def test_an_object_gets_an_object_and_a_list_a_list(served):
    assert served("POST", "/predict", b'{"city": "Lima", "other": []}') == (200, {"click": 0.5, "like": 1.0})
    found = [{"click": 0.25, "like": 0.5}, {"click": 0.0, "like": 0.0}, {"click": 0.5, "like": 1.0}]
    assert served("POST", "/predict", rows(" Oslo", None, "Lima")) == (200, found)
    assert served("POST", "/predict", rows("Oslo")) == (200, found[:1])
    assert served("POST", "/predict", "[]") == (200, [])


def test_it_says_what_it_serves(served):
    assert served("GET", "/health") == (200, {"status": "ok", "dataset": "table", "model": dict(SIGNATURE.model)})
    status, found = served("GET", "/signature")
    assert status == 200 and found["tasks"] == ["click", "like"]
    assert found["fields"] == [{"name": "city", "kind": "categorical", "cardinality": 3, "column": "city"}]


@pytest.mark.parametrize("body, line", [
    ("{", "the request is not JSON: Expecting property name"), ("[" * 100_000, "the request is not JSON: "),
    (b"\xff\xff\xff", "the request is not JSON: "), ("", "the request is not JSON: Expecting value"),
    ("3", "row 1 is 3; expected an object such as"), ("[{}, 3]", "row 2 is 3; expected an object"),
    ("{}", "row 1 lacks column 'city'; it has none"),
    ('{"cty": 1}', "row 1 lacks column 'city'; it has cty; did you mean"),
    ('[{"city": 1}, {}]', "row 2 lacks 'city'; write null for a missing value"),
    ('{"city": {"a": 1}}', "row 1: 'city' is {'a': 1}, of type dict; expected text, a number"),
    ('{"city": "\\ud800"}', "row 1: 'city' is '\\ud800', with half a letter"),
])
def test_what_is_wrong_with_rows_is_one_line_and_the_next_request_is_answered(served, body, line):
    status, found = served("POST", "/predict", body)
    assert status == 400 and list(found) == ["error"], found
    assert found["error"].startswith(line) and "\n" not in found["error"]
    assert served("POST", "/predict", rows("Oslo"))[0] == 200


@pytest.mark.parametrize("method, path, body, status, words", [
    ("GET", "/", None, 404, "GET / is not known; expected POST /predict, GET /health or GET /signature"),
    ("GET", "/predict", None, 405, "GET /predict"), ("POST", "/health", b"x" * 100_000, 405, "POST /health"),
    ("POST", "/predct", b"{}", 404, "POST /predct"), ("DELETE", "/predict", None, 501, "Unsupported method"),
    ("POST", "/predict", b"x" * 1001, 413, "the request has 1,001 bytes; expected at most 1,000; send fewer rows"),
])
def test_other_requests_are_refused(served, monkeypatch, method, path, body, status, words):
    monkeypatch.setattr(server, "MOST_BYTES", 1000)
    found = served(method, path, body)
    assert found[0] == status and words in found[1]["error"]
    assert served("POST", "/predict", rows("Oslo"))[0] == 200


def test_rows_need_their_length(served):
    status, found = served("POST", "/predict", headers={"Transfer-Encoding": "chunked"})
    assert status == 411 and "Content-Length is missing" in found["error"]


def test_a_client_that_is_refused_while_it_sends_sees_the_answer(served):
    with socket.create_connection(("127.0.0.1", served.server.server_port), timeout=20) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):  # the server has refused by the head long before the last of these
            client.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            time.sleep(0.01)
        client.sendall(b"0\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 411 ") and b"Content-Length is missing" in answer


def test_a_client_that_goes_on_sending_is_left(served, monkeypatch):
    monkeypatch.setattr(server, "LINGER_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", served.server.server_port), timeout=20) as client, \
            pytest.raises(OSError):
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(1000):
            client.sendall(b"x" * 1000)
            time.sleep(0.01)


def test_a_defect_is_logged_and_does_not_end_the_server(served, caplog):
    def broken(ids):
        raise ZeroDivisionError("in the model")

    served.server.service.engine = broken
    status, found = served("POST", "/predict", rows("Oslo"))
    assert status == 500 and "its log has the traceback" in found["error"] and "ZeroDivisionError" in caplog.text
    served.server.service.engine = engine
    assert served("POST", "/predict", rows("Oslo"))[0] == 200


def test_clients_at_the_same_time_get_their_own_answers(served):
    def ask(number):
        connection = http.client.HTTPConnection("127.0.0.1", served.server.server_port, timeout=20)
        connection.request("POST", "/predict", rows(*["Oslo", "Lima"][number % 2:][:1] * (1 + number % 5)))
        found = json.loads(connection.getresponse().read())
        connection.close()
        return found == [{"click": 0.25 * (1 + number % 2), "like": 0.5 * (1 + number % 2)}] * (1 + number % 5)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(80)))


def test_a_client_that_hangs_up_is_no_error(served, caplog):
    connection = http.client.HTTPConnection("127.0.0.1", served.server.server_port, timeout=20)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"{")
    connection.close()
    assert served("POST", "/predict", rows("Oslo"))[0] == 200
    assert not caplog.text


@pytest.mark.parametrize("text, found", [("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:8080", ("::1", 8080)),
                                         ("localhost:0", ("localhost", 0))])
def test_addresses(text, found):
    assert serve.address_of(text) == found


@pytest.mark.parametrize("text", ["8080", ":8080", "host", "host:", "host:http", "host:-1", "host:65536", "host:²"])
def test_addresses_that_are_none(text):
    with pytest.raises(UserError, match="expected HOST:PORT such as 127.0.0.1:8080, with a port up to 65535"):
        serve.address_of(text)

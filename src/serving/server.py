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
"""A model over HTTP: raw rows as JSON in, probabilities as JSON out. The standard library's server, a thread a client.

    POST /predict     one row, {"age": 31, ...}, or several, [{...}, {...}]; the answer has the same form
    GET /health       what is served; it answers once the model has run
    GET /signature    the raw columns, fields and tasks

What is wrong with a request is one line, {"error": "..."}, as predict.py says it, with status 400.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import polars as pl

from ..common.errors import Interrupted, UserError
from ..common.text import visible
from ..data.reading.jsonl import rows_frame
from .engines import Engine, predictions
from .signature import Signature

LOG = logging.getLogger(__name__)
MOST_BYTES = 16 << 20  # of a request
DRAINED_BYTES = 16 * MOST_BYTES  # read and thrown away of a longer one, so that its sender gets the answer
IDLE_SECONDS = 60  # after which a client that says nothing is left
LINGER_SECONDS = 2  # for a client that still sends when it has been refused
FINISH_SECONDS = 10  # for the answers that are being made when the server is told to stop
EXPECTED = "expected POST /predict, GET /health or GET /signature"


class Service:
    """Answers of one model, to any number of threads at a time.

    Args:
        signature: of the model.
        engine: what ``open_engine`` returned. It is run once, so that the first client does not wait for that.
        batch_size: most rows given to the model at once.
    """

    def __init__(self, signature: Signature, engine: Engine, batch_size: int):
        self.signature, self.engine, self.batch_size = signature, engine, batch_size
        engine(np.zeros((1, signature.width), np.int32))

    def predict(self, body: bytes) -> str:
        """JSON probabilities, by task, for the JSON rows of a request: an object for an object, a list for a list.

        Raises:
            UserError: the body is no JSON row or rows, or a row cannot be encoded.
        """
        value = _parse(body)
        rows = value if isinstance(value, list) else [value]
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise UserError(f"row {number} is {str(row)[:50]}; expected an object such as {{\"user_id\": 1}}")
        if not rows:
            return "[]"
        columns = self.signature.columns_of(list(rows[0]), "row 1")
        frame = rows_frame(rows, columns, lambda place: f"row {place + 1}")
        found = pl.concat(predictions(iter([frame]), self.signature, self.engine, self.batch_size)).write_json()
        return found if isinstance(value, list) else found[1:-1]

    def health(self) -> dict[str, Any]:
        """What is served."""
        return {"status": "ok", "dataset": self.signature.dataset, "model": dict(self.signature.model)}

    def describe(self) -> dict[str, Any]:
        """signature.json without the encoders, which hold every value of every field."""
        value = self.signature.to_json()
        fields = [{key: item for key, item in entry.items() if key != "encoder"} for entry in value["fields"]]
        return {**value, "fields": fields}


class Server(ThreadingHTTPServer):
    """An HTTP server of one Service.

    Args:
        host: name or address to listen on; one with a colon is IPv6.
        port: 0 for any that is free.
        service: what answers.

    Raises:
        OSError: it cannot listen there.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, service: Service):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.service, self._busy, self._changed = service, 0, threading.Condition()
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """As its base, but without asking for the name of the host, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """While an answer is made."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT; answers that are being made are finished. In the main thread only.

        Raises:
            Interrupted: by which signal.
        """
        stopped: list[int] = []

        def stop(number, _frame) -> None:
            stopped.append(number)
            threading.Thread(target=self.shutdown).start()  # it waits for serve_forever, which this thread runs

        handlers = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.serve_forever(poll_interval=0.1)
        finally:
            with self._changed:
                self._changed.wait_for(lambda: not self._busy, FINISH_SECONDS)
            for number, handler in handlers.items():
                signal.signal(number, handler)
        raise Interrupted(stopped[0])


class Handler(BaseHTTPRequestHandler):
    """One client's requests, one after the other."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "multisfs", ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True  # or the second of two small packets waits for the first one's receipt

    def do_GET(self) -> None:
        """Answers /health and /signature."""
        service = self.server.service
        found = {"/health": service.health, "/signature": service.describe}.get(self.path)
        if found is None:
            self._refuse(405 if self.path == "/predict" else 404, f"GET {self.path} is not known; {EXPECTED}")
        else:
            self._send(200, json.dumps(found()))

    def do_POST(self) -> None:
        """Answers /predict."""
        with self.server.answering():
            body = self._body()
            if body is not None:
                self._predict(body)

    def _predict(self, body: bytes) -> None:
        try:
            text = self.server.service.predict(body)
        except UserError as error:
            self._refuse(400, str(error))
        except Exception:  # a defect of ours, which must not end the server
            LOG.exception("a request failed")
            self._refuse(500, "the server has a defect; its log has the traceback")
        else:
            self._send(200, text)

    def _body(self) -> bytes | None:
        """The request's body; None where it has been refused."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True  # where the next request begins is not known
            self._refuse(411, "Content-Length is missing; send the rows in one piece, with their length")
            self._let_go()
            return None
        size = int(length)
        if self.path == "/predict" and size <= MOST_BYTES:
            body = self.rfile.read(size)
            if len(body) == size:
                return body
            self.close_connection = True  # the client has gone
            return None
        self._drain(size)
        if self.path != "/predict":
            self._refuse(405 if self.path in ("/health", "/signature") else 404,
                         f"POST {self.path} is not known; {EXPECTED}")
        else:
            self._refuse(413, f"the request has {size:,} bytes; expected at most {MOST_BYTES:,}; send fewer rows at a "
                              "time")
        if size > DRAINED_BYTES:
            self._let_go()
        return None

    def _drain(self, size: int) -> None:
        self.close_connection = self.close_connection or size > DRAINED_BYTES
        left = min(size, DRAINED_BYTES)
        while left and (piece := self.rfile.read(min(left, 1 << 16))):
            left -= len(piece)

    def _let_go(self) -> None:
        """Throws away for a while what the client still sends: to close with unread bytes resets the connection, and
        the client would never see the answer."""
        until = time.monotonic() + LINGER_SECONDS
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while (left := until - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.rfile.read1(1 << 16):
                    return

    def _refuse(self, status: int, line: str) -> None:
        LOG.info("%s: %d: %s", self.address_string(), status, visible(" ".join(line.split())))
        self._send(status, json.dumps({"error": " ".join(line.split())}))

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses, such as a method that is not known, in the form of all other errors."""
        self.close_connection = True
        self._refuse(code, f"{message or 'the request is no HTTP that is known here'}; {EXPECTED}")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs nothing: what was refused has a line of its own."""

    def log_message(self, format: str, *args: Any) -> None:
        """Logs what the standard library has to say of a connection."""
        LOG.info("%s: %s", self.address_string(), visible(format % args))


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the request is not JSON: {error}") from None

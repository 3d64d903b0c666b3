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
"""Load test of multisfs serve: clients that each send one request after the other, and how long the answers take.

    python -m src serve --model outputs/RUN/export-onnx
    python -m tools.serving --rows rows.jsonl --clients 4 --seconds 10              # in another terminal
    python -m tools.serving --rows rows.jsonl --batch 64

Prints one line: requests and rows a second, the median and the 99th percentile of the time from sending a request to
having the whole answer, and this machine's processor. Clients are threads of one process; on a machine that runs the
server as well they take processor time from it. The exit code is 1 if an answer was an error.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np

from src.command_line import parse
from src.common.errors import UserError, run_program
from src.common.option import Option

OPTIONS = (
    Option("rows", help="JSON lines: raw rows to send, in turn, over and over", kind="path", required=True),
    Option("url", "http://127.0.0.1:8080", "where the server is"),
    Option("clients", 4, "clients at a time", "whole", limits={"min": 1, "max": 1000}),
    Option("batch", 1, "rows of a request", "whole", limits={"min": 1}),
    Option("seconds", 10.0, "how long to send", "number", limits={"above": 0}),
)


class Client(threading.Thread):
    """Sends one request after the other, over one connection, until a moment.

    Attributes:
        seconds: time of every answer.
        problem: what was wrong, at which it stopped; "" if nothing was.
    """

    def __init__(self, address: str, bodies: list[bytes], end: float):
        super().__init__(daemon=True)
        self.address, self.bodies, self.end = address, bodies, end
        self.seconds: list[float] = []
        self.problem = ""

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            while time.perf_counter() < self.end and not self.problem:
                began = time.perf_counter()
                connection.request("POST", "/predict", self.bodies[len(self.seconds) % len(self.bodies)])
                answer = connection.getresponse()
                text = answer.read()
                self.seconds.append(time.perf_counter() - began)
                if answer.status != 200:
                    self.problem = f"status {answer.status}: {text[:300].decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as error:
            self.problem = str(error) or type(error).__name__
        finally:
            connection.close()


def main(arguments: list) -> None:
    """Runs the load test.

    Raises:
        UserError: an option or the file of rows is wrong.
        SystemExit: 1, an answer was an error or there was none.
    """
    given = parse(arguments, __doc__, OPTIONS)
    address = urlsplit(given.url)
    if address.scheme != "http" or not address.netloc:
        raise UserError(f"url is {given.url!r}; expected one such as http://127.0.0.1:8080")
    bodies = read_bodies(given.rows, given.batch)
    began = time.perf_counter()
    clients = [Client(address.netloc, bodies[number:] + bodies[:number], began + given.seconds)
               for number in range(given.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    print(summary(given, np.array([value for client in clients for value in client.seconds]),
                  time.perf_counter() - began))
    problems = [client.problem for client in clients if client.problem]
    if problems:
        print(f"{len(problems)} of {given.clients} clients stopped; the first: {problems[0]}", file=sys.stderr)
        sys.exit(1)


def read_bodies(path: str, batch: int) -> list[bytes]:
    """Requests of ``batch`` rows each, of a file of JSON lines; the last rows that are no whole request are left out.

    Raises:
        UserError: the file cannot be read, or has fewer rows than a request.
    """
    try:
        lines = [line for line in Path(path).read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if len(lines) < batch:
        raise UserError(f"{path} has {len(lines)} rows; expected at least {batch}, those of one request")
    if batch == 1:
        return lines
    return [b"[" + b",".join(lines[start:start + batch]) + b"]" for start in range(0, len(lines) - batch + 1, batch)]


def summary(given: SimpleNamespace, seconds: np.ndarray, wall: float) -> str:
    """One line of JSON on the answers, which took ``seconds`` each and ``wall`` seconds in all."""
    middle, slow = np.percentile(seconds, (50, 99)) * 1000 if len(seconds) else (float("nan"), float("nan"))
    return json.dumps({"clients": given.clients, "rows_a_request": given.batch, "requests": len(seconds),
                       "requests_per_second": round(len(seconds) / wall, 1),
                       "rows_per_second": round(len(seconds) * given.batch / wall, 1),
                       "p50_ms": round(float(middle), 2), "p99_ms": round(float(slow), 2), "processor": processor()})


def processor() -> str:
    """The name of this machine's processor, as Linux knows it, and how many cores of it there are."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    names = re.findall(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    return f"{names[0]}, {len(names)} cores" if names else "unknown"


if __name__ == "__main__":
    run_program(main)

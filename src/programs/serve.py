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
"""Answer over HTTP: raw rows to probabilities, from a folder that export.py wrote.

    python -m src serve --model outputs/RUN/export-onnx                             # on this machine alone
    python -m src serve --model DIR --address 0.0.0.0:8080                          # to others, too
    curl -d '{"user_id": 196, "item_id": 242, ...}' http://127.0.0.1:8080/predict   # {"like":0.39,"love":0.42}

POST /predict takes one row as a JSON object, or a list of rows, and gives an object, or a list, with a probability per
task. Every row has the columns that predict.py reads, with null for a missing value. GET /signature says which; GET
/health answers when the model is ready. What is wrong with a request is one line, {"error": "..."}, with status 400.
Whoever can reach the address can ask: there is no password and no encryption; a proxy in front adds both.
It ends at SIGTERM or Ctrl-C, once the answers that are being made are sent.
"""

from __future__ import annotations

import logging
from pathlib import Path

from ..common.errors import UserError
from ..common.option import Option

LOG = logging.getLogger(__name__)
OPTIONS = (
    Option("model", help="folder that export.py wrote", kind="path", required=True),
    Option("address", "127.0.0.1:8080", "HOST:PORT to listen on; 0.0.0.0 is every address of this machine, port 0 any "
           "that is free"),
    Option("batch_size", 8192, "most rows given to the model at once", kind="whole", limits={"min": 1}),
)


def main(arguments: list) -> None:
    """Serves until a signal.

    Raises:
        UserError: the command line or the folder is wrong, or the address cannot be had.
        Interrupted: SIGTERM or SIGINT came.
    """
    from ..command_line import parse, start_logging  # here, so that a library that is missing is one line

    given = parse(arguments, __doc__, OPTIONS)
    host, port = address_of(given.address)
    from ..serving import open_engine, read_signature
    from ..serving.server import Server, Service

    start_logging()
    signature, model = read_signature(Path(given.model))
    service = Service(signature, open_engine(model, signature.model["format"]), given.batch_size)
    try:
        server = Server(host, port, service)
    except OSError as error:
        raise UserError(f"cannot listen on {given.address}: {error.strerror}; give another --address "
                        "HOST:PORT") from None
    shown = f"[{host}]" if ":" in host else host
    LOG.info("serving %s on http://%s:%d (POST /predict, GET /signature, GET /health)", given.model, shown,
             server.server_port)
    with server:
        server.run()


def address_of(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; an IPv6 host may be in brackets.

    Raises:
        UserError: it is something else.
    """
    host, _, port = text.rpartition(":")
    if host[:1] == "[" and host[-1:] == "]":
        host = host[1:-1]
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UserError(f"address is {text!r}; expected HOST:PORT such as 127.0.0.1:8080, with a port up to 65535")
    return host, int(port)

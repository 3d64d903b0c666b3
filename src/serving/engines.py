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
"""What runs a model file: onnxruntime for ONNX, MindSpore for MINDIR. Each is imported only when it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable

import numpy as np
import polars as pl

from ..common.errors import UserError
from .signature import Signature

Engine = Callable[[np.ndarray], np.ndarray]  # ids to probabilities; from any thread
FORMATS = ("MINDIR", "ONNX")


def open_engine(model: Path, kind: str) -> Engine:
    """Returns a function from ids, int32 ``[batch, fields]``, to probabilities, float32 ``[batch, tasks]``.

    Args:
        model: the model file.
        kind: MINDIR or ONNX.

    Raises:
        UserError: the format is unknown, what runs it is not installed, or it cannot read the file.
    """
    if kind not in FORMATS:
        raise UserError(f"model format is {kind!r}; expected one of {', '.join(FORMATS)}")
    return _open_onnx(model) if kind == "ONNX" else _open_mindir(model)


def _open_mindir(model: Path) -> Engine:
    try:
        mindir = importlib.import_module(".mindir", __package__)
    except ImportError as error:
        raise UserError(f"MindSpore cannot be imported ({' '.join(str(error).split())[:200]}); pip install -r "
                        "requirements.txt, or export with --file_format ONNX") from None
    return mindir.open_mindir(model)


def _open_onnx(model: Path) -> Engine:
    try:
        import onnxruntime
    except ImportError:
        raise UserError("onnxruntime is not installed; pip install -r requirements/serve.txt") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base but this
        raise UserError(f"{model} cannot be read by onnxruntime: {' '.join(str(error).split())[:200]}") from None
    name = session.get_inputs()[0].name
    return lambda ids: session.run(None, {name: ids})[0]


def predictions(rows: Iterator[pl.DataFrame], signature: Signature, engine: Engine, batch_size: int,
                ids: Sequence[str] = ()) -> Iterator[pl.DataFrame]:
    """Yields a frame for every frame of raw rows; an empty one where there is none.

    Its columns are ``ids``, raw columns as they are in the rows, and one of float32 per task.

    Raises:
        UserError: a cell cannot be read, or an id is no text, number or time.
    """
    done = 0
    for frame in rows:
        for name in ids:
            kind = frame.schema[name]
            if kind.is_nested() or kind == pl.Binary:
                raise UserError(f"id {name!r} has the type {kind}; expected text, numbers, dates or times")
        encoded = signature.encode(frame, done)
        found = [engine(encoded[start:start + batch_size]) for start in range(0, len(encoded), batch_size)]
        if found:
            done += len(encoded)
            yield pl.DataFrame({**{name: frame[name] for name in ids},
                                **dict(zip(signature.tasks, np.concatenate(found).T))})
    if not done:
        yield pl.DataFrame(schema={**dict.fromkeys(ids, pl.String), **dict.fromkeys(signature.tasks, pl.Float32)})

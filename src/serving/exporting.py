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
"""Writing a model file: MINDIR by MindSpore, ONNX by MindSpore and then with its batch dimension set free."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Callable

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ..common.errors import UserError
from ..common.files import read_json, sha256
from ..data.encoding.encode import FieldEncoder
from ..models import MultiTaskModel
from ..schema import Field, Scale
from .engines import open_engine
from .signature import output_name

PACKAGES = ("mindspore", "mindspore-gpu", "numpy", "polars", "onnx")
PLACEHOLDER = 99_991  # batch size of the fixed ONNX graph: a prime that no width of a network is likely to be
CHECKED_BATCHES = (1, 2, 7, 64)
TOLERANCE = 1e-5  # largest difference of a probability between the model and its file
ROUNDED = 2.0 ** -22  # of a number: two steps of float32


class Predicted(nn.Cell):
    """A model's predictions: ``construct(ids)``, int32 ``[batch, columns]``, gives float32 ``[batch, tasks]``: the
    probability of a binary task, the number of another in its own units.

    Every field is embedded: the graph of folded inputs cannot be set free in its batch size.

    Args:
        model: with its weights.
        scales: of every task, None for a binary one.
    """

    def __init__(self, model: MultiTaskModel, scales: Sequence[Scale | None]):
        super().__init__(auto_prefix=False)
        self.model, self.mixed = model, any(scales)
        if self.mixed:
            column = {name: np.array(values, np.float32).reshape(-1, 1) for name, values in (
                ("binary", [scale is None for scale in scales]),
                ("std", [0 if scale is None else scale.unit for scale in scales]),
                ("mean", [0 if scale is None else scale.mean for scale in scales]))}
            self.binary, self.std, self.mean = (Tensor(column[name]) for name in ("binary", "std", "mean"))
            self.sigmoid = ops.Sigmoid()
        self.set_train(False)

    def construct(self, ids):
        inputs = self.model.router(self.model.embedding(ids))
        if not self.mixed:
            return self.model.backbone.probabilities(inputs).T
        outputs = self.model.backbone(inputs)
        return (self.sigmoid(outputs) * self.binary + (outputs * self.std + self.mean)).T


def export_model(make: Callable[[], MultiTaskModel], cardinalities: Sequence[int], kind: str, path: Path,
                 scales: Sequence[Scale | None] = ()) -> float:
    """Writes a model file that takes any batch size, and compares it with the model.

    Args:
        make: builds the model with its weights; called again for every graph, because MindSpore's export does not take
            a Cell that was compiled for another shape.
        cardinalities: number of ids of every column of ids that the model reads, in order.
        kind: MINDIR or ONNX.
        path: the file, ending in .mindir or .onnx.
        scales: of every task, None for a binary one; empty where all are binary.

    Returns:
        The largest difference of a probability, or of a number in units of its scale, between the file and the model.

    Raises:
        UserError: MindSpore cannot write this format, or the file does not give the model's predictions.
    """
    network = Predicted(make(), scales)
    temporary = path.with_name(f"tmp-{os.getpid()}-{path.name}")
    try:
        if kind == "MINDIR":
            shape = Tensor(shape=[None, len(cardinalities)], dtype=ms.int32)
        else:
            shape = Tensor(np.zeros((PLACEHOLDER, len(cardinalities)), np.int32))
        try:
            if kind == "ONNX" and hasattr(ms, "onnx"):  # its place in MindSpore 2.7 and later
                ms.onnx.export(network, shape, file_name=str(temporary))
            else:
                ms.export(network, shape, file_name=str(temporary), file_format=kind)
        except (RuntimeError, ValueError, TypeError) as error:
            backbone, reason = network.model.backbone.name, " ".join(str(error).split())[:200]
            raise UserError(f"MindSpore cannot write this {backbone} as {kind}: {reason}") from None
        os.chmod(temporary, 0o644)
        if kind == "ONNX":
            free_batch(temporary, output_name(scales))
        difference = compare(Predicted(make(), scales), cardinalities, temporary, kind, scales)
        os.replace(temporary, path)
        return difference
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def free_batch(path: Path, output: str = "probabilities") -> None:
    """Makes the batch dimension of an ONNX file, written for PLACEHOLDER rows, any size, in place.

    MindSpore writes the batch size into the shapes given to Reshape, and into the shapes of input and output; nowhere
    else. In a Reshape it becomes -1, which ONNX infers; where there is another -1 it comes first and becomes 0,
    which copies that dimension of the input. Input and output get the names "ids" and ``output``.

    Raises:
        UserError: the onnx package is not installed, or the batch size occurs anywhere else.
    """
    onnx = import_onnx()
    graph = onnx.load(str(path))
    shapes = {name for node in graph.graph.node if node.op_type == "Reshape" for name in node.input[1:]}
    for name, holder in _constants(graph.graph):
        values = onnx.numpy_helper.to_array(holder)
        if values.dtype.kind not in "iu" or values.size > 8 or not (values == PLACEHOLDER).any():
            continue
        where = np.flatnonzero(values == PLACEHOLDER)
        inferred = (values == -1).any()
        if name not in shapes or len(where) > 1 or (inferred and where[0] != 0):
            raise UserError(f"MindSpore's ONNX file holds the batch size in {name}, where it cannot be set free; "
                            "export as MINDIR")
        freed = np.where(values == PLACEHOLDER, 0 if inferred else -1, values).astype(values.dtype)
        holder.CopyFrom(onnx.numpy_helper.from_array(freed, holder.name))
    for value, name in ((graph.graph.input[0], "ids"), (graph.graph.output[0], output)):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
        _rename(graph.graph, value.name, name)
    del graph.graph.value_info[:]
    onnx.checker.check_model(graph)
    onnx.save(graph, str(path))


def import_onnx() -> Any:
    """The onnx package, or one line that says how to get it."""
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError:
        raise UserError("onnx is not installed; pip install -r requirements/serve.txt") from None
    return onnx


def compare(network: nn.Cell, cardinalities: Sequence[int], path: Path, kind: str,
            scales: Sequence[Scale | None] = ()) -> float:
    """The largest difference of a prediction between a model and its file, over several batch sizes.

    A number is compared in units of its scale, and beyond what float32 rounds off of it.

    Raises:
        UserError: they differ beyond TOLERANCE, or the file cannot be run.
    """
    run = open_engine(path, kind)
    rng, worst = np.random.default_rng(0), 0.0
    ids = np.stack([rng.integers(0, size, max(CHECKED_BATCHES)) for size in cardinalities], 1).astype(np.int32)
    expected = network(Tensor(ids)).asnumpy()
    for rows in CHECKED_BATCHES:
        found = run(ids[:rows])
        if found.shape != expected[:rows].shape:
            raise UserError(f"the exported model gives {list(found.shape)} for {rows} rows; expected "
                            f"{list(expected[:rows].shape)}; this is a defect, please report it")
        differences = np.abs(found - expected[:rows])
        if any(scales):
            unit = np.array([1 if scale is None else scale.unit for scale in scales])
            numbers = np.array([scale is not None for scale in scales])
            rounded = ROUNDED * np.abs(expected[:rows]) * numbers
            differences = np.maximum(differences - rounded, 0) / unit
        worst = max(worst, float(differences.max()))
    if not worst <= TOLERANCE:
        raise UserError(f"the exported model differs from the trained one by {worst:g}; expected at most "
                        f"{TOLERANCE:g}; this is a defect, please report it")
    return worst


def _constants(graph) -> Iterator[tuple[str, Any]]:
    """(name, tensor) of every constant of an ONNX graph."""
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield node.output[0], attribute.t


def _rename(graph, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    for value in (*graph.input, *graph.output):
        if value.name == old:
            value.name = new


def read_encoder(folder: Path, field: Field) -> FieldEncoder:
    """A field's fitted encoder, from its vocabulary below a prepared set.

    Raises:
        UserError: the file is missing, or is not the one that was written for this field of this set.
    """
    path = folder / field.vocabulary
    encoder = FieldEncoder.from_json(read_json(path), str(path))
    if encoder.cardinality != field.cardinality:
        raise UserError(f"{path} is damaged: it has {encoder.cardinality} ids; expected {field.cardinality}; prepare "
                        "the data set again")
    if field.vocabulary_sha256 not in (None, sha256(path)):
        raise UserError(f"{path} is damaged: its SHA-256 is not the one in schema.json; prepare the data set again")
    return encoder

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
"""signature.json: all that is needed, with the model file, to turn raw rows into predictions. No MindSpore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import numpy as np
import polars as pl

from ..common.errors import UserError, nearest
from ..common.files import read_json, sha256
from ..common.typed import NoRepeats, NotEmpty, PlainName, Text, Whole, parse
from ..data.encoding.encode import FieldEncoder
from ..data.prepared import ENCODER_VERSION
from ..data.preparing.source import load_source
from ..data.reading.cells import CellError, row_of, texts
from ..schema import Scale

SIGNATURE_FILE = "signature.json"
SIGNATURE_VERSION = 1


@dataclass(frozen=True)
class _Model:
    file: PlainName
    format: Literal["MINDIR", "ONNX"]
    sha256: Text


@dataclass(frozen=True)
class _Input:
    name: Text
    encoder: Mapping[str, Any]


@dataclass(frozen=True)
class _File:
    """What signature.json has to hold; it also says the model's input and output for other readers."""

    signature_version: Whole
    encoder_version: Whole
    dataset: Text
    model: _Model
    tasks: Annotated[tuple[Text, ...], NotEmpty, NoRepeats]
    fields: Annotated[tuple[_Input, ...], NotEmpty, NoRepeats]
    backbone: Text
    selection: Mapping[str, Any]
    versions: Mapping[str, Any]
    data: Optional[Mapping[str, Any]] = None  # of which set the model was made; earlier versions did not write it
    scales: Mapping[str, Scale] = field(default_factory=dict)  # of tasks whose label is a number


@dataclass(frozen=True)
class InputField:
    """One field of the model's input, and how its raw column becomes an id or, where it is pooled, several.

    Attributes:
        name: the field's name.
        encoder: its fitted encoder, the one that preparation used.
    """

    name: str
    encoder: FieldEncoder

    def to_json(self) -> dict[str, Any]:
        body, pool = self.encoder.to_json(), self.encoder.spec.pool
        several = {} if pool is None else {"pool": pool, "columns": self.encoder.width}
        return {"name": self.name, "kind": self.encoder.spec.kind, "cardinality": self.encoder.cardinality,
                "column": self.encoder.spec.column, **several, "encoder": body}


@dataclass(frozen=True)
class Signature:
    """What a model file takes and gives.

    Attributes:
        dataset: name of the data set, whose source knows how derived columns are made.
        fields: what the columns of the input ``ids`` hold, int32 ``[batch, width]``, in order: one column a field, of
            a pooled field one for each of its values.
        tasks: the columns of the output, float32 ``[batch, len(tasks)]``, in order. It is called ``probabilities``, or
            ``predictions`` where a task is among the scales.
        model: file (a name in the same folder), format (MINDIR or ONNX), sha256.
        more: what a reader may want to know besides: backbone, data set, selection, versions.
        scales: by task, mean and deviation of a label that is a number; the model gives it in its own units.
    """

    dataset: str
    fields: tuple[InputField, ...]
    tasks: tuple[str, ...]
    model: Mapping[str, str]
    more: Mapping[str, Any] = field(default_factory=dict)
    scales: Mapping[str, Scale] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Number of columns of the input."""
        return sum(item.encoder.width for item in self.fields)

    def to_json(self) -> dict[str, Any]:
        return {
            "signature_version": SIGNATURE_VERSION, "encoder_version": ENCODER_VERSION, "dataset": self.dataset,
            "model": dict(self.model),
            "input": {"name": "ids", "type": "int32", "shape": ["batch", self.width]},
            "output": {"name": output_name(self.scales.values()), "type": "float32",
                       "shape": ["batch", len(self.tasks)]},
            "tasks": list(self.tasks),
            **({"scales": {task: asdict(scale) for task, scale in self.scales.items()}} if self.scales else {}),
            **self.more, "fields": [item.to_json() for item in self.fields],
        }

    @classmethod
    def from_json(cls, value: Any, where: str) -> Signature:
        """Builds a Signature from parsed JSON.

        Raises:
            UserError: a key is missing or has the wrong form, or another version wrote it.
        """
        file = parse(_File, value, where, "export the run again")
        versions = file.signature_version, file.encoder_version
        if versions != (SIGNATURE_VERSION, ENCODER_VERSION):
            raise UserError(f"{where} has signature and encoder versions {versions[0]} and {versions[1]}; expected "
                            f"{SIGNATURE_VERSION} and {ENCODER_VERSION}; export the run again")
        fields = tuple(InputField(item.name, FieldEncoder.from_json(item.encoder, where)) for item in file.fields)
        more = {"backbone": file.backbone, "selection": file.selection, "versions": file.versions}
        more.update({} if file.data is None else {"data": file.data})
        return cls(file.dataset, fields, file.tasks, asdict(file.model), more, file.scales)

    def columns_of(self, present: Sequence[str], where: str, ids: Sequence[str] = ()) -> list[str]:
        """Raw columns to read, of those that ``where`` has: every field's own, or the one its source makes it from.

        Args:
            present: the columns that are there.
            where: what has them, for messages.
            ids: columns that are not fields, to read besides.

        Raises:
            UserError: a column is absent; all absent ones are named.
        """
        derived, found, absent = load_source(self.dataset).DERIVED, {}, {}
        for item in self.fields:
            column = item.encoder.spec.column
            if column in present:
                found[column] = None
            elif column in derived and derived[column][0] in present:
                found[derived[column][0]] = None
            else:
                absent[column] = f"{column!r}" + (f" (or {derived[column][0]!r})" if column in derived else "")
        for column in ids:
            found[column] = None
            if column not in present:
                absent[column] = repr(column)
        if absent:
            hint = nearest(next(iter(absent)), present) if len(absent) == 1 else ""
            raise UserError(f"{where} lacks column{'s' if len(absent) > 1 else ''} {', '.join(absent.values())}; it "
                            f"has {', '.join(present)[:300] or 'none'}{hint}")
        return list(found)

    def encode(self, rows: pl.DataFrame, first_row: int = 0) -> np.ndarray:
        """Returns ids, int32 ``[rows, width]``, C-contiguous; unseen and missing values are 0.

        Args:
            rows: raw columns of any type, as :meth:`columns_of` names them.
            first_row: number of rows before these, for messages.

        Raises:
            UserError: a number or timestamp column holds something else.
        """
        rows = self._with_derived(rows)
        ids, start = np.empty((len(rows), self.width), np.int32), 0
        for item in self.fields:
            raw, stop = rows[item.encoder.spec.column], start + item.encoder.width
            try:
                ids[:, start:stop] = item.encoder.columns(raw)
            except CellError as error:
                raise UserError(f"{error} in row {first_row + (row_of(error.cell, raw) or 0) + 1}") from None
            start = stop
        return ids


    def _with_derived(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Adds the columns that the source of the data set makes from raw ones."""
        derived, held = load_source(self.dataset).DERIVED, set(rows.columns)
        wanted = {item.encoder.spec.column for item in self.fields} - held
        if not wanted:
            return rows
        made = [derived[column][1].alias(column) for column in sorted(wanted)]
        raw = sorted({derived[column][0] for column in wanted})
        try:
            return rows.hstack(pl.DataFrame([texts(rows[name]) for name in raw]).select(made))
        except pl.exceptions.PolarsError as error:
            raise UserError(f"column {' or '.join(map(repr, raw))}, of which {', '.join(sorted(wanted))} is made, "
                            f"holds something unexpected: {str(error).splitlines()[0]}") from None


def output_name(scales: Iterable[Scale | None]) -> str:
    """What a model's output is called, by the scales of its tasks."""
    return "predictions" if any(scales) else "probabilities"


def read_signature(folder: Path) -> tuple[Signature, Path]:
    """Reads an exported folder's signature; returns it and the path of its model file.

    Raises:
        UserError: a file is missing or damaged, or the model is not the one the signature was written for.
    """
    path = Path(folder) / SIGNATURE_FILE
    if not path.is_file():
        raise UserError(f"{folder} has no {SIGNATURE_FILE}; expected a folder that export.py wrote")
    signature = Signature.from_json(read_json(path), str(path))
    model = path.with_name(signature.model["file"])
    if not model.is_file():
        raise UserError(f"model {signature.model['file']!r} of {path} does not exist; export the run again")
    if sha256(model) != signature.model["sha256"]:
        raise UserError(f"{model} is damaged: its SHA-256 is not the one in {SIGNATURE_FILE}; export the run again")
    return signature, model

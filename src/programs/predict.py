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
"""Probabilities for raw rows, from a folder that export.py wrote.

    python predict.py --model DIR --input rows.csv --output probabilities.csv
    head -2 rows.csv | python predict.py --model DIR                     # standard input and output, CSV
    python predict.py --model DIR --input rows.jsonl                     # also .parquet
    python predict.py --model DIR --input rows.csv --id user_id --id item_id --delimiter ";"

A raw row has the columns that preparation reads the model's fields from (signature.json names them under "column"),
in any order; others are ignored; labels are not needed. They are the raw files' own: for MovieLens user_id,
item_id, timestamp, age, gender, occupation, zip_code, release_year and genres, joined into one row; for a table of your
own the columns of its description. A value that is missing, or that the train rows did not have, is id 0. Of CSV and
Parquet the order of columns is free and a column that is absent is refused by name; in JSON lines every row needs
every key, with null for a missing value.

Output: the columns named by --id (those of JSON lines as text), then one per task; a row for every input row, in
order. Rows are read, encoded and predicted in pieces, so memory does not grow with their number. MINDIR runs in
MindSpore; ONNX in onnxruntime alone, without MindSpore.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

from ..common.errors import UserError
from ..common.option import Option

FORMATS = ("csv", "parquet", "jsonl")
OPTIONS = (
    Option("model", help="folder that export.py wrote", kind="path", required=True),
    Option("input", "-", "file of raw rows; - is standard input", kind="path"),
    Option("format", None, "format of the input (default: the ending of --input; csv for standard input)",
           choices=FORMATS),
    Option("output", "-", "file to write, .csv, .parquet or .jsonl; - is standard output, in the format of the input, "
           "or CSV for Parquet", kind="path"),
    Option("id", (), "columns of the input to write in front of the probabilities, as user_id,item_id", "names"),
    Option("delimiter", None, "what separates the cells of CSV, input and output, as \";\" or tab (default: what fits "
           "the first line of the input, a comma in the output)"),
    Option("batch_size", 8192, "most rows given to the model at once", kind="whole", limits={"min": 1}),
)


def main(arguments: list) -> None:
    """Runs the program.

    Raises:
        UserError: the command line, the folder or a row is wrong.
    """
    from ..command_line import parse  # here, so that a library that is missing is one line

    given = parse(arguments, __doc__, OPTIONS)
    from ..serving import open_engine, predictions, read_rows, read_signature, write_rows
    from ..serving.rows import delimiter_of, format_of

    refuse_same_file(given.input, given.output)
    kind = format_of(given.input, given.format, "csv")
    written = format_of(given.output, None, "csv" if kind == "parquet" else kind)
    source, sink = stream_of(given, "input", sys.stdin), stream_of(given, "output", sys.stdout)
    delimiter = delimiter_of(given.delimiter)
    if delimiter and "csv" not in (kind, written):
        raise UserError(f"delimiter is for CSV; the input is {kind} and the output {written}: leave it out")
    signature, model = read_signature(Path(given.model))
    refuse_ids(given.id, signature.tasks)
    engine = open_engine(model, signature.model["format"])
    rows = read_rows(given.input, kind, lambda names, where: signature.columns_of(names, where, given.id), source,
                     delimiter)
    found = predictions(rows, signature, engine, given.batch_size, given.id)
    write_rows(found, given.output, written, sink, delimiter or ",")


def refuse_same_file(source: str, target: str) -> None:
    """Refuses to write over the rows that are read.

    Raises:
        UserError: both are one file.
    """
    if os.path.isfile(source) and os.path.exists(target) and os.path.samefile(source, target):
        raise UserError(f"output {target} is the input; its rows would be lost: name another file")


def refuse_ids(ids: Sequence[str], tasks: Sequence[str]) -> None:
    """Refuses columns to write that would be in the output twice.

    Raises:
        UserError: one is named twice, or as a task.
    """
    for name in ids:
        if name in tasks or ids.count(name) > 1:
            raise UserError(f"id {name!r} is {'also a task' if name in tasks else 'named twice'}; expected columns of "
                            f"the input other than {', '.join(tasks)}, each once")


def stream_of(given: SimpleNamespace, name: str, stream) -> BinaryIO | None:
    """The bytes of a standard stream if ``--input`` or ``--output`` asks for it, else None.

    Raises:
        UserError: the stream is closed.
    """
    if getattr(given, name) != "-":
        return None
    if stream is None:
        raise UserError(f"standard {name} is closed; give a file with --{name}")
    return stream.buffer

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

A raw row has the columns that preparation reads the model's fields from (signature.json names them under "column"),
in any order, with any others beside them; labels are not needed. They are the raw files' own: for MovieLens user_id,
item_id, timestamp, age, gender, occupation, zip_code, release_year and genres, joined into one row; for a table of your
own the columns of its description. A value that is missing, or that the train rows did not have, is id 0. Of CSV and
Parquet the order of columns is free and a column that is absent is refused by name; in JSON lines every row needs
every key, with null for a missing value.

Output: one column per task, a row for every input row, in order. Rows are read, encoded and predicted in pieces, so
memory does not grow with their number. MINDIR runs in MindSpore; ONNX in onnxruntime alone, without MindSpore.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from src.command_line import Parser
from src.errors import UserError, run_program
from src.serving import Signature, open_engine, read_rows, read_signature, write_rows
from src.serving.rows import format_of


def build_parser() -> argparse.ArgumentParser:
    """Returns the command line of this program."""
    parser = Parser(prog="predict.py", description=__doc__, allow_abbrev=False,
                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", required=True, help="folder that export.py wrote")
    add("--input", default="-", help="file of raw rows; - is standard input (default)")
    add("--format", help="csv, parquet or jsonl (default: the ending of --input; csv for standard input)")
    add("--output", default="-", help="file to write, .csv, .parquet or .jsonl; - is standard output (default), in "
                                      "the format of the input, or CSV for Parquet")
    add("--batch_size", type=int, default=8192, help="most rows given to the model at once (default 8192)")
    return parser


def main(arguments: list) -> None:
    """Runs the program.

    Raises:
        UserError: the command line, the folder or a row is wrong.
    """
    options = build_parser().parse_args(arguments)
    if options.batch_size < 1:
        raise UserError(f"batch_size is {options.batch_size}; expected a whole number of at least 1")
    refuse_same_file(options.input, options.output)
    kind = format_of(options.input, options.format, "csv")
    written = format_of(options.output, None, "csv" if kind == "parquet" else kind)
    source, sink = stream_of(options, "input", sys.stdin), stream_of(options, "output", sys.stdout)
    signature, model = read_signature(Path(options.model))
    engine = open_engine(model, signature.model["format"])
    rows = read_rows(options.input, kind, signature.columns_of, source)
    write_rows(predictions(rows, signature, engine, options.batch_size), options.output, written, sink)


def refuse_same_file(source: str, target: str) -> None:
    """Refuses to write over the rows that are read.

    Raises:
        UserError: so.
    """
    if os.path.isfile(source) and os.path.exists(target) and os.path.samefile(source, target):
        raise UserError(f"output {target} is the input; its rows would be lost: name another file")


def stream_of(options: argparse.Namespace, name: str, stream) -> BinaryIO | None:
    """The bytes of a standard stream if ``--input`` or ``--output`` asks for it, else None.

    Raises:
        UserError: the stream is closed.
    """
    if getattr(options, name) != "-":
        return None
    if stream is None:
        raise UserError(f"standard {name} is closed; give a file with --{name}")
    return stream.buffer


def predictions(rows: Iterator[pl.DataFrame], signature: Signature, engine, batch_size: int) -> Iterator[pl.DataFrame]:
    """Yields a frame with one float32 column per task for every frame of raw rows; an empty one where there is none."""
    empty = True
    for frame in rows:
        ids = signature.encode(frame)
        found = [engine(ids[start:start + batch_size]) for start in range(0, len(ids), batch_size)]
        if found:
            empty = False
            yield pl.DataFrame(dict(zip(signature.tasks, np.concatenate(found).T)))
    if empty:
        yield pl.DataFrame(schema=dict.fromkeys(signature.tasks, pl.Float32))


if __name__ == "__main__":
    run_program(main)

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
"""Any table of a user's own, read as a YAML description says. One file, a folder of files, or one file a split."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import polars as pl
from pydantic import AfterValidator

from ...common.errors import UserError
from ...common.typed import NoRepeats, NotEmpty, Text, parse
from ...schema import SPLITS
from ..description.options import DataOptions
from ..reading.archive import PACKED, inner_name, open_file
from ..reading.delimited import TEXT, read_frames
from ..reading.header import cells_of, find_separator, names_of, read_record, require_columns
from ..reading.jsonl import read_jsonl
from ..reading.parquet import PARQUET_ERRORS, damaged
from ..staging.stage import GIVEN_SPLIT, PART_ROWS, Stage, progress

DEFAULTS = {"delimiter": None, "names": None, "quote": None}
OBJECTS = (".jsonl", ".ndjson")
SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": ","}
_EXPECTED = ("expected a file that ends in .csv, .tsv, .txt or .jsonl (packed as .gz or .zip, too) or .parquet, or a "
             "folder of such files")
_SPLIT_FILES = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "dev": "valid",
                "test": "test"}

LOG = logging.getLogger(__name__)


def _one_character(text: str) -> str:
    if len(text.encode()) != 1:
        raise ValueError(f"is {text!r}; expected one character such as \";\" or \"\\t\"")
    return text


@dataclass(frozen=True)
class Dialect:
    """How the text of a table is written.

    Attributes:
        delimiter: what separates cells; None finds it by the columns that are wanted.
        names: the columns, in a file without a header line.
        quote: "none" where double quotes are plain letters.
    """

    delimiter: Optional[Annotated[Text, AfterValidator(_one_character)]] = None
    names: Optional[Annotated[tuple[Text, ...], NotEmpty, NoRepeats]] = None
    quote: Optional[Literal['"', "none"]] = None


def describe(raw_dir: Path | None, data: Mapping[str, Any]) -> dict:
    """A folder with one file for each split is dealt out by file, unless the description says otherwise."""
    if data.get("split") is None and raw_dir is not None and raw_dir.is_dir():
        found = sorted(filter(None, (_split_of(path) for path in _tables(raw_dir))))
        if found == sorted(SPLITS):
            return {"split": {"by": "file"}}
    return {}


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns the table's file or files; those of train, valid and test in this order if they are the split.

    Raises:
        UserError: nothing is given, it is of no known kind, or of several, or a split has no file.
    """
    parse(Dialect, options.source, "the table's description")
    if raw_dir is None:
        raise UserError(f"raw_dir is not given; {_EXPECTED}")
    found = _tables(raw_dir) if raw_dir.is_dir() else [raw_dir] if raw_dir.is_file() and _kind(raw_dir) else []
    if not found:
        raise UserError(f"raw_dir {raw_dir} is no table; {_EXPECTED}")
    if options.split.by == "file":
        by_split = {_split_of(path): path for path in found}
        for split in SPLITS:
            if split not in by_split:
                raise UserError(f"split is by file, but raw_dir {raw_dir} has no file {split}; it has "
                                f"{', '.join(path.name for path in found)[:300]}; expected train, valid and test, such "
                                "as train.csv")
        return [by_split[split] for split in SPLITS]
    kinds = sorted({_kind(path) for path in found})
    if len(kinds) > 1:
        raise UserError(f"raw_dir {raw_dir} holds files of several kinds ({', '.join(kinds)}); expected one kind; name "
                        "one file, or move the others")
    return found


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages the columns that the description names."""
    for place, path in enumerate(files):
        before = out.rows
        with progress(f"read {path.name}") as bar:
            for frame in _frames(path, options):
                if options.split.by == "file":
                    frame = frame.with_columns(pl.lit(place, pl.UInt8).alias(GIVEN_SPLIT))
                out.write(frame)
                bar.update(len(frame))
        out.step(f"rows of {path.name}", out.rows - before)


def _tables(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "_"))
                  and _kind(path))


def _kind(path: Path) -> str | None:
    """Ending of the name, without that of packing; None if it is no table's. A .zip says it by what is in it."""
    name = inner_name(path) if path.suffix.lower() in PACKED else path.name
    ending = Path(name).suffix.lower()
    known = (*SEPARATORS, *OBJECTS, *([".parquet"] if name == path.name else []))
    return ending if ending in known else None


def _split_of(path: Path) -> str | None:
    return _SPLIT_FILES.get(path.name.split(".")[0].lower())


def _frames(path: Path, options: DataOptions) -> Iterator[pl.DataFrame]:
    if _kind(path) in OBJECTS:
        with open_file(path) as file:  # pylint: disable=contextmanager-generator-missing-cleanup
            yield from read_jsonl(file, str(path), lambda keys, where: _wanted(where, keys, options.columns()))
        return
    if _kind(path) != ".parquet":
        yield from _text_frames(path, parse(Dialect, options.source, "the table's description"), options.columns())
        return
    columns = options.columns()
    try:
        lazy = pl.scan_parquet(path, glob=False)
        require_columns(path, lazy.collect_schema().names(), columns)
        rows = lazy.select(pl.len()).collect().item()
        for start in range(0, rows, PART_ROWS):
            yield lazy.select(columns).slice(start, PART_ROWS).collect()
    except PARQUET_ERRORS as error:  # Polars panics, too. pylint: disable=catching-non-exception
        raise damaged(path, error) from None


def _wanted(where: str, names: Sequence[str], columns: list[str]) -> list[str]:
    require_columns(where, names, columns)
    return columns


def _text_frames(path: Path, dialect: Dialect, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    quoted = dialect.quote != "none"

    def check(cells: Sequence[str]) -> None:
        if dialect.names is None:
            _require(path, names_of(cells, path), columns)
        elif len(cells) != len(dialect.names):
            raise UserError(f"{path} line 1 has {len(cells)} cells; expected {len(dialect.names)}, as names says")

    with open_file(path) as file:
        first = read_record(file, path, quoted)
    separator = dialect.delimiter or find_separator(first, path, check, SEPARATORS[_kind(path)], quoted)
    check(cells_of(first, path, separator, quoted))
    if separator != (dialect.delimiter or SEPARATORS[_kind(path)]):
        LOG.info("%s: cells are separated by %r", path, separator)
    yield from read_frames(path, dict.fromkeys(columns, TEXT), separator, dialect.names, quoted)


def _require(path: Path, names: Sequence[str], columns: Sequence[str]) -> None:
    """Refuses a header without the wanted columns; where it has none of them, what it may be instead is said."""
    if set(names).isdisjoint(columns):
        raise UserError(f"{path} has none of the columns {', '.join(columns)[:200]}; its first line has "
                        f"{', '.join(filter(None, names))[:200]}; if cells are separated by something else, give "
                        "delimiter: \";\"; if the file has no header line, give names: [...]")
    require_columns(path, names, columns)

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
"""AliCCP (Tianchi 408): 85 million ad impressions; features of the impression, and common ones of the user visit.

Raw files, without header: sample_skeleton_{train,test}.csv with sample id, click, purchase, common feature index,
feature count, feature list; common_features_{train,test}.csv with index, count, list. A list holds items parted by
\\x01, each ``field \\x02 feature \\x03 value``. A field that occurs several times in one list keeps the feature of the
largest value (the first of equals). Rows with a purchase but no click are dropped, as everyone does.

Skeletons are read block by block. Blocks are joined to the common features several at once, since most of a join is
going through the 700,000 visits; then the place is noted, so that an interruption loses PART_ROWS rows at most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ...common.errors import UserError
from ..description.options import DataOptions
from ..reading.delimited import TEXT, WHOLE, BlockReader, Place
from ..staging.stage import GIVEN_TEST, PART_ROWS, Stage, point_to, progress

DEFAULTS: dict = {}
RESUMABLE = True
LEAKAGE = ("click", "purchase")
COMMON_FIELDS = ("101", "109_14", "110_14", "127_14", "150_14", "121", "122", "124", "125", "126", "127", "128", "129")
ROW_FIELDS = ("205", "206", "207", "210", "216", "508", "509", "702", "853", "301")
_SKELETON = ["sample", "click", "purchase", "common", "count", "features"]
_COMMON = ["common", "count", "features"]


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns the two skeletons and the two files of common features.

    Raises:
        UserError: a file is missing; the data needs a login, so that it cannot be fetched.
    """
    if raw_dir is None:
        raise UserError("raw_dir is not given; expected the folder of AliCCP's four unpacked CSV files, to be had "
                        "after a login at https://tianchi.aliyun.com/dataset/408")
    names = [f"{kind}_{split}.csv" for split in ("train", "test") for kind in ("sample_skeleton", "common_features")]
    for name in names:
        if not (raw_dir / name).is_file():
            raise UserError(f"raw_dir {raw_dir} has no {name}; expected {', '.join(names)}")
    return [raw_dir / name for name in names]


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages both skeletons, each row with a pointer to its common features."""
    wanted = options.columns()
    for name in wanted:
        if name not in (*COMMON_FIELDS, *ROW_FIELDS, *LEAKAGE):
            raise UserError(f"column {name!r} is not one of AliCCP's fields; expected one of "
                            f"{', '.join((*COMMON_FIELDS, *ROW_FIELDS))}")
    tables = [_common_table(path, [name for name in wanted if name in COMMON_FIELDS], out)
              for path in (files[1], files[3])]
    out.entities["common"] = pl.concat([table.drop("common") for table in tables])
    row_fields = [name for name in wanted if name in ROW_FIELDS]
    first = 0
    for path, table, test in zip((files[0], files[2]), tables, (False, True)):
        _stage_skeleton(path, row_fields, table["common"], first, test, out)
        first += len(table)


def _stage_skeleton(path: Path, fields: list[str], keys: pl.Series, first: int, test: bool, out: Stage) -> None:
    done = out.state.get(path.name, {"offset": 0, "line": 1, "read": 0, "kept": 0, "finished": False})
    if done["finished"]:
        return
    reader = BlockReader(path, _SKELETON, dict(zip(_SKELETON, (TEXT, WHOLE, WHOLE, TEXT, TEXT, TEXT))), quoted=False)
    parsed: list[pl.DataFrame] = []

    def write() -> None:
        rows = pl.concat(parsed)
        parsed.clear()
        pointers = point_to(rows["common"], keys, "common")
        pointers = pl.Series("common", np.where(pointers >= 0, pointers.to_numpy() + first, -1).astype(np.int32))
        out.write(rows.with_columns(pointers, pl.lit(test).alias(GIVEN_TEST)))
        out.save(**{path.name: done})

    with open(path, "rb") as file, progress(f"read {path.name}") as bar:
        bar.n = bar.initial = done["read"]
        for frame, place in reader.blocks(file, Place(done["offset"], done["line"])):
            kept = frame.filter(~((pl.col("click") == 0) & (pl.col("purchase") == 1)))
            where = f"{path} lines {place.line - len(frame)} to {place.line - 1}"
            parsed.append(parse_features(kept["features"], fields, where).with_columns(
                kept["click"], kept["purchase"], kept["common"]))
            done = {"offset": place.offset, "line": place.line, "read": done["read"] + len(frame),
                    "kept": done["kept"] + len(kept), "finished": False}
            if sum(map(len, parsed)) + len(frame) > PART_ROWS:  # another block may be too much for one part
                write()
            bar.update(len(frame))
        if parsed:
            write()
    out.step(f"rows of {path.name}", done["read"])
    out.step("rows kept, without those bought but not clicked", done["kept"])
    out.save(**{path.name: {**done, "finished": True}})


def _common_table(path: Path, fields: list[str], out: Stage) -> pl.DataFrame:
    """Returns one row per common feature index: the index and the wanted fields. Read once, kept with the stage."""
    kept = out.folder / f"{path.stem}.parquet"
    if out.state.get(path.name):
        return pl.read_parquet(kept)
    reader = BlockReader(path, _COMMON, dict.fromkeys(_COMMON, TEXT), quoted=False)
    tables = [pl.DataFrame(schema={"common": pl.String, **dict.fromkeys(fields, pl.Int64)})]
    with open(path, "rb") as file, progress(f"read {path.name}") as bar:
        for frame, place in reader.blocks(file, Place()):
            where = f"{path} lines {place.line - len(frame)} to {place.line - 1}"
            tables.append(parse_features(frame["features"], fields, where).insert_column(0, frame["common"]))
            bar.update(len(frame))
    table = pl.concat(tables)
    if table["common"].n_unique() != len(table):
        line = table["common"].is_first_distinct().arg_min() + 1
        raise UserError(f"{path} line {line} repeats index {table['common'][line - 1]!r}; expected every index once")
    table.write_parquet(kept)
    out.step(f"rows of {path.name}", len(table))
    out.save(**{path.name: True})
    return table


def parse_features(lists: pl.Series, fields: Sequence[str], where: str) -> pl.DataFrame:
    """Returns one int64 column per wanted field, null where a list does not hold it.

    Args:
        lists: feature lists [rows].
        where: file and lines, for messages.

    Raises:
        UserError: an item has not the form field, feature, value, with a whole number and a number.
    """
    items = pl.DataFrame({"row": np.arange(len(lists), dtype=np.uint32), "item": lists.str.split("\x01")})
    items = items.explode("item")
    groups = pl.collect_all([_items_of(items.lazy(), name) for name in fields])
    for group in groups:
        wrong = group["feature"].is_null() | group["value"].is_null()
        if wrong.any():
            shown = " ".join(map(repr, re.split("[\x02\x03]", group["item"][wrong.arg_max()])))
            raise UserError(f"{where} hold item {shown}; expected a feature number and a value")
    return pl.DataFrame([_largest(group, len(lists), name) for name, group in zip(fields, groups)])


def _items_of(items: pl.LazyFrame, field: str) -> pl.LazyFrame:
    """The items of one field, with the columns row, item, feature and value; null what is no number."""
    text, start = pl.col("item"), f"{field}\x02"
    parts = text.str.strip_prefix(start).str.splitn("\x03", 2)
    return items.filter(text.str.starts_with(start) | (text == field)).with_columns(
        parts.struct.field("field_0").cast(pl.Int64, strict=False).alias("feature"),
        parts.struct.field("field_1").cast(pl.Float64, strict=False).alias("value"))


def _largest(items: pl.DataFrame, rows: int, name: str) -> pl.Series:
    column = np.full(rows, -1, np.int64)
    row = items["row"].to_numpy()
    if (np.diff(row) == 0).any():  # several items of one field in one list
        items = items.sort("row", "value", descending=[False, True], maintain_order=True)
        items = items.unique("row", keep="first", maintain_order=True)
        row = items["row"].to_numpy()
    column[row] = items["feature"].to_numpy()
    return pl.Series(name, column).replace(-1, None)

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
"""MovieLens-100K: 100,000 ratings of 1,682 films by 943 people, with their side tables.

Two layouts are read: GroupLens's own (u.data, u.user, u.item) and RecBole's (ml-100k.inter, .user, .item), which the
wheel of RecBole carries. Both give the same columns; they differ in which of 19 genres a film of unknown genre has.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from ...common.errors import UserError
from ..description.options import DataOptions
from ..reading.fetch import Wheel, fetch_wheel, read_members
from ..staging.stage import Stage, point_to

WHEEL = Wheel("recbole", "1.2.1", "recbole-1.2.1-py3-none-any.whl",
              "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407")
GENRES = ("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
          "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western")
DEFAULTS: Mapping[str, object] = {}
_GENRE_LIST = pl.col("genres").fill_null("").str.split(" ")
# Columns that are not in the raw files: the raw column each is made from, and how.
DERIVED = {
    "zip_prefix": ("zip_code", pl.col("zip_code").str.slice(0, 2)),
    **{f"genre_{genre}": ("genres", _GENRE_LIST.list.contains(genre).cast(pl.Int8)) for genre in GENRES},
}

_FACTS = ("user_id", "item_id", "rating", "timestamp")
_USER = ("user_id", "age", "gender", "occupation", "zip_code")
_ITEM = ("item_id", "title", "release_year", "genres")
_RECBOLE = ("ml-100k.inter", "ml-100k.user", "ml-100k.item")
_GROUPLENS = ("u.data", "u.user", "u.item")


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns the raw files; fetches the wheel where no folder is given.

    Raises:
        UserError: the folder lacks a file of both layouts, or the wheel cannot be fetched.
    """
    if raw_dir is None:
        return [fetch_wheel(WHEEL)]
    for layout in (_GROUPLENS, _RECBOLE):
        for folder in (raw_dir, raw_dir / "ml-100k"):
            if all((folder / name).is_file() for name in layout):
                return [folder / name for name in layout]
    raise UserError(f"raw_dir {raw_dir} does not hold MovieLens-100K; expected {', '.join(_GROUPLENS)} or "
                    f"{', '.join(_RECBOLE)}; leave --raw_dir out to fetch it through pip")


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages the ratings with pointers to users and items."""
    if len(files) == 1:
        members = [f"recbole/dataset_example/ml-100k/{name}" for name in _RECBOLE]
        contents = dict(zip(_RECBOLE, read_members(files[0], members)))
    else:
        contents = {path.name: path.read_bytes() for path in files}
    tables = _read_grouplens(contents) if "u.data" in contents else _read_recbole(contents)
    ratings, users, items = tables["ratings"], tables["users"], tables["items"]
    out.step("ratings", len(ratings))
    out.step("users", len(users))
    out.step("items", len(items))
    out.entities["user"] = users.select("age", "gender", "occupation", *_derived(["zip_prefix"]))
    out.entities["item"] = items.select("release_year", "genres", *_derived([f"genre_{genre}" for genre in GENRES]))
    out.write(ratings.with_columns(point_to(ratings["user_id"], users["user_id"], "user"),
                                   point_to(ratings["item_id"], items["item_id"], "item")))


def _derived(names: Sequence[str]) -> list[pl.Expr]:
    return [DERIVED[name][1].alias(name) for name in names]


def _read_recbole(contents: Mapping[str, bytes]) -> dict[str, pl.DataFrame]:
    names = ("ratings", "users", "items")
    return {name: _read(contents[file], file, "\t", columns, header=True)
            for name, file, columns in zip(names, _RECBOLE, (_FACTS, _USER, _ITEM))}


def _read_grouplens(contents: Mapping[str, bytes]) -> dict[str, pl.DataFrame]:
    items = _read(contents["u.item"], "u.item", "|", ("item_id", "title", "date", "video_date", "url", *GENRES))
    genres = pl.concat_list([pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in GENRES])
    return {
        "ratings": _read(contents["u.data"], "u.data", "\t", _FACTS),
        "users": _read(contents["u.user"], "u.user", "|", _USER),
        "items": items.select("item_id", "title", pl.col("date").str.slice(-4).alias("release_year"),
                              genres.list.drop_nulls().list.join(" ").alias("genres")),
    }


def _read(content: bytes, file: str, separator: str, columns: Sequence[str], header: bool = False) -> pl.DataFrame:
    lines = content.decode("utf-8" if header else "latin-1")  # GroupLens's u.item is ISO 8859-1
    for number, line in enumerate(lines.splitlines(), 1):
        if line.count(separator) != len(columns) - 1:
            raise UserError(f"{file} line {number} has {line.count(separator) + 1} columns; expected {len(columns)}: "
                            f"{', '.join(columns)}")
    return pl.read_csv(io.BytesIO(lines.encode()), separator=separator, has_header=header, new_columns=list(columns),
                       infer_schema=False, quote_char=None)

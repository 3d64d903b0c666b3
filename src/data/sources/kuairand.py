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
"""KuaiRand (Gao et al., CIKM 2022): impressions of short videos with seven kinds of feedback, two side tables.

The raw files are those of KuaiRand-Pure; KuaiRand-1K has the same columns and is read the same way. Facts are the
logs; users and videos are entities. Feedback columns and the statistics table (which covers the test days) are known
only after the impression and are refused as fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import polars as pl

from ...common.errors import UserError, nearest
from ..description.options import DataOptions
from ..reading.archive import is_archive, unpack
from ..reading.delimited import WHOLE, read_frames, read_table
from ..reading.header import read_header, require_columns
from ..staging.stage import Stage, point_to, progress

DEFAULTS = {"logs": "standard"}
LOGS = {"standard": ("log_standard_*.csv",), "random": ("log_random_*.csv",),
        "all": ("log_standard_*.csv", "log_random_*.csv")}
USERS, VIDEOS = "user_features_*.csv", "video_features_basic_*.csv"
# Columns that are not in the raw files: the raw column each is made from, and how.
DERIVED = {"hour": ("hourmin", pl.col("hourmin").cast(pl.Int64) // 100),
           "weekday": ("date", pl.col("date").cast(pl.String).str.to_date("%Y%m%d").dt.weekday())}
LEAKAGE = ("is_click", "is_like", "is_follow", "is_comment", "is_forward", "is_hate", "long_view", "play_time_ms",
           "profile_stay_time", "comment_stay_time", "is_profile_enter")


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns the archive, or the files of the folder (or of its data/ folder) that the options need.

    Raises:
        UserError: none is given, or a file is missing.
    """
    if raw_dir is None:
        raise UserError("raw_dir is not given; expected KuaiRand-Pure.tar.gz or its folder; fetch it with "
                        "bash scripts/download_kuairand.sh FOLDER")
    if is_archive(raw_dir):
        return [raw_dir]
    if not raw_dir.is_dir():
        raise UserError(f"raw_dir {raw_dir} is neither a folder nor a .tar.gz archive")
    found = [path for folder in (raw_dir, raw_dir / "data", raw_dir / "KuaiRand-Pure" / "data")
             for path in sorted(folder.glob("*.csv"))]
    return _choose(found, _patterns(options), str(raw_dir))


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages the log rows with pointers to users and videos."""
    patterns = _patterns(options)
    if is_archive(files[0]):
        found = unpack(files[0], lambda name: any(fnmatch(name, pattern) for pattern in patterns), out.folder / "raw")
        files = _choose(sorted(found), patterns, str(files[0]))
    logs = [path for path in files if path.name.startswith("log_")]
    users, videos = (_read_entities(_choose(files, [pattern], "")[0], key)
                     for pattern, key in ((USERS, "user_id"), (VIDEOS, "video_id")))
    out.step("users", len(users))
    out.step("videos", len(videos))
    out.entities["user"] = users.drop("user_id")
    out.entities["video"] = videos.drop("video_id")
    wanted = _fact_columns(options, logs[0], out)
    for path in logs:
        before = out.rows
        with progress(f"read {path.name}") as bar:
            for frame in read_frames(path, dict.fromkeys(_raw_columns(wanted), WHOLE), quoted=False):
                out.write(_facts(frame, wanted, users["user_id"], videos["video_id"]))
                bar.update(len(frame))
        out.step(f"rows of {path.name}", out.rows - before)


def _patterns(options: DataOptions) -> list[str]:
    logs = options.source["logs"]
    if logs not in LOGS:
        raise UserError(f"logs is {logs!r}; expected one of {', '.join(LOGS)}{nearest(str(logs), LOGS)}")
    return [USERS, VIDEOS, *LOGS[logs]]


def _choose(found: Sequence[Path], patterns: Sequence[str], where: str) -> list[Path]:
    chosen = []
    for pattern in patterns:
        fitting = [path for path in found if fnmatch(path.name, pattern)]
        if not fitting:
            raise UserError(f"{where} has no file {pattern}; expected the files of KuaiRand-Pure as they were "
                            "published; see docs/DATASETS.md")
        chosen += fitting
    return chosen


def _read_entities(path: Path, key: str) -> pl.DataFrame:
    table = read_table(path)
    require_columns(path, table.columns, [key])
    keys = table[key].cast(pl.Int64, strict=False)
    if keys.null_count():
        raise UserError(f"{path} line {keys.is_null().arg_max() + 2} has no whole number in column {key!r}")
    if keys.n_unique() != len(keys):
        line = keys.is_first_distinct().arg_min() + 2
        raise UserError(f"{path} line {line} repeats {key} {keys[line - 2]}; expected every {key} once")
    return table.with_columns(keys)


def _fact_columns(options: DataOptions, log: Path, out: Stage) -> list[str]:
    """Columns of the log itself that fields, tasks and the split need; hour and weekday are made on the way."""
    header = read_header(log)
    held = {column for table in out.entities.values() for column in table.columns}
    wanted = [column for column in options.columns() if column not in held or column in header]
    require_columns(log, [*header, "hour", "weekday"], wanted)
    return wanted


def _raw_columns(wanted: Sequence[str]) -> list[str]:
    made_of = {column: raw for column, (raw, _) in DERIVED.items()}
    return list(dict.fromkeys(["user_id", "video_id", *(made_of.get(column, column) for column in wanted)]))


def _facts(frame: pl.DataFrame, wanted: Sequence[str], users: pl.Series, videos: pl.Series) -> pl.DataFrame:
    derived = {column: expression for column, (_, expression) in DERIVED.items() if column in wanted}
    return frame.with_columns(**derived).select(wanted).with_columns(
        point_to(frame["user_id"], users, "user"), point_to(frame["video_id"], videos, "video"))

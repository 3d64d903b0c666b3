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
"""The prepared train.csv and test.csv that the authors of MultiSFS trained on: ids in place of values, and labels.

Three layouts, told apart by position as the authors' own reader does: KuaiRand has two leading columns that are
dropped, 41 fields and seven labels; AliCCP has two labels first; QB has two labels last. The test file stays the test
split; valid is drawn from train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from ...common.errors import UserError, nearest
from ..description.options import DataOptions
from ..reading.delimited import TEXT, read_frames
from ..reading.header import read_header
from ..staging.stage import GIVEN_TEST, Stage, progress

DEFAULTS = {"layout": "kuairand", "task_t": 1}
LAYOUTS = ("kuairand", "aliccp", "qb")
_KUAIRAND = ("click", "long_view", "like", "follow", "comment", "forward", "hate")
_KUAIRAND_FIELDS = 41
_TASK_T = (("click", "hate"), ("click", "like"), ("like", "comment"), ("click", "like", "comment"),
           ("click", "like", "comment", "forward"))


def describe(raw_dir: Path | None, source: Mapping[str, object]) -> dict:
    """Returns the fields and tasks that the header of train.csv gives in this layout.

    Raises:
        UserError: the layout or task_t is unknown, or the header has too few columns for it.
    """
    layout, choice = source["layout"], source["task_t"]
    if layout not in LAYOUTS:
        raise UserError(f"layout is {layout!r}; expected one of {', '.join(LAYOUTS)}{nearest(str(layout), LAYOUTS)}")
    train = _files(raw_dir)[0]
    names = read_header(train)
    if layout == "kuairand":
        if choice not in range(len(_TASK_T)):
            raise UserError(f"task_t is {choice!r}; expected 0 to {len(_TASK_T) - 1}")
        wanted = 2 + _KUAIRAND_FIELDS + len(_KUAIRAND)
        if len(names) != wanted:
            raise UserError(f"{train} has {len(names)} columns; expected {wanted} in the layout kuairand: two ids, 41 "
                            "fields, seven labels")
        labels = dict(zip(_KUAIRAND, names[2 + _KUAIRAND_FIELDS:]))
        return {"fields": names[2:2 + _KUAIRAND_FIELDS], **_tasks(labels, _TASK_T[choice])}
    if len(names) < 4:
        raise UserError(f"{train} has {len(names)} columns; expected two labels and at least two fields")
    columns, fields = (names[:2], names[2:]) if layout == "aliccp" else (names[-2:], names[:-2])
    labels = dict(zip(("ctr", "cvr") if layout == "aliccp" else ("click", "like"), columns))
    return {"fields": fields, **_tasks(labels, list(labels))}


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns train.csv and test.csv."""
    return _files(raw_dir)


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages both files; the rows of the second are marked as test rows."""
    names = read_header(files[0])
    if read_header(files[1]) != names:
        raise UserError(f"{files[1]} has other columns than {files[0]}; expected the same, in the same order")
    for path, test in zip(files, (False, True)):
        before = out.rows
        with progress(f"read {path.name}") as bar:
            for frame in read_frames(path, dict.fromkeys(options.columns(), TEXT)):
                out.write(frame.with_columns(pl.lit(test).alias(GIVEN_TEST)))
                bar.update(len(frame))
        out.step(f"rows of {path.name}", out.rows - before)


def _files(raw_dir: Path | None) -> list[Path]:
    if raw_dir is None:
        raise UserError("raw_dir is not given; expected a folder with train.csv and test.csv")
    for name in ("train.csv", "test.csv"):
        if not (raw_dir / name).is_file():
            raise UserError(f"raw_dir {raw_dir} has no {name}; expected the authors' train.csv and test.csv")
    return [raw_dir / "train.csv", raw_dir / "test.csv"]


def _tasks(labels: Mapping[str, str], chosen: Sequence[str]) -> dict:
    items = {name: {"name": name, "label": column} for name, column in labels.items()}
    return {"tasks": [items[name] for name in chosen],
            "more_tasks": [item for name, item in items.items() if name not in chosen]}

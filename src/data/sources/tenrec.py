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
"""Tenrec's QB-video: impressions of short videos, in the order they happened, with four kinds of feedback.

The raw file has five columns that are known before the impression. Seven more fields are ours: the last seven items
the user clicked in earlier rows. The order of the file is the only time there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ...common.errors import UserError
from ..description.options import DataOptions
from ..reading.delimited import TEXT, WHOLE, read_frames
from ..staging.stage import Stage, progress

DEFAULTS: dict = {}
LEAKAGE = ("click", "follow", "like", "share", "watching_times")
HISTORY = 7
FILE = "QB-video.csv"
_TYPES = {"user_id": WHOLE, "item_id": WHOLE, "click": WHOLE, "follow": TEXT, "like": TEXT, "share": TEXT,
          "video_category": TEXT, "gender": TEXT, "age": TEXT}


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns QB-video.csv.

    Raises:
        UserError: it is not there; its licence page keeps it from being fetched.
    """
    if raw_dir is None:
        raise UserError(f"raw_dir is not given; expected the folder of {FILE}, available after accepting the "
                        "licence at https://static.qblv.qq.com/qblv/h5/algo-frontend/tenrec_dataset.html")
    path = raw_dir / FILE if raw_dir.is_dir() else raw_dir
    if not path.is_file():
        raise UserError(f"raw_dir {raw_dir} has no {FILE}; expected Tenrec's file of that name")
    return [path]


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages the rows with the columns hist_1 (latest) to hist_7."""
    history = ClickHistory()
    with progress(f"read {files[0].name}") as bar:
        for frame in read_frames(files[0], _TYPES, quoted=False):
            for name in ("user_id", "item_id", "click"):
                if frame[name].null_count():
                    row = out.rows + frame[name].is_null().arg_max() + 1
                    raise UserError(f"{files[0]} data row {row} is empty in column {name!r}; expected a whole number")
            past = history.add(*(frame[name].to_numpy() for name in ("user_id", "item_id", "click")))
            columns = [pl.Series(f"hist_{place + 1}", past[:, place]) for place in range(HISTORY)]
            frame = frame.with_columns([series.replace(-1, None) for series in columns])
            out.write(frame.select(options.columns()))
            bar.update(len(frame))
    out.step(f"rows of {files[0].name}", out.rows)


class ClickHistory:
    """Every user's last clicked items, carried from block to block."""

    def __init__(self):
        self._users = np.empty(0, np.int64)  # sorted; one row per remembered click, oldest first
        self._items = np.empty(0, np.int64)

    def add(self, users: np.ndarray, items: np.ndarray, clicks: np.ndarray) -> np.ndarray:
        """Takes the next rows and returns each one's earlier clicks.

        Args:
            users, items, clicks: int64 [rows], in order of time.

        Returns:
            int64 [rows, HISTORY]: the items the user clicked before the row, latest first, -1 where there is none.
        """
        kept = len(self._users)
        user = np.concatenate([self._users, users])
        item = np.concatenate([self._items, items])
        click = np.concatenate([np.ones(kept, np.int64), clicks == 1]).astype(np.int64)
        order = np.argsort(user, kind="stable")
        user, item, click = user[order], item[order], click[order]
        before = np.cumsum(click) - click  # clicks of all users up to here
        first = np.searchsorted(user, user, side="left")
        start = before[first]
        clicked = item[click == 1]
        past = np.full((len(user), HISTORY), -1, np.int64)
        for place in range(HISTORY):
            at = before - 1 - place
            known = at >= start
            past[known, place] = clicked[at[known]]
        self._remember(user[click == 1], clicked)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return past[back[kept:]]

    def _remember(self, users: np.ndarray, items: np.ndarray) -> None:
        end = np.searchsorted(users, users, side="right")
        recent = np.arange(len(users)) >= end - HISTORY
        self._users, self._items = users[recent], items[recent]

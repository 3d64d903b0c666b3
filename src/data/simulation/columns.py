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
"""The columns of KuaiRand-Pure's two side tables, as the simulation draws them: how many values, how written.

Cardinalities and shares of missing cells are those measured on the published tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

USERS, VIDEOS = 27_285, 7_583
LEVELS = 20  # a number is drawn as one of so many levels; within a level it has no effect


@dataclass(frozen=True)
class Column:
    """One simulated column.

    Attributes:
        entity: "user" or "video".
        size: number of values a code can take, the missing one included (it has an effect like any other).
        names: how codes are written; None writes numbers.
        number: True draws equally likely levels and writes level * 50 + 0..49.
        missing: spelling of the last code, if that means "missing"; its share is ``share``.
    """

    name: str
    entity: str
    size: int
    names: tuple[str, ...] | None = None
    number: bool = False
    missing: str | None = None
    share: float = 0.0

    def probabilities(self) -> np.ndarray:
        """Returns the chance of every code: equal for numbers, Zipf-like for categories."""
        size = self.size - (self.missing is not None)
        weight = np.ones(size) if self.number else 1.0 / np.arange(2, size + 2)
        weight *= (1.0 - self.share) / weight.sum()
        return weight if self.missing is None else np.append(weight, self.share)

    def write(self, codes: np.ndarray, draw: np.random.Generator) -> pl.Series:
        """Returns the raw text of codes [rows]."""
        if self.number:
            values = pl.Series(self.name, codes * 50 + draw.integers(0, 50, len(codes))).cast(pl.String)
        else:
            values = pl.Series([self._name(code) for code in range(self.size)])[codes]
        if self.name == "tag":  # one in five videos has a second tag, which means nothing
            second = pl.Series(draw.integers(0, 68, len(codes))).cast(pl.String)
            twice = pl.Series(draw.random(len(codes)) < 0.2) & (values != "")
            values = pl.select(pl.when(twice).then(values + "," + second).otherwise(values)).to_series()
        if self.missing is not None and self.number:
            values = pl.select(pl.when(pl.Series(codes) == self.size - 1).then(pl.lit(self.missing))
                               .otherwise(values)).to_series()
        return values.alias(self.name)

    def _name(self, code: int) -> str:
        if self.missing is not None and code == self.size - 1:
            return self.missing
        return self.names[code] if self.names else str(code)


def _user(name: str, size: int, **more) -> Column:
    return Column(name, "user", size, **more)


def _video(name: str, size: int, **more) -> Column:
    return Column(name, "video", size, **more)


def _named(*names: str) -> dict:
    return {"size": len(names), "names": names}


_SHARE = 714 / 27_285
COLUMNS: tuple[Column, ...] = (
    _user("user_active_degree", **_named("full_active", "high_active", "middle_active", "UNKNOWN")),
    _user("is_lowactive_period", 1),
    _user("is_live_streamer", 2, names=("1",), missing="-124", share=0.77),
    _user("is_video_author", 2),
    _user("follow_user_num", LEVELS, number=True),
    _user("follow_user_num_range",
          **_named("500+", "(10,50]", "(250,500]", "(50,100]", "(150,250]", "(100,150]", "(0,10]", "0")),
    _user("fans_user_num", LEVELS, number=True),
    _user("fans_user_num_range",
          **_named("[10,100)", "[100,1k)", "[1,10)", "[1k,5k)", "0", "[5k,1w)", "[1w,10w)")),
    _user("friend_user_num", LEVELS, number=True),
    _user("friend_user_num_range", **_named("[5,30)", "[1,5)", "0", "250+", "[30,60)", "[60,120)", "[120,250)")),
    _user("register_days", LEVELS, number=True),
    _user("register_days_range", **_named("730+", "366-730", "181-365", "91-180", "61-90", "31-60", "15-30")),
    _user("onehot_feat0", 2), _user("onehot_feat1", 7), _user("onehot_feat2", 50), _user("onehot_feat3", 1471),
    _user("onehot_feat4", 16, missing="", share=0.03), _user("onehot_feat5", 34), _user("onehot_feat6", 3),
    _user("onehot_feat7", 118), _user("onehot_feat8", 454), _user("onehot_feat9", 7), _user("onehot_feat10", 5),
    _user("onehot_feat11", 5),
    *(_user(f"onehot_feat{number}", 3, names=("0.0", "1.0"), missing="", share=_SHARE) for number in range(12, 18)),
    _video("author_id", 6_510),
    _video("video_type", **_named("NORMAL", "AD", "UNKNOWN")),
    _video("upload_dt", **_named("2022-04-10", "2022-04-09", "2022-04-11")),
    _video("upload_type", **_named(
        "LongImport", "Web", "ShortImport", "Kmovie", "LongPicture", "UNKNOWN", "PictureSet", "LongCamera",
        "ShortCamera", "ShareFromOtherApp", "FollowShoot", "AiCutVideo", "PhotoCopy", "LipsSync")),
    _video("visible_status", 1, names=("0.0",)),
    _video("video_duration", LEVELS + 1, number=True, missing="", share=0.03),
    _video("server_width", 156), _video("server_height", 120), _video("music_id", 7_202),
    _video("music_type", 6, names=("9.0", "4.0", "8.0", "7.0", "11.0"), missing="", share=0.03),
    _video("tag", 69, missing="", share=0.013),
)
BY_NAME = {column.name: column for column in COLUMNS}

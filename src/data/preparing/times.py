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
"""Reading moments of time out of text and numbers. Times without an offset are taken as UTC."""

from __future__ import annotations

import polars as pl

# Tried in this order, each on what the ones before could not read; "T" between date and time and a final "Z" are gone.
_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S%.f", "%Y/%m/%d %H:%M", "%Y/%m/%d")
_OFFSET_FORMATS = ("%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%d %H:%M%z")
_EPOCH_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def moments_of_text(text: pl.Series) -> pl.Series:
    """Returns datetimes (microseconds, UTC, no zone) of texts such as 2022-04-10 12:30:00, null where unreadable."""
    plain = pl.lit(text).str.replace(r"^(\d{4}-\d{2}-\d{2})T", "$1 ").str.replace(r"Z$", "")
    found = [plain.str.strptime(pl.Datetime("us"), form, strict=False) for form in _FORMATS]
    found += [plain.str.strptime(pl.Datetime("us", "UTC"), form, strict=False).dt.replace_time_zone(None)
              for form in _OFFSET_FORMATS]
    return pl.select(pl.coalesce(found)).to_series()


def moments_of_numbers(numbers: pl.Series, unit: str | None) -> pl.Series:
    """Returns datetimes of float numbers of ``unit`` (s, ms, us) since 1970; None tells the unit by each one's size."""
    factor = pl.lit(_EPOCH_UNITS.get(unit, 0))
    if unit is None:  # 1e11 seconds is the year 5138, 1e11 milliseconds is 1973
        size = numbers.abs()
        factor = pl.when(size < 1e11).then(_EPOCH_UNITS["s"]).when(size < 1e14).then(_EPOCH_UNITS["ms"]).otherwise(1)
    return pl.select((numbers * factor).cast(pl.Int64, strict=False).cast(pl.Datetime("us"))).to_series()

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
"""Reading moments of time out of text, numbers and typed columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import polars as pl

from .cells import CellError, as_text, number_of

Unit = Literal["s", "ms", "us", "ns"]
UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}  # nanoseconds of one
# Tried in this order, each on what the ones before could not read; "T" between date and time is gone, "Z" is +0000.
_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S%.f", "%Y/%m/%d %H:%M", "%Y/%m/%d")
_OFFSET_FORMATS = ("%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%d %H:%M%z")
_DAY_HOUR = r"(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])"
_DIGITS = {"%Y%m%d%H": f"^(19|20)\\d\\d{_DAY_HOUR}$", "%y%m%d%H%M": f"^\\d\\d{_DAY_HOUR}[0-5]\\d$"}
_PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_LIKELY, _ANY = (1990, 2100), (1, 9999)  # years that a number without, or with, a unit may mean


@dataclass(frozen=True)
class Clock:
    """How the cells of a time column are read.

    Attributes:
        unit: s, ms, us or ns since 1970 of a number; None tells it by each number's size.
        format: how a text is read, in the codes of Python's strptime; a number is the text of its digits then.
        timezone: IANA name of the zone whose clock is shown, UTC by default. A cell that names no zone is of it.
    """

    unit: str | None = None
    format: str | None = None
    timezone: str | None = None

    def check(self, what: str) -> None:
        """Raises:
            ValueError: the format or the zone of ``what`` is none, or it has a format and a unit.
        """
        if self.unit is not None and self.format is not None:
            raise ValueError(f"{what} has both unit and format; expected one of them")
        if self.format is not None:
            try:
                datetime.strptime(datetime(2014, 10, 21).strftime(self.format), self.format)
            except ValueError as error:
                raise ValueError(f"format of {what} is {self.format!r} ({error}); expected one of Python's "
                                 "strptime, such as \"%y%m%d%H\"") from None
        try:
            _shown(pl.Series([0]).cast(pl.Datetime("us", "UTC")), self.timezone)
        except pl.exceptions.PolarsError:
            raise ValueError(f"timezone of {what} is {self.timezone!r}; expected an IANA name such as Asia/Shanghai"
                            ) from None


def moments(column: pl.Series, clock: Clock, missing: Sequence[str]) -> pl.Series:
    """Returns datetimes (microseconds, without a zone), null where a cell is missing.

    Args:
        column: dates, datetimes, texts such as 2022-04-10 12:30:00 or of ``clock.format``, or numbers since 1970.
        clock: how they are read.
        missing: spellings of "missing"; numbers among them are compared as numbers, times as times.

    Raises:
        CellError: a cell is no moment, or a number that reads as a year which was hardly meant.
        UserError: the column's type is not supported.
    """
    if column.dtype in (pl.Date, pl.Datetime):
        found = _of_typed(column, clock)
    else:
        text = as_text(column).str.strip_chars().str.replace(r"^(\d+)\.0+$", "$1")
        number = text.cast(pl.Float64, strict=False)
        numbers = [number for number in map(number_of, missing) if number is not None]
        absent = text.is_in(list(missing)) | number.is_in(numbers).fill_null(False) | number.is_nan().fill_null(False)
        text = pl.select(pl.when(~absent & (text != "")).then(text).alias(column.name)).to_series()
        found = _of_format(text, clock) if clock.format else _of_text(text, clock)
        wrong = text.filter(found.is_null() & text.is_not_null())
        if len(wrong):
            expected = f"of format {clock.format}" if clock.format else "such as 2022-04-10 12:30:00, or a number"
            raise CellError(column.name, wrong[0], f"; expected a time {expected}",
                            "correct it, list it under missing, or give the format of the column's times")
    dates = pl.Series([item for item in missing if re.match(r"\d{4}[-/]\d", item)], dtype=pl.String)
    for absent in _of_text(dates, clock).drop_nulls():
        found = pl.select(pl.when(pl.lit(found) != absent).then(found)).to_series()
    return found


def moment_of(cell: str, clock: Clock) -> datetime | None:
    """Returns what :func:`moments` gives for one number or date and time in UTC; None where it has to be asked."""
    if clock.format or clock.timezone:
        return None
    if re.fullmatch(r"[0-9]{1,19}", cell):
        size = int(cell)
        unit = clock.unit or ("s" if size < 10**11 else "ms" if size < 10**14 else "us" if size < 10**17 else "ns")
        micros = size * UNITS[unit] // 1_000
        found = datetime(1970, 1, 1) + timedelta(microseconds=micros) if micros < 3e17 else None
        low, high = _LIKELY if clock.unit is None else _ANY
        return found if found and low <= found.year <= high else None
    try:
        return datetime.strptime(cell, "%Y-%m-%d %H:%M:%S") if _PLAIN.fullmatch(cell) else None
    except ValueError:
        return None


def _of_typed(column: pl.Series, clock: Clock) -> pl.Series:
    if column.dtype == pl.Date or column.dtype.time_zone is None:
        return column.cast(pl.Datetime("us"))
    return _shown(column.dt.cast_time_unit("us"), clock.timezone)


def _of_text(text: pl.Series, clock: Clock) -> pl.Series:
    found = _shown(_of_numbers(text, clock), clock.timezone)
    if not (found.is_null() & text.is_not_null()).any():
        return found
    plain = pl.lit(text).str.replace(r"^(\d{4}-\d{2}-\d{2})T", "$1 ").str.replace(r"Z$", "+0000")
    naive = [plain.str.strptime(pl.Datetime("us"), form, strict=False) for form in _FORMATS]
    aware = [plain.str.strptime(pl.Datetime("us", "UTC"), form, strict=False) for form in _OFFSET_FORMATS]
    aware = _shown(pl.select(pl.coalesce(aware)).to_series(), clock.timezone)
    return pl.select(pl.coalesce(found, *naive, aware)).to_series()


def _of_format(text: pl.Series, clock: Clock) -> pl.Series:
    import pandas as pd  # Polars reads no format without minutes, such as %y%m%d%H

    if re.fullmatch(r"(%[YymdHMS])+", clock.format):  # digits alone, of which a number has lost the zeros in front
        text = text.str.zfill(len(clock.format) + 2 * clock.format.count("%Y") - len(clock.format) % 2)
    aware = "%z" in clock.format
    found = pl.Series(pd.to_datetime(text.to_list(), format=clock.format, errors="coerce", utc=aware))
    found = found.cast(pl.Datetime("us", "UTC" if aware else None))
    return _shown(found, clock.timezone) if aware else found


def _of_numbers(text: pl.Series, clock: Clock) -> pl.Series:
    """Moments of numbers, in UTC; of whole ones to the last digit, since a float64 cannot hold nanoseconds."""
    whole, number = text.cast(pl.Int64, strict=False), text.cast(pl.Float64, strict=False)
    size = pl.lit(number).abs()
    factor = pl.lit(UNITS.get(clock.unit or "", 0))
    if clock.unit is None:  # 1e11 seconds is the year 5138, 1e11 milliseconds is 1973; and so on
        factor = (pl.when(size < 1e11).then(UNITS["s"]).when(size < 1e14).then(UNITS["ms"])
                  .when(size < 1e17).then(UNITS["us"]).otherwise(UNITS["ns"]))
    exact = pl.when(factor >= 1_000).then(pl.lit(whole) * (factor // 1_000)).otherwise(pl.lit(whole) // 1_000)
    micros = pl.coalesce(exact, (pl.lit(number) * (factor / 1_000)).floor().cast(pl.Int64, strict=False))
    micros = pl.when(size * (factor / 1_000) < 3e17).then(micros)  # the year 9999 is 2.5e17, an int64 ends at 9.2e18
    found = pl.select(micros.cast(pl.Datetime("us", "UTC"))).to_series()
    if clock.unit is None:
        _refuse_digits(text.filter(whole.is_not_null()).unique())
    low, high = _LIKELY if clock.unit is None else _ANY
    wrong = text.filter(pl.select(pl.lit(number).is_finite() & ~found.dt.year().is_between(low, high).fill_null(False))
                        .to_series())
    if len(wrong):
        reading = found.filter(text == wrong[0]).dt.strftime("%Y-%m-%d %H:%M:%S")[0] or "no year before 9999"
        raise CellError(text.name, wrong[0],
                        f", which as a time since 1970 reads {reading}; expected a time of {low} to {high}",
                        f"give format: (such as \"%y%m%d%H\") or unit: ({', '.join(UNITS)}), or list it under missing")
    return found


def _refuse_digits(text: pl.Series) -> None:
    """Refuses numbers of ten digits that all are years, months, days and hours: one second in 200 is, but not five."""
    for form, digits in _DIGITS.items():
        if len(text) >= 5 and text.str.contains(digits).all():
            raise CellError(text.name, text[0], f", which as all the column may be {form}; expected seconds since 1970",
                            f"give format: \"{form}\", or unit: s if it is seconds")


def _shown(moments: pl.Series, zone: str | None) -> pl.Series:
    """What the clock of a zone shows at moments that have a zone."""
    return moments.dt.convert_time_zone(zone or "UTC").dt.replace_time_zone(None)

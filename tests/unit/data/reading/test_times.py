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
"""Times as logs write them: epochs of any unit, formats, zones; a number that was hardly meant is refused."""

import datetime as dt

import polars as pl
import pytest

from src.common.errors import UserError
from src.data.reading.cells import MISSING
from src.data.reading.times import Clock, moments

NOON = dt.datetime(2014, 10, 21, 12)


def _moments(cells, dtype=None, missing=MISSING, **clock):
    return moments(pl.Series("at", cells, dtype=dtype), Clock(**clock), missing).to_list()


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_the_unit_of_an_epoch_is_told_by_its_size(unit):
    number = 1413892800 * unit
    for cells in ([number], [str(number)], [float(number)], [f"{number}.0"]):
        assert _moments(cells) == [NOON]


def test_nanoseconds_are_read_to_the_last_digit():
    assert _moments([1413892799999999999]) == [dt.datetime(2014, 10, 21, 11, 59, 59, 999999)]


@pytest.mark.parametrize(("cell", "form"), [
    (14102112, "%y%m%d%H"), (2014102112, "%Y%m%d%H"), ("10/21/2014 12:00", "%m/%d/%Y %H:%M"),
    ("21.10.2014 12", "%d.%m.%Y %H"),
    (201410211200, "%Y%m%d%H%M"), ("2014-10-21 20:00 +0800", "%Y-%m-%d %H:%M %z"), ("20141021T120000", "%Y%m%dT%H%M%S"),
])
def test_formats(cell, form):
    assert _moments([cell, None], format=form) == [NOON, None]
    assert _moments([str(cell), "NA"], format=form) == [NOON, None]
    with pytest.raises(UserError, match="column 'at' holds 'x'; expected a time of format"):
        _moments([str(cell), "x"], format=form)


def test_a_number_that_lost_its_leading_zero_is_still_of_its_format():
    for cells in (["09010203"], [9010203], [9010203.0]):
        assert _moments(cells, format="%y%m%d%H") == [dt.datetime(2009, 1, 2, 3)]


@pytest.mark.parametrize("cell", [14102100, 20141021, 201410210000, 20141021000000, 0, -1, 9, 10**30, 1e300])
def test_a_number_whose_year_was_hardly_meant_is_refused_with_a_hint(cell):
    for cells in ([cell], [str(cell)]):
        with pytest.raises(UserError, match="'at' holds .*as a time since 1970 reads .*; expected .* 1990") as caught:
            _moments(cells)
        assert "give format:" in caught.value.advice and "unit:" in caught.value.advice


@pytest.mark.parametrize(("first", "form"), [(2014102100, "%Y%m%d%H"), (1410211200, "%y%m%d%H%M")])
def test_digits_that_happen_to_be_seconds_of_this_century_are_refused_with_their_format(first, form):
    with pytest.raises(UserError, match=f"may be {form}; expected seconds since 1970"):
        _moments([first + hour for hour in range(6)])
    assert len(_moments([first + hour for hour in range(6)], unit="s")) == 6
    assert _moments([1413892800 + hour * 3600 for hour in range(500)])[0] == NOON


def test_a_unit_that_is_given_is_believed():
    assert _moments([25_200_000], unit="ms") == [dt.datetime(1970, 1, 1, 7)]
    with pytest.raises(UserError, match="expected a time of 1 to 9999"):
        _moments([1413892800 * 10**9], unit="s")


def test_missing_numbers_and_times():
    assert _moments([0, 1413892800], missing=("0",)) == [None, NOON]
    assert _moments(["0.0", "-1", "", None], missing=("0", "-1")) == [None] * 4
    assert _moments([dt.date(1970, 1, 1)], missing=("1970-01-01",)) == [None]
    assert _moments(["1970-01-01 00:00:00"], missing=("1970-01-01",)) == [None]


def test_the_zone_whose_clock_is_shown():
    cells = ["2014-10-21T12:00:00Z", "2014-10-21 20:00:00+08:00", "1413892800"]
    assert _moments(cells) == [NOON] * 3
    assert _moments(cells, timezone="Asia/Shanghai") == [NOON + dt.timedelta(hours=8)] * 3
    assert _moments(["2014-10-21 12:00:00"], timezone="Asia/Shanghai") == [NOON]  # of that zone already
    aware = pl.Series("at", [NOON]).dt.replace_time_zone("UTC")
    assert moments(aware, Clock(timezone="Asia/Shanghai"), ()).to_list() == [NOON + dt.timedelta(hours=8)]


@pytest.mark.parametrize(("clock", "message"), [
    ({"format": "%y%q"}, "format of field x is '%y%q'"),
    ({"timezone": "Mars/Base"}, "timezone of field x is 'Mars/Base'; expected an IANA name"),
    ({"unit": "s", "format": "%y"}, "both unit and format"),
])
def test_a_clock_says_what_is_wrong_with_it(clock, message):
    with pytest.raises(ValueError, match=message):
        Clock(**clock).check("field x")

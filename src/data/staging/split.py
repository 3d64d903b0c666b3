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
"""Dealing rows out to train, valid and test."""

from __future__ import annotations

import numpy as np
import polars as pl

from ...common.errors import UserError
from ...schema import SPLITS
from ..description.options import SplitSpec
from ..reading.cells import texts
from ..reading.times import moments
from .stage import GIVEN_SPLIT, GIVEN_TEST, Stage

TRAIN, VALID, TEST = range(3)


def assign_splits(stage: Stage, spec: SplitSpec) -> np.ndarray:
    """Returns uint8 [rows]: 0 train, 1 valid, 2 test.

    random: exactly the shares of ``parts`` (rounded), drawn with ``seed``. time: the earliest rows train, the latest
    test; rows of one moment stay together. column: the column says train, valid or test. file: every split is a file.
    given: the test rows are the source's own, and valid is drawn from the others in the proportion of ``parts``.

    Raises:
        UserError: the column is absent or holds something else, or train or test would be empty.
    """
    codes = {"random": _random, "time": _by_time, "column": _by_column, "given": _given,
             "file": _by_file}[spec.by](stage, spec)
    counts = np.bincount(codes, minlength=3)
    for name, count, part in zip(SPLITS, counts, spec.parts):
        if count == 0 and (part > 0 or name == "train"):
            raise UserError(f"split {name} would be empty: {stage.rows} rows are dealt out by {spec.by} in parts "
                            f"{list(spec.parts)}; give more rows or other parts")
    return codes


def _random(stage: Stage, spec: SplitSpec) -> np.ndarray:
    return _draw(stage.rows, spec.parts, spec.seed)


def _draw(rows: int, parts, seed: int) -> np.ndarray:
    first, second = int(round(rows * parts[0])), int(round(rows * (parts[0] + parts[1])))
    codes = np.full(rows, TEST, np.uint8)
    codes[:first] = TRAIN
    codes[first:second] = VALID
    np.random.default_rng(seed).shuffle(codes)
    return codes


def _by_time(stage: Stage, spec: SplitSpec) -> np.ndarray:
    column = _fact_column(stage, spec.column)
    pieces: list[np.ndarray] = []
    for part in stage.parts([column]):
        times = moments(part[column], spec.clock, ("",))
        if times.null_count():
            raise UserError(f"column {column!r}, which orders the split, is empty in data row "
                            f"{sum(map(len, pieces)) + times.is_null().arg_max() + 1}; expected a time in every row")
        pieces.append(times.dt.epoch("us").to_numpy())
    times = np.concatenate(pieces)
    codes = np.full(len(times), TEST, np.uint8)
    ordered = np.sort(times)
    for code, share in ((VALID, spec.parts[0] + spec.parts[1]), (TRAIN, spec.parts[0])):
        place = int(round(len(times) * share))
        codes[times < (ordered[place] if place < len(times) else np.inf)] = code
    return codes


def _by_column(stage: Stage, spec: SplitSpec) -> np.ndarray:
    column = _fact_column(stage, spec.column)
    codes = []
    for part in stage.parts([column]):
        values = texts(part[column])
        code = values.replace_strict(list(SPLITS), [TRAIN, VALID, TEST], default=None, return_dtype=pl.UInt8)
        if code.null_count():
            wrong = values.filter(code.is_null())[0]
            raise UserError(f"column {column!r}, which says the split, holds {wrong!r}; expected {', '.join(SPLITS)}")
        codes.append(code.to_numpy())
    return np.concatenate(codes)


def _given(stage: Stage, spec: SplitSpec) -> np.ndarray:
    if GIVEN_TEST not in stage.fact_columns():
        raise UserError("split.by is 'given', but this source has no test rows of its own; use random, time or column")
    test = stage.column(GIVEN_TEST)
    codes = np.full(stage.rows, TEST, np.uint8)
    rest = spec.parts[0] + spec.parts[1]
    codes[~test] = _draw(int((~test).sum()), (spec.parts[0] / rest, spec.parts[1] / rest, 0.0), spec.seed)
    return codes


def _by_file(stage: Stage, spec: SplitSpec) -> np.ndarray:
    if GIVEN_SPLIT not in stage.fact_columns():
        raise UserError("split.by is 'file', but this source has no file for each split; use random, time or column")
    return stage.column(GIVEN_SPLIT)


def _fact_column(stage: Stage, column: str) -> str:
    if stage.home(column) is not None:
        raise UserError(f"column {column!r} is not a column of the log itself; the split needs one")
    return column

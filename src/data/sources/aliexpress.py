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
"""AliExpress's search log of one country, as MTReclib's train.csv and test.csv have it: ids, numbers, and two labels.

The test file stays the test split; valid is drawn from train.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...common.errors import UserError
from ..description.options import DataOptions
from ..staging.stage import Stage
from . import official

DEFAULTS: dict = {}
LEAKAGE = ("click", "conversion")
FILES = ("train.csv", "test.csv")


def inputs(raw_dir: Path | None, options: DataOptions) -> list[Path]:
    """Returns train.csv and test.csv of the country whose folder is given.

    Raises:
        UserError: no folder is given, or it lacks a file.
    """
    expected = "expected the folder of one country, such as AliExpress_NL, with MTReclib's train.csv and test.csv"
    if raw_dir is None:
        raise UserError(f"raw_dir is not given; {expected}; docs/DATASETS.md says where to get them")
    missing = [name for name in FILES if not (raw_dir / name).is_file()]
    if missing:
        countries = sorted(path.name for path in raw_dir.glob("AliExpress_*") if path.is_dir())
        found = f"; it holds {', '.join(countries)}: give one of these" if countries else ""
        raise UserError(f"raw_dir {raw_dir} has no {missing[0]}; {expected}{found}")
    return [raw_dir / name for name in FILES]


def stage(files: Sequence[Path], options: DataOptions, out: Stage) -> None:
    """Stages both files; the rows of the second are marked as test rows."""
    official.stage(files, options, out)

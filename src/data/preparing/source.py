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
"""What a module of src/data/sources has to offer, so that a data set can be prepared by its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import polars as pl

from ...common.errors import UserError, nearest
from .. import sources
from ..description.options import DataOptions
from ..staging.stage import Stage

SOURCES = {module.name: f"{sources.__name__}.{module.name}" for module in pkgutil.iter_modules(sources.__path__)}


class Source(Protocol):
    """A module that turns raw files into rows; it never sees the split, so that it can fit nothing on test rows.

    ``inputs`` and ``stage`` are needed; what else a module leaves out is as in ``OPTIONAL``.

    Attributes:
        DEFAULTS: keys of the preset that only this source knows, with their defaults; ``options.source`` has them.
        DERIVED: columns that it makes itself: name -> (raw column, Polars expression of that column as text).
        LEAKAGE: columns that are known only after the impression, and are refused as fields.
        RESUMABLE: whether ``stage`` notes how far it is (``Stage.save``) and continues there after an interruption.
        GENERATED: whether ``inputs`` makes the raw files, so that ``raw_dir`` need not exist.
    """

    DEFAULTS: Mapping[str, Any]
    DERIVED: Mapping[str, tuple[str, pl.Expr]]
    LEAKAGE: Sequence[str]
    RESUMABLE: bool
    GENERATED: bool

    def inputs(self, raw_dir: Path | None, options: DataOptions) -> list[Path]:
        """The raw files; fetches or makes them where ``raw_dir`` is None. Raises a UserError if one is missing."""

    def stage(self, files: Sequence[Path], options: DataOptions, out: Stage) -> None:
        """Writes the rows of the files to ``out``, with the columns of ``options.columns()``."""

    def describe(self, raw_dir: Path | None, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keys of the preset that depend on the raw files or on other keys, such as fields named by a header."""


OPTIONAL = {"DEFAULTS": {}, "DERIVED": {}, "LEAKAGE": (), "RESUMABLE": False, "GENERATED": False,
            "describe": lambda raw_dir, data: {}}


def load_source(dataset: str) -> Source:
    """Returns the source of a data set.

    Raises:
        UserError: there is none of this name.
    """
    if dataset not in SOURCES:
        raise UserError(f"dataset is {dataset!r}; expected one of {', '.join(SOURCES)}"
                        f"{nearest(dataset.lower(), SOURCES)}")
    return SimpleNamespace(**{**OPTIONAL, **vars(importlib.import_module(SOURCES[dataset]))})

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
"""How the readers of Parquet say that a file is damaged."""

from __future__ import annotations

import polars as pl

from ...common.errors import UserError

# Polars' own Rust code panics on some damaged files; pyarrow decodes names late.
PARQUET_ERRORS = (OSError, UnicodeDecodeError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def damaged(path: object, error: BaseException) -> UserError:
    """The line for a file of which ``error`` was all that its reader had to say."""
    return UserError(f"{path} is damaged or no Parquet file ({' '.join(str(error).split())[:200]})")

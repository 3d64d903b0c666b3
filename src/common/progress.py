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
"""Progress bars on standard error, all of one form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress(label: str, unit: str, show: bool, items: Iterable[Any] | None = None, total: int | None = None,
             done: int = 0) -> tqdm:
    """A bar that disappears at its end.

    Args:
        label: what is being done.
        unit: what is counted.
        show: whether to show it at all.
        items: what to iterate over; None for a bar that is moved by ``update``.
        total: number of items, where ``items`` has no length.
        done: number of them done before.
    """
    return tqdm(items, desc=label, unit=unit, total=total, initial=done, leave=False, disable=not show)

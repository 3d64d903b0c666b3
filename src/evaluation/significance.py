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
"""Tests of significance between runs that share their seeds. No MindSpore."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def paired_tests(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float | None, float | None]:
    """Two-sided p values of the paired t-test and of Wilcoxon's signed-rank test.

    Args:
        ours: one value per seed.
        theirs: the values of the other, in the same order of seeds.

    Returns:
        the p values; None for fewer than two pairs, and 1 where no pair differs.
    """
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if len(differences) < 2:
        return None, None
    if not differences.any():
        return 1.0, 1.0
    if np.ptp(differences) == 0:  # equal differences have no spread to hold them against
        return 0.0, float(stats.wilcoxon(differences).pvalue)
    return float(stats.ttest_1samp(differences, 0).pvalue), float(stats.wilcoxon(differences).pvalue)


def standard_error(values: Sequence[float]) -> float:
    """Of the mean; 0 for a single value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p values corrected for their number by Holm (1979); None stays None and does not count."""
    known = sorted((value, place) for place, value in enumerate(values) if value is not None)
    corrected: list[float | None] = [None] * len(values)
    largest = 0.0
    for rank, (value, place) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        corrected[place] = largest
    return corrected

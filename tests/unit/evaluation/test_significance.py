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
"""Tests of significance, against formulas written out and values worked by hand."""

import numpy as np
import pytest
from scipy import stats

from src.evaluation import holm, paired_tests


def test_paired_t_is_the_formula():
    ours, theirs = [0.81, 0.83, 0.80, 0.84], [0.80, 0.80, 0.79, 0.82]
    differences = np.subtract(ours, theirs)
    t = differences.mean() / (differences.std(ddof=1) / 2)
    assert paired_tests(ours, theirs)[0] == pytest.approx(2 * stats.t.sf(t, 3))


def test_wilcoxon_of_n_gains_is_one_in_two_to_the_n_minus_1():
    ours = [0.5 + 0.01 * place for place in range(1, 7)]
    assert paired_tests(ours, [0.5] * 6)[1] == pytest.approx(2 / 2 ** 6)


def test_no_pairs_no_value_and_no_difference_no_evidence():
    assert paired_tests([0.8], [0.7]) == (None, None)
    assert paired_tests([0.8, 0.7], [0.8, 0.7]) == (1.0, 1.0)


def test_equal_differences():
    t, rank = paired_tests([0.75, 0.5, 1.0], [0.5, 0.25, 0.75])
    assert t == 0.0 and 0 < rank <= 1


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, None, 0.6]) == [1.0, None, 1.0]
    assert holm([]) == []

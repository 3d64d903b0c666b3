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
"""The fault campaign's own judgement: what it does to files, and what it takes for survived."""

import random

import pytest

from tools.faults.corruptions import KINDS, OF_TABLES, _changed, _judge
from tools.faults.kills import counts
from tools.faults.lab import Ended

ONE_LINE = "working\nerror: a.json is damaged; make it again\n"


@pytest.mark.parametrize("kind", sorted({*KINDS, *OF_TABLES} - {"remove", "folder", "other"}))
def test_damage_changes_the_content(kind):
    content = b"a,b,c\n" + b"1,2,3\n" * 200
    for seed in range(50):
        assert _changed(content, kind, random.Random(seed))[0] != content


@pytest.mark.parametrize("code, errors, result, outcome", [
    (2, ONE_LINE, None, "clear"), (0, "a warning", "as ever", "recovered"), (0, "", "other", "silent"),
    (1, "Traceback (most recent call last):\nKeyError: 'test'", None, "traceback"),
    (2, f"Traceback (most recent call last):\n{ONE_LINE}", None, "traceback"),
    (2, ONE_LINE * 2, None, "traceback"), (2, "", None, "traceback"), (-9, "", None, "hang"),
    (0, "Traceback (most recent call last):", "as ever", "traceback"),
])
def test_outcomes(code, errors, result, outcome):
    assert _judge(Ended(code, "", errors, 0.1), result, "as ever", "cut a.json")[0] == outcome


@pytest.mark.parametrize("kills", [0, 1, 7, 200])
def test_every_kill_has_a_stage(kills):
    assert sum(counts(kills).values()) == kills and min(counts(kills).values()) >= 0

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
"""The prepare suite of python -m benchmarks."""

import pytest

from benchmarks import preparing
from src.common.errors import UserError


def test_both_layouts_are_prepared_and_measured(capsys):
    found = preparing.preparing(rows=2_000, rounds=1)
    assert found["rows"] == 2_000
    for name in ("kuairand", "aliccp"):
        (record,) = found[name]
        assert record["cpu_seconds"] > 0 and record["seconds"] > 0 and 50 < record["memory_mb"] < 5_000
    printed = capsys.readouterr().out
    assert "| kuairand | 2,000 " in printed and "| aliccp   | 2,000 " in printed


def test_a_preparation_that_fails_is_named(tmp_path):
    with pytest.raises(UserError, match="preparing aliccp failed: .*does not exist"):
        preparing._measure("aliccp", tmp_path / "absent", tmp_path / "set")

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
"""Every program, started as users start it, answers a wrong option with one line and exit code 2."""

from __future__ import annotations

import pytest

from tests.commands import refused_outside, run

PROGRAMS = ["train.py", "eval.py", "select_features.py", "preprocess.py", "export.py", "predict.py", "compare.py",
            "report.py", "-m benchmarks", "-m tools.faults", "-m pytorch_reference"]


@pytest.mark.e2e
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_wrong_option_is_one_line(program, tmp_path):
    refused_outside(run(program, "--no_such_option", "3", cwd=tmp_path))
    assert not list(tmp_path.iterdir())

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
"""python -m tools.faults as a user runs it: a small campaign loses nothing; wrong options are one line."""

import re

import pytest

from tests.commands import ROOT, refused, run

pytestmark = pytest.mark.e2e


@pytest.mark.slow
def test_a_small_campaign_loses_nothing(tmp_path):
    done = run("-m tools.faults", "--kills", "4", "--corruptions", "28", "--mixups", "17", "--worker_kills", "0",
               "--full_disks", "1", "--conditions", "0", "--seed", "1", "--work_dir", str(tmp_path / "lab"))
    assert done.returncode == 0, done.stdout + done.stderr
    last = [cell.strip() for cell in done.stdout.strip().splitlines()[-1].split("|")]
    assert last[1] == "all" and int(last[2]) >= 49 and last[5] == "0", done.stdout
    assert re.search(r"\| kill -9: train +\| 1 ", done.stdout) and not list((tmp_path / "lab" / "logs").iterdir())


@pytest.mark.parametrize("arguments, message", [
    (["--kills", "many"], "kills is 'many'"), (["--kill", "3"], "did you mean kills?"),
    (["--work_dir", str(ROOT / "docs")], "docs holds something else")])
def test_wrong_options_are_one_line(arguments, message):
    refused("tools.faults.__main__", arguments, message)

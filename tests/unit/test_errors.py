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
"""What programs make of an exception: one line and an exit code, or a traceback for a defect of ours."""

import errno
import os

import pytest

from src.errors import UserError, run_program


def failing(error):
    def main(arguments):
        raise error
    return main


@pytest.mark.parametrize("error, line", [
    (UserError("a\n b"), "error: a b"), (MemoryError("Unable to allocate 1 GiB"), "error: out of memory (Unable"),
    (RuntimeError("std::bad_alloc"), "error: out of memory (bad_alloc)"),
    (RuntimeError("\n- Memory not enough:\nMemory isn't enough and alloc failed"), "error: out of memory (Memory not"),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.json"), "error: a.json: No space left on device")])
def test_what_the_user_can_mend_is_one_line(capsys, error, line):
    with pytest.raises(SystemExit) as stop:
        run_program(failing(error))
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(line) and "\n" not in capsys.readouterr().err.strip()


def test_defects_keep_their_traceback():
    with pytest.raises(RuntimeError, match="shapes"):
        run_program(failing(RuntimeError("shapes do not fit")))

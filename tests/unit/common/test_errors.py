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
"""What programs do with an exception: one line and an exit code, or a traceback for a defect of ours."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.common.errors import UserError, run_program

ROOT = Path(__file__).resolve().parents[3]


def failing(error):
    def main(arguments):
        raise error
    return main


@pytest.mark.parametrize("error, line", [
    (UserError("a\n b"), "error: a b"), (MemoryError("Unable to allocate 1 GiB"), "error: out of memory (Unable"),
    (RuntimeError("std::bad_alloc"), "error: out of memory (bad_alloc)"),
    (RuntimeError("\n- Memory not enough:\nMemory isn't enough and alloc failed"), "error: out of memory (Memory not"),
    (ModuleNotFoundError("No module named 'yaml'", name="yaml"),
     "error: No module named 'yaml'; pip install -r requirements.txt"),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.json"), "error: a.json: No space left on device"),
    (OSError(errno.EFBIG, os.strerror(errno.EFBIG), "a.json"), "error: a.json: File too large; files may have "),
    (OSError("File too large (os error 27)"), "error: File too large (os error 27); files may have ")])
def test_what_the_user_can_fix_is_one_line(capsys, error, line):
    with pytest.raises(SystemExit) as stop:
        run_program(failing(error))
    assert stop.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith(line) and shown.count("\n") == 1


def test_defects_keep_their_traceback():
    with pytest.raises(RuntimeError, match="shapes"):
        run_program(failing(RuntimeError("shapes do not fit")))
    with pytest.raises(ModuleNotFoundError):
        run_program(failing(ModuleNotFoundError("No module named 'src.no_such'", name="src.no_such")))


def test_letters_that_the_locale_cannot_read_are_refused_before_anything_is_made(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "run_name=h\udcc3\udcb6me"])
    with pytest.raises(SystemExit, match="2"):
        run_program(pytest.fail)
    assert "letters that this locale cannot read; set LANG=C.UTF-8 or PYTHONUTF8=1" in capsys.readouterr().err


@pytest.mark.parametrize("redirect, code", [(">&-", 2), ("<&-", 2), ("2>&-", 2), (">&- 2>&- <&-", 2)])
def test_closed_streams_are_no_defect(redirect, code, tmp_path):
    """A file that a program opens must not get the number of a closed stream, either."""
    program = ("from src.common.errors import UserError, run_program\n"
               "def main(arguments):\n"
               f"    number = open({str(tmp_path / 'file')!r}, 'w').fileno()\n"
               "    raise UserError(f'file {number}')\n"
               "run_program(main)\n")
    done = subprocess.run(["bash", "-c", f'"$@" {redirect}', "bash", sys.executable, "-c", program], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == code and done.stdout == ""
    assert done.stderr in ("", "error: file 3\n") and ("2>" in redirect or done.stderr)


def test_any_text_can_be_printed_under_any_locale():
    program = "from src.common.errors import run_program\nrun_program(lambda arguments: print('h\\u00f6he'))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False, env={
        **os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"h\\xf6he\n", b"")

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
"""Errors a user can act on, and the one place where programs turn them into a line and an exit code."""

from __future__ import annotations

import difflib
import errno
import io
import os
import re
import resource
import signal
import sys
from collections.abc import Iterable
from typing import Callable

from .home import as_started
from .text import visible

# How MindSpore's RuntimeErrors say that there is no memory left, on a CPU, a GPU or while it starts a thread.
NO_MEMORY = re.compile(r"bad_alloc|memory not enough|memory isn't enough|out of memory|"
                       r"resource temporarily unavailable", re.IGNORECASE)


class UserError(Exception):
    """Something the user can fix. The message says what is wrong, where, what is allowed and what to do."""


class Interrupted(Exception):
    """The run was told to stop by a signal; its state has been saved."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Returns "; did you mean X?" for the allowed name nearest to ``name``, or an empty string."""
    found = difflib.get_close_matches(str(name), list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def run_program(main: Callable[[list], None], needed: str = "requirements.txt") -> None:
    """Runs ``main(sys.argv[1:])`` and exits: 0 done, 1 a check failed, 2 the input is wrong, 130/143 interrupted.

    Anything the user can fix is one line on standard error. A defect of ours keeps its traceback: hiding it
    would only make it harder to report.

    Args:
        main: the program.
        needed: file of the libraries that it needs.
    """
    _prepare_streams()
    try:
        _run(main, needed)
    except UserError as error:
        sys.exit(_say(f"error: {error}", 2))
    except Interrupted as stop:
        sys.exit(_say(f"interrupted by {stop}", 128 + stop.signum))
    except KeyboardInterrupt:
        sys.exit(_say("interrupted by SIGINT", 130))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(141)
    except MemoryError as error:
        sys.exit(_say(_out_of_memory(error), 2))
    except RuntimeError as error:
        if not NO_MEMORY.search(str(error)):
            raise
        sys.exit(_say(_out_of_memory(NO_MEMORY.search(str(error))[0]), 2))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(_say(f"error: {where}{reason(error)}", 2))


def _run(main: Callable[[list], None], needed: str) -> None:
    """Runs the program.

    Raises:
        UserError: a library is not installed.
    """
    try:
        main([_readable(word) for word in sys.argv[1:]])
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == __name__.partition(".")[0]:  # a defect of ours
            raise
        raise UserError(f"{error}; pip install -r {needed}") from None


def reason(error: OSError) -> str:
    """Why the system refused something, with the limit on the size of files where that is why."""
    said = str(error.strerror or error)
    if error.errno != errno.EFBIG and f"os error {errno.EFBIG}" not in said:  # Polars has the number in its text alone
        return said
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return f"{said}; files may have {largest:,} bytes (ulimit -f); raise that limit"


def _prepare_streams() -> None:
    """Keeps the numbers of closed standard streams from files, and lets any text be printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="backslashreplace")


def _readable(word: str) -> str:
    """A word of the command line, which other words and files can hold.

    Raises:
        UserError: the locale has not made letters of its bytes.
    """
    try:
        word.encode("utf-8")
        os.fsencode(word)
    except UnicodeEncodeError:
        raise UserError(f"argument {ascii(word)} holds letters that this locale cannot read; set LANG=C.UTF-8 or "
                        "PYTHONUTF8=1") from None
    return word


def _out_of_memory(detail: object) -> str:
    return f"error: out of memory ({detail}); use a smaller batch_size or embedding_dim"


def _say(line: str, code: int) -> int:
    if sys.stdout is not None:
        sys.stdout.flush()
    if sys.stderr is not None:  # print would take standard output instead
        print(visible(as_started(" ".join(line.split()))), file=sys.stderr, flush=True)
    return code

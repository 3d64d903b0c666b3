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
"""The command line of every program: its own options, the settings of a run, and --help. Loads nothing heavy."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace

from .common.errors import UserError, nearest
from .common.home import as_started
from .common.option import Option, by_name, read_arguments
from .settings import CONFIG, refuse_unknown, setting_options, usage

WHERE = "on the command line"


def parse(arguments: Sequence[str], about: str, options: Iterable[Option] = (), settings: bool = False,
          words: Sequence[str] = (), other_names: Mapping[str, str] | None = None) -> SimpleNamespace:
    """Reads the command line of a program; for ``--help`` prints its usage to standard output and ends it with 0.

    Args:
        arguments: ``--key VALUE``, ``--key=VALUE`` or ``KEY=VALUE``.
        about: the program's docstring, the first part of its help.
        options: its own options.
        settings: whether settings of a run may follow.
        words: what the words without a key are, for messages; none are allowed if it is empty.
        other_names: what other projects call an option -> its name here, for the message that refuses it.

    Returns:
        The value of every option as an attribute; ``settings``, those that were given, as KEY=VALUE for
        ``load_settings``; and ``words``, those without a key.

    Raises:
        UserError: an option is unknown, missing or has a wrong value.
    """
    if not {"-h", "--help"}.isdisjoint(arguments):
        print(help_text(about, options, settings))
        raise SystemExit(0)
    own = by_name(options)
    known = {**by_name([*setting_options().values(), CONFIG]), **own} if settings else own
    given, rest = read_arguments(arguments, known)
    if rest and not words:
        raise UserError(f"argument {rest[0]!r} is not understood; write --key VALUE or KEY=VALUE")
    for key in given:
        if key not in known:
            _refuse(key, own, settings, other_names or {})
    missing = [option.name for option in options if option.required and option.name not in given]
    if missing:
        raise UserError(f"--{missing[0]} is missing; give --{missing[0]} VALUE; see --help")
    found = {option.name: option.convert(given[option.name], WHERE) if option.name in given else option.default
             for option in options}
    others = [f"{key}={text}" for key, text in given.items() if key not in own]
    return SimpleNamespace(**found, settings=others, words=rest)


def help_text(about: str, options: Iterable[Option], settings: bool = False) -> str:
    """The usage of a program: what it does, its own options, and the settings if it takes any."""
    parts = [about.strip()]
    if options:
        parts.append("\n".join(["Options (--key VALUE or KEY=VALUE):", *(option.usage() for option in options)]))
    return as_started("\n\n".join([*parts, *([usage()] if settings else [])]))


def start_logging(stream=None) -> None:
    """Sends the project's messages to standard error, or to ``stream``, one line each."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=stream or sys.stderr)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


def _refuse(key: str, own: Iterable[str], settings: bool, other_names: Mapping[str, str]) -> None:
    if key.lower() in other_names:
        raise UserError(f"unknown option {key!r}; here it is {other_names[key.lower()]}; --help lists all options")
    if settings:
        refuse_unknown(key, WHERE, own)
    raise UserError(f"unknown option {key!r}{nearest(key.lower(), own)}; --help lists all options")

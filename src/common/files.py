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
"""Writing files so that a crash never leaves half of one, and reading ours back with clear errors."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import yaml

from .errors import UserError

# What NumPy raises for damaged arrays: it reads the header of an array as Python, and several arrays as a ZIP file.
NUMPY_ERRORS = (ValueError, KeyError, EOFError, OSError, SyntaxError, TokenError, NotImplementedError, RuntimeError,
                zipfile.BadZipFile, zlib.error)
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST = 100  # levels of a YAML file; not every libyaml has a bound of its own


def write_text(path: Path, text: str) -> None:
    """Writes ``text`` to ``path``: first to a temporary sibling, synced, then renamed over it."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path), open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for writing that appears under its name when it is complete, or not at all.

    Of a symbolic link the target is written. What is no regular file, such as a FIFO or /dev/null, gets the bytes as
    they come.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Gives the error of a write the name of the file: that of a full disk has none."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write_json(path: Path, value: Any, sealed: bool = False) -> None:
    """Writes ``value`` as indented JSON, ``sealed`` with a checksum file; NaN is refused, as strict readers do."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (write_sealed if sealed else write_text)(path, text)


def read_json(path: Path, sealed: bool = True) -> Any:
    """Reads a JSON file; one with a checksum file has to match it, unless ``sealed`` is false.

    Raises:
        UserError: the file is missing, is not JSON, or does not match its checksum.
    """
    try:
        if sealed:
            check_seal(path)
        return parse_json(Path(path).read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged: it is not valid JSON ({error})") from None


def parse_json(text: str, path: Path) -> Any:
    """The value of a JSON text that was read from ``path``.

    Raises:
        UserError: it is not JSON, or nested too deep to be read.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: it is not valid JSON ({_cause(error)})") from None


def read_yaml(path: Path, loader: type = YAML_LOADER) -> dict[str, Any]:
    """Reads a YAML mapping.

    Raises:
        UserError: the file is missing, is no YAML, or is no mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        _check_depth(text, loader)
        content = yaml.load(text, Loader=loader)
    except FileNotFoundError:
        raise UserError(f"configuration file {path} does not exist") from None
    except IsADirectoryError:
        raise UserError(f"configuration file {path} is a folder; name a file") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2020-13-45
        raise UserError(f"configuration file {path} is not valid YAML: {_cause(error)}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"configuration file {path} is not a mapping of keys to values")
    return content


def _check_depth(text: str, loader: type) -> None:
    """Raises RecursionError for what is nested too deep: PyYAML's own end of it is a crash on Python 3.9."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise RecursionError


def _cause(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "its values are nested too deep"
    others = (yaml.YAMLError, UnicodeDecodeError, json.JSONDecodeError)
    quotes = isinstance(error, ValueError) and not isinstance(error, others)  # a date such as 2020-13-45
    return f"{error}; write such a value in quotes" if quotes else str(error)


def write_sealed(path: Path, text: str) -> None:
    """Writes ``text`` to ``path`` and its checksum to ``path.sha256``: a flipped bit in a number is valid text, too."""
    aside = Path(path).with_name(f".{Path(path).name}.{os.getpid()}.sealed.tmp")
    try:
        write_text(aside, text)
        put_in_place(aside, path, sha256(aside))
    finally:
        aside.unlink(missing_ok=True)


def check_seal(path: Path) -> None:
    """Refuses a file that does not match its checksum file; one without a checksum file is accepted.

    Raises:
        UserError: it does not match.
    """
    if digest_file(path).exists() and matching_digest(path) is None and Path(path).exists():
        raise UserError(f"{path} is damaged: it does not match {digest_file(path).name}; restore it or make it again; "
                        f"if you have edited it, delete {digest_file(path).name}")


def digest_file(path: Path) -> Path:
    """Where the checksum of a file is."""
    return Path(path).with_name(f"{Path(path).name}.sha256")


def matching_digest(path: Path) -> str | None:
    """The checksum of a file that is there and is one that its checksum file names; otherwise None."""
    if not (Path(path).exists() and digest_file(path).exists()):
        return None
    digest = sha256(path)
    return digest if digest in digest_file(path).read_text(encoding="utf-8", errors="replace").split() else None


def put_in_place(source: Path, target: Path, digest: str) -> None:
    """Renames ``source`` over ``target``, whose checksum is then ``digest``.

    Meanwhile the checksum file names both contents, so that a kill between two of these steps leaves a pair that
    matches.
    """
    file = digest_file(target)
    before = file.read_text(encoding="utf-8", errors="replace").split() if file.exists() else []
    write_text(file, "\n".join([*before, digest]) + "\n")
    os.replace(source, target)
    write_text(file, digest + "\n")


def remove_leftovers(folder: Path) -> None:
    """Deletes the temporary files of processes that were killed; only for who holds the folder's lock."""
    for path in (*folder.glob(".*.tmp"), *folder.glob("tmp-*.ckpt"), *folder.glob("tmp-*.tmp")):
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits, reading it in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()

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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from src.errors import UserError

SEAL = "sha256"  # the key of a JSON object's checksum


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
def naming(path: Path) -> Iterator[None]:
    """Gives the error of a write the name of the file: that of a full disk has none."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes ``value`` as indented JSON, an object with its seal; NaN is refused, as strict readers refuse it."""
    value = seal(value) if isinstance(value, Mapping) else value
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file; an object that has a seal is checked against it and comes without it.

    Raises:
        UserError: the file is missing, is not JSON, or does not match its seal.
    """
    try:
        return unseal(json.loads(Path(path).read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged: it is not valid JSON ({error})") from None


def seal(value: Mapping[str, Any]) -> dict[str, Any]:
    """Adds a last key, the SHA-256 of all others: a flipped bit in a number is valid JSON too."""
    return {**value, SEAL: _content_digest(value)}


def unseal(value: Any, where: object) -> Any:
    """Takes the seal off again; what has none, as files of other programs, is returned as it is.

    Raises:
        UserError: the content is not the one that was sealed.
    """
    if not isinstance(value, dict) or SEAL not in value:
        return value
    content = {key: item for key, item in value.items() if key != SEAL}
    if value[SEAL] != _content_digest(content):
        raise UserError(f"{where} is damaged: its content does not match its {SEAL}; restore it or make it again; if "
                        f"you have edited it, delete its {SEAL}")
    return content


def remove_leftovers(folder: Path) -> None:
    """Deletes the temporary files of processes that were killed; only for who holds the folder's lock."""
    for path in (*folder.glob(".*.tmp"), *folder.glob("tmp-*.ckpt")):
        path.unlink(missing_ok=True)


def _content_digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits, reading it in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()

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
"""Packed files: one file that is compressed, and the wanted files of an archive, whose paths are not trusted."""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ...common.errors import UserError

PACKED = (".gz", ".zip")
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, EOFError, zlib.error, OSError,
           NotImplementedError, RuntimeError)  # the last two: a .zip that is packed in a way of its own, or encrypted


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to read its bytes; of a .gz file or a .zip with one file in it those that are packed.

    Raises:
        UserError: it is missing or damaged, or a .zip holds several files.
    """
    try:
        with contextlib.ExitStack() as stack:
            if path.suffix.lower() == ".gz":
                yield stack.enter_context(gzip.open(path, "rb"))
            elif path.suffix.lower() == ".zip":
                archive = stack.enter_context(zipfile.ZipFile(path))
                yield stack.enter_context(archive.open(_only_member(archive, path)))
            else:
                yield stack.enter_context(open(path, "rb"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except _DAMAGE as error:
        raise _explain(path, error) from None


def inner_name(path: Path) -> str:
    """The name of a file without .gz, or that of the file in a .zip.

    Raises:
        UserError: a .zip is damaged or holds several files.
    """
    if path.suffix.lower() == ".gz":
        return path.stem
    if path.suffix.lower() != ".zip":
        return path.name
    try:
        with zipfile.ZipFile(path) as archive:
            return _only_member(archive, path)
    except _DAMAGE as error:
        raise _explain(path, error) from None


def _only_member(archive: zipfile.ZipFile, path: Path) -> str:
    members = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(members) != 1:
        raise UserError(f"{path} holds {len(members)} files; expected one; unpack it and give the folder")
    return members[0]


def _explain(path: Path, error: Exception) -> UserError:
    """An error of reading or unpacking by its cause: a full disk is no reason to download the archive again."""
    if isinstance(error, OSError) and error.errno is not None:
        space = "; free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        return UserError(f"{path} cannot be {'unpacked' if is_archive(path) else 'read'}: {error.strerror}{space}")
    return UserError(f"{path} is damaged or truncated ({error}); download it again")


def is_archive(path: Path) -> bool:
    """True for a file whose name ends like a tar archive's."""
    return path.is_file() and path.name.endswith((".tar.gz", ".tgz", ".tar"))


def unpack(archive: Path, wanted: Callable[[str], bool], folder: Path) -> list[Path]:
    """Copies the regular files whose base name is wanted into ``folder``, under that base name alone.

    Folders, links and devices in the archive are never created, so nothing can land outside ``folder``.

    Raises:
        UserError: the archive is damaged or truncated, or its files do not fit on the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                name = Path(member.name).name
                if not member.isfile() or not wanted(name):
                    continue
                if member.size > shutil.disk_usage(folder).free:
                    raise OSError(errno.ENOSPC, f"No space left on device for {name} of {member.size >> 20} MiB")
                with tar.extractfile(member) as source, open(folder / name, "wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                if (folder / name).stat().st_size != member.size:
                    raise EOFError(f"{name} ends early")
                found.append(folder / name)
    except _DAMAGE as error:
        raise _explain(archive, error) from None
    return found

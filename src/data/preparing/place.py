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
"""Where a prepared set is put: whole or not at all, and never at the cost of a file that somebody else wrote."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from pathlib import Path

from ...common.errors import UserError
from ...common.files import read_json
from ..prepared import INPUTS_FILE, SCHEMA_FILE

_OWN = re.compile(rf"{SCHEMA_FILE}(\.sha256)?|{INPUTS_FILE}|(train|valid|test)-\d{{5,}}-(ids|labels)\.npy|vocab"
                  r"|groups-(valid|test)\.npy|weights-train\.npy"
                  r"|vocab/\d{3,}-\w*\.json|\.(lock|preparing|staging)")


class Place:
    """The folder of a prepared set and what is hidden next to it while a set is being written.

    A new set is written to a hidden folder and renamed when complete. That is a sibling, unless the folder itself
    cannot be renamed (a mount point, the working directory, a parent that is not writable): then it is inside.

    Args:
        data_dir: the folder; a link is followed, and stays.

    Raises:
        UserError: it is a file, or a link into a folder that does not exist.
    """

    def __init__(self, data_dir):
        self.name = data_dir
        self.folder = _follow(Path(os.path.abspath(data_dir)))
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"data_dir {data_dir} is a file; expected a folder")
        here = os.path.realpath(os.curdir)
        self.inside = self.folder.is_dir() and (
            os.path.ismount(self.folder) or os.path.commonpath([here, self.folder]) == str(self.folder)
            or not os.access(self.folder.parent, os.W_OK))

    def hidden(self, what: str) -> Path:
        """Path of a hidden file or folder of this set, on the same disk."""
        return self.folder / f".{what}" if self.inside else self.folder.with_name(f".{self.folder.name}.{what}")

    def holds_set(self) -> bool:
        """Whether a prepared set is there; a new or empty folder holds none.

        Raises:
            UserError: something else is there.
        """
        names = self._names()
        if not names or all(name.startswith(".") and _OWN.fullmatch(name) for name in names):
            return False
        if (self.folder / SCHEMA_FILE).is_file():
            value = read_json(self.folder / SCHEMA_FILE)
            if isinstance(value, dict) and {"encoder_version", "shards", "fields", "tasks"} <= set(value):
                return True
        raise UserError(f"data_dir {self.name} holds something that is not a prepared data set ({_some(names)}); "
                        "expected an empty or new folder; choose another --data_dir")

    def refuse_foreign(self) -> None:
        """Refuses a set with other files in its folder: to replace it would delete them.

        Raises:
            UserError: there are such files; they are named.
        """
        if not self.holds_set():
            return
        own = _extras(self.folder)
        foreign = [name for name in self._names() if not _OWN.fullmatch(name) and name not in own]
        if foreign:
            raise UserError(f"data_dir {self.name} also holds files that preprocess.py did not write and does not "
                            f"delete ({_some(foreign)}); move them, or choose another --data_dir")

    def _names(self) -> list[str]:
        """Everything in the folder, also what is in vocab/."""
        found = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        found += sorted((self.folder / "vocab").iterdir()) if (self.folder / "vocab").is_dir() else []
        return [path.relative_to(self.folder).as_posix() for path in found]

    def take_lock(self) -> int:
        """Returns the descriptor of the lock on this place; the empty file stays, since unlinking it would race.

        Raises:
            UserError: another process has it.
        """
        lock = os.open(self.hidden("lock"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise UserError(f"data_dir {self.name} is being prepared by another process; wait for it or choose another "
                            "--data_dir") from None
        return lock

    def put_back(self) -> None:
        """Puts back the old set where a process was killed just after it had moved it aside."""
        if self.hidden("replaced").exists() and not self.folder.exists():
            os.rename(self.hidden("replaced"), self.folder)

    def clear(self) -> None:
        """Removes what a killed process left; for who has the lock."""
        self.put_back()
        for what in ("preparing", "replaced"):
            shutil.rmtree(self.hidden(what), ignore_errors=True)

    def put(self, new: Path) -> None:
        """Puts the complete set in the folder ``new`` in place of the old one, which is removed."""
        self.refuse_foreign()
        old = self.hidden("replaced")
        try:
            if self.inside:
                raise OSError(errno.EBUSY, "written inside")
            if self.folder.exists():
                os.rename(self.folder, old)
            os.rename(new, self.folder)
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM) or not self.folder.is_dir():
                raise
            self._move_in(new)
        sync_folder(self.folder.parent)
        shutil.rmtree(old, ignore_errors=True)

    def _move_in(self, new: Path) -> None:
        """Replaces the files one by one, the schema removed first and moved last, so that no mixture can be opened."""
        for name in (SCHEMA_FILE, *sorted(path.name for path in self.folder.iterdir() if path.name != SCHEMA_FILE)):
            path = self.folder / name
            if path.is_dir() and name == "vocab":
                shutil.rmtree(path)
            elif path.is_file() and not name.startswith("."):
                path.unlink()
        for path in sorted(new.iterdir(), key=lambda path: path.name == SCHEMA_FILE):
            shutil.move(path, self.folder / path.name)
        sync_folder(self.folder)


def _follow(path: Path) -> Path:
    """The path with all links followed.

    Raises:
        UserError: a link leads into a folder that does not exist, as one to a disk that is not mounted.
    """
    for part in (*reversed(path.parents), path):
        target = Path(os.path.realpath(part))
        if part.is_symlink() and not target.exists() and not target.parent.is_dir():
            raise UserError(f"data_dir {path} leads through the link {part} to {target}, whose folder does not exist; "
                            "create it, mount its disk, or choose another --data_dir")
    return Path(os.path.realpath(path))


def _extras(folder: Path) -> list[str]:
    """Names of the files that a source keeps with its set, as truth.json of simulate."""
    try:
        extras = read_json(folder / INPUTS_FILE)["extras"]
        return [name for name in extras if isinstance(name, str)]
    except (UserError, KeyError, TypeError):  # no such file, or damaged
        return []


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def sync_folder(folder: Path) -> None:
    """Syncs a folder, so that the names of its files survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

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
"""Taking wanted files out of an archive without trusting the paths in it."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

from ...errors import UserError


def is_archive(path: Path) -> bool:
    """True for a file whose name ends like a tar archive's."""
    return path.is_file() and path.name.endswith((".tar.gz", ".tgz", ".tar"))


def unpack(archive: Path, wanted: Callable[[str], bool], folder: Path) -> list[Path]:
    """Copies the regular files whose base name is wanted into ``folder``, under that base name alone.

    Folders, links and devices in the archive are never created, so nothing can land outside ``folder``.

    Raises:
        UserError: the archive is damaged or truncated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                name = Path(member.name).name
                if not member.isfile() or not wanted(name):
                    continue
                with tar.extractfile(member) as source, open(folder / name, "wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                if (folder / name).stat().st_size != member.size:
                    raise EOFError(f"{name} ends early")
                found.append(folder / name)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UserError(f"{archive} is damaged or truncated ({error}); download it again") from None
    return found

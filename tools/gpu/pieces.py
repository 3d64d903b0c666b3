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
"""What a run on a GPU loads, packed for a machine that takes files of at most 60 MiB at a time.

    python -m tools.gpu.pieces pack FOLDER [CARD [MIB]]   # here, in an environment with requirements/gpu.txt
    python3 pieces.py take FOLDER TARGET                  # there, after every piece or once after the last; FOLDER
                                                          # holds what has arrived: pieces.json and some pieces

``pack`` runs the dry run (``python -m tools.gpu``) to see which shared libraries MindSpore loads, adds CUDA's, and
leaves out MindSpore's and NVIDIA's others. With CARD, a compute capability such as 9.0, code for other cards is left
out too; 0 is every card. ``take`` needs Python alone: it adds each piece to the archive, checks it, deletes it, and
unpacks after the last. Then ``source TARGET/activate`` sets the paths.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import lzma
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable
from pathlib import Path

MIB = 60
PRESET = 1  # of xz: smaller and faster than gzip here, and higher ones gain little
INDEX = "pieces.json"
# Loaded by name at run time, so that a dry run does not show them: cuDNN's parts without convolutions and recurrent
# networks, which no graph of ours has (python -m tools.gpu lists the operators), and NCCL for several GPUs.
BY_NAME = ("libcudnn_ops_infer.so.8", "libcudnn_ops_train.so.8", "libcublasLt.so.11", "libnvrtc-builtins.so.11.8",
           "libnvidia_collective.so", "libnccl.so.2")
LEFT_OUT = re.compile(r"/(include|tests?|__pycache__|third_party)/|\.(pyc|a|h|hpp|pyi)$|/nvidia/(nccl|cufile)/")
OF_THE_C_LIBRARY = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|util|pthread|resolv|nsl|nss_.*))\.so")
ACTIVATE = """\
# Sourced: the Python and the libraries unpacked in this folder. Of the system's libraries only those that this machine
# lacks, so that its own programs keep theirs.
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
mkdir -p "$here/lacking"
for library in "$here"/system/*; do
    PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -qF "${library##*/} " ||
        ln -sf "$library" "$here/lacking/"
done
ln -sf python3 "$here/python/bin/python"  # msrun starts processes by this name
export MULTISFS_PYTHON="$here/python/bin/python3"
export LD_LIBRARY_PATH="$here/python/lib:$here/lacking${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
"""


def is_library(name: str) -> bool:
    return re.search(r"\.so(\.[\d.]+)?$", name) is not None


def chosen(files: Iterable[Path], loaded: set[str]) -> list[Path]:
    """Of an environment's files: all but what no run needs, and of MindSpore's and NVIDIA's libraries those loaded.

    Args:
        files: of the environment.
        loaded: paths of the libraries and modules that a run has loaded; they are always among those chosen.
    """
    names = {Path(path).name for path in loaded} | set(BY_NAME)
    wanted = (path for path in files if str(path) in loaded or not LEFT_OUT.search(path.as_posix()))
    return sorted(path for path in wanted if path.name in names or not is_library(path.name)
                  or not {"mindspore", "nvidia"} & set(path.parts))


def environment_files(requirements: Iterable[Path]) -> list[Path]:
    """Files of the distributions that requirements files name, and of those that these need."""
    lines = [line for file in requirements for line in file.read_text(encoding="utf-8").splitlines()]
    names = [name for name in map(_name, lines) if name]
    files: list[Path] = []
    for name in names:  # grows while it is read
        needed, own = _distribution(name)
        names += [other for other in needed if other not in names]
        files += own
    return sorted({path for path in files if path.is_file()})


def _distribution(name: str) -> tuple[list[str], list[Path]]:
    """Names of what a distribution needs, and its files; nothing where it is not installed."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return [], []
    needed = [_name(line) for line in distribution.requires or [] if "extra ==" not in line]
    return needed, [Path(str(distribution.locate_file(file))) for file in distribution.files or []]


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    return found.group(0).lower() if found else ""


def system_libraries(loaded: Iterable[str], own: Iterable[Path]) -> list[str]:
    """Of the libraries that a run loads: those of the system but for the C library's; another machine may lack them.

    Args:
        loaded: their paths.
        own: folders that are packed anyhow.
    """
    return sorted(path for path in loaded if path.startswith(("/lib", "/usr/lib"))
                  and not OF_THE_C_LIBRARY.match(Path(path).name) and not set(own) & set(Path(path).parents))


def loaded_names(library: str) -> list[str]:
    """The names by which programs ask for a library: its own, and those of links to its file with a version.

    Programs may be linked to either: MindSpore asks for libbz2.so.1, whose own name is libbz2.so.1.0.
    """
    path = Path(library).resolve()
    shown = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True).stdout
    own = re.search(r"\(SONAME\).*\[(.+)\]", shown)
    stem = path.name.split(".so")[0]
    links = {link.name for link in path.parent.glob(f"{stem}.so.*") if link.is_symlink() and link.resolve() == path}
    return sorted(links | {own.group(1) if own else path.name})


class Splitter:
    """A file to write to, whose content becomes pieces of a size in a folder; ``close`` writes their index."""

    def __init__(self, folder: Path, size: int):
        self.folder, self.size = folder, size
        self.pieces: list[dict] = []
        self._waiting = bytearray()

    def write(self, content: bytes) -> int:
        self._waiting += content
        while len(self._waiting) >= self.size:
            self._piece(self.size)
        return len(content)

    def close(self) -> None:
        if self._waiting:
            self._piece(len(self._waiting))
        (self.folder / INDEX).write_text(json.dumps(self.pieces, indent=1) + "\n", encoding="utf-8")

    def _piece(self, size: int) -> None:
        content, name = bytes(self._waiting[:size]), f"piece-{len(self.pieces):03d}"
        del self._waiting[:size]
        (self.folder / name).write_bytes(content)
        self.pieces.append({"name": name, "sha256": hashlib.sha256(content).hexdigest()})


def pack(files: Iterable[tuple[Path, str]], folder: Path, size: int, card: int = 0) -> list[dict]:
    """Writes (file, name in the archive) as compressed pieces of at most ``size`` bytes, and their index.

    Args:
        files: what to pack.
        folder: a new folder for the pieces.
        size: of a piece, in bytes.
        card: compute capability (90 is 9.0) of the card to pack for; 0 for every card.
    """
    folder.mkdir(parents=True)
    pieces = Splitter(folder, size)
    with lzma.open(pieces, "wb", preset=PRESET) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        for path, name in files:
            _add(archive, path, name, card)
    pieces.close()
    return pieces.pieces


def _add(archive: tarfile.TarFile, path: Path, name: str, card: int) -> None:
    if card and is_library(name) and {"mindspore", "nvidia"} & set(Path(name).parts) and not path.is_symlink():
        from tools.gpu.cards import for_card  # ``take`` does without

        with for_card(path, card) as content:
            archive.addfile(archive.gettarinfo(path, name), content)
    else:
        archive.add(path, name, recursive=False)


def take(folder: Path, target: Path) -> str:
    """Adds the pieces that have arrived, in order, and unpacks after the last; says how far it is.

    Raises:
        ValueError: a piece is damaged; it stays, to be sent again.
    """
    pieces = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    target.mkdir(parents=True, exist_ok=True)
    archive, count = target / "archive", target / "taken"
    taken = json.loads(count.read_text(encoding="utf-8")) if count.exists() else {"pieces": 0, "bytes": 0}
    while taken["pieces"] < len(pieces) and (folder / pieces[taken["pieces"]]["name"]).exists():
        piece = pieces[taken["pieces"]]
        content = (folder / piece["name"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != piece["sha256"]:
            raise ValueError(f"{folder / piece['name']} is damaged; send it again")
        with open(archive, "r+b" if archive.exists() else "w+b") as file:
            file.seek(taken["bytes"])  # what an interrupted call wrote is written again
            file.write(content)
        taken = {"pieces": taken["pieces"] + 1, "bytes": taken["bytes"] + len(content)}
        count.write_text(json.dumps(taken), encoding="utf-8")
        (folder / piece["name"]).unlink()
    if taken["pieces"] < len(pieces):
        return f"{taken['pieces']} of {len(pieces)} pieces; next: {pieces[taken['pieces']]['name']}"
    if archive.exists():
        with tarfile.open(archive) as content:
            trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "data_filter") else {}  # newer Python asks
            content.extractall(target, **trusted)
        archive.unlink()
    return f"all {len(pieces)} pieces; source {target / 'activate'}"


def files_of_a_run(work: Path) -> list[tuple[Path, str]]:
    """This environment as (file, name in the archive): Python itself, the packages, and the script of the paths."""
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-m", "tools.gpu", "--only", "train-mmoe-dense,eval", "--work_dir", str(work)],
                   cwd=root, check=True, stdout=subprocess.DEVNULL)
    loaded = set((work / "loaded.txt").read_text(encoding="utf-8").splitlines())
    needed = {path.name for path in (work / "cuda" / "lib64").iterdir()}
    site = Path(sysconfig.get_paths()["purelib"])
    files = environment_files([root / "requirements.txt", root / "requirements" / "gpu.txt"])
    base, version = Path(sys.base_prefix), f"python{sys.version_info[0]}.{sys.version_info[1]}"
    pairs = [(path, os.path.normpath(f"python/lib/{version}/site-packages/{path.relative_to(site)}"))  # bin/ is outside
             for path in chosen(files, loaded | needed) if site in path.parents]
    library = [path for path in (base / "lib" / version).rglob("*")
               if path.is_file() and "site-packages" not in path.parts]
    pairs += [(path, f"python/{path.relative_to(base)}") for path in chosen(library, loaded)]
    pairs += [(path, f"python/lib/{path.name}") for path in sorted((base / "lib").glob("libpython*.so*"))]
    pairs.append((Path(os.path.realpath(sys.executable)), "python/bin/python3"))
    pairs += [(Path(path).resolve(), f"system/{name}") for path in system_libraries(loaded, (base, Path(sys.prefix)))
              for name in loaded_names(path)]
    (work / "activate").write_text(ACTIVATE, encoding="utf-8")
    return [*pairs, (work / "activate", "activate")]


def main(arguments: list[str]) -> None:
    """Packs here, or takes pieces there."""
    import tempfile

    if arguments[:1] == ["take"] and len(arguments) == 3:
        try:
            print(take(Path(arguments[1]), Path(arguments[2])))
        except (OSError, ValueError) as problem:
            print(f"error: {problem}", file=sys.stderr)
            sys.exit(2)
    elif arguments[:1] == ["pack"] and len(arguments) in (2, 3, 4):
        card, size = (*arguments[2:], *("0", str(MIB))[len(arguments) - 2:])
        folder = Path(arguments[1])
        with tempfile.TemporaryDirectory() as temporary:
            pieces = pack(files_of_a_run(Path(temporary) / "dry"), folder, int(size) << 20, round(float(card) * 10))
        print(f"{len(pieces)} pieces of at most {size} MiB in {folder}; take tools/gpu/pieces.py with them")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])

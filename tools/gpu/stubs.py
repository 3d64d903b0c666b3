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
"""Stub CUDA libraries, with which MindSpore's GPU plug-in loads and runs on a machine without a GPU.

The device that they show takes its memory from the host, and its kernels do nothing. MindSpore does all the rest as on
a GPU: it expands operators, and chooses a kernel for each by name and data types.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from scripts.lib.check_env import assemble_toolkit
from src.common.errors import UserError

SOURCE = Path(__file__).with_name("stub_cuda.c")
KERNELS = "libcuda_ops.so.11"  # MindSpore's own CUDA kernels; 800 MB that would ask for a driver
CUDA = re.compile(r"lib(cu[a-z]+|nvrtc)\.so\.")  # libraries of CUDA and of the driver
FUNCTION = re.compile(r"(?:\bint |char \*|GIVES_HANDLE\()((?:cu|nv)\w+)\(?")


def missing_tools() -> str:
    """What building the stubs lacks here, as a reason to skip; "" where everything is there."""
    lacking = [name for name in ("gcc", "nm", "readelf") if shutil.which(name) is None]
    return f"{' and '.join(lacking)} not found, which builds the stub CUDA libraries" if lacking else ""


def build_stubs(plugin: Path, folder: Path) -> dict[str, str]:
    """Compiles the stubs that ``plugin`` needs; returns the environment in which MindSpore finds them.

    Raises:
        UserError: there is no compiler, or the stubs do not compile.
    """
    if missing_tools():
        raise UserError(f"{missing_tools()}; on Debian and Ubuntu: apt install gcc")
    libraries = folder / "site" / "nvidia" / "stub" / "lib"
    libraries.mkdir(parents=True)
    kernels = plugin.parent / "gpu" / KERNELS
    wanted, needed = _symbols(plugin, "--undefined-only"), needed_libraries(plugin)
    for name in [name for name in needed if CUDA.match(name)]:
        if name != KERNELS:
            _compile(libraries / name, _cuda_source(name, wanted))
    of_mindspore = wanted & _symbols(kernels, "--defined-only")
    _compile(folder / KERNELS, "".join(f"int {name}(void) {{ return 0; }}\n" for name in sorted(of_mindspore)))
    home = assemble_toolkit(folder / "site", folder / "cuda")
    # MindSpore's library looks for its kernels in its own folder first, unless one of that name is loaded already.
    return {"CUDA_HOME": str(home), "LD_LIBRARY_PATH": f"{home}/lib64:{os.environ.get('LD_LIBRARY_PATH', '')}",
            "LD_PRELOAD": str(folder / KERNELS)}


def needed_libraries(library: Path) -> list[str]:
    """Names of the libraries that one says it needs."""
    shown = subprocess.run(["readelf", "-d", str(library)], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", shown)


def _symbols(library: Path, which: str) -> set[str]:
    shown = subprocess.run(["nm", "-D", which, str(library)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in shown.splitlines()}


def _cuda_source(library: str, wanted: set[str]) -> str:
    """C source of one library: the common functions, and for the others of its prefix one that returns 0."""
    prefix = {"cuda": "cu[A-Z]", "cudart": "cuda"}.get(CUDA.match(library).group(1), CUDA.match(library).group(1))
    written = SOURCE.read_text(encoding="utf-8")
    plain = {name for name in wanted if re.match(prefix, name)} - set(FUNCTION.findall(written))
    return written + "".join(f"int {name}(void) {{ return 0; }}\n" for name in sorted(plain | {"cuInit"}))


def _compile(library: Path, source: str) -> None:
    done = subprocess.run(["gcc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{library.name}", "-x", "c", "-", "-o",
                           str(library)], input=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"gcc cannot make a stub of {library.name}: {done.stderr.strip()[:300]}")

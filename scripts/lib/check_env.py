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
"""What MindSpore needs on a device, and what of it is missing. Imports neither MindSpore nor anything of src.

    python scripts/lib/check_env.py report [GPU|Ascend|CPU] [DEVICE_ID]   # one line a check; exit code 1 if one failed
    python scripts/lib/check_env.py toolkit                               # the CUDA 11 folder to use, or nothing
    python scripts/lib/check_env.py problem GPU DEVICE_ID [driver]        # why the device cannot be used, or nothing

Two things about MindSpore 2 are not in its manual. It tries its GPU plug-in only if CUDA_HOME names a folder with
bin/nvcc, whose version chooses the plug-in; and it reads the version of CUDA from the name of libcudart.so.X.Y.Z. The
pip wheels have neither, so ``assemble_toolkit`` makes a folder that has both, with links to the wheels' libraries.
"""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import os
import platform
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGIN_CUDA = "11.6"  # what the plug-in used is built against; later CUDA 11 libraries are compatible
DRIVER = "libcuda.so.1"
LEAST_MEMORY = 1024  # MiB; the default model and batch take less
GET_DRIVER = ("install the NVIDIA driver (450 or newer) for this GPU, https://www.nvidia.com/drivers; in a container, "
              "start it with --gpus all")
GET_WHEELS = "pip install -r requirements/gpu.txt (run_standalone_train_gpu.sh does it)"
GET_MINDSPORE = "pip install -r requirements.txt (run_standalone_train.sh does it)"
GET_CANN = "install the Ascend driver and CANN, https://www.hiascend.com, and source its set_env.sh"
RUN_CHECK = """
import sys
import mindspore as ms
ms.set_context(device_target=sys.argv[1], device_id=int(sys.argv[2]))
ms.run_check()
"""


def plugin_path() -> Path | None:
    """MindSpore's GPU plug-in, or None where MindSpore is missing or has none."""
    spec = importlib.util.find_spec("mindspore")
    if spec is None or not spec.origin:
        return None
    library = Path(spec.origin).parent / "lib"
    for name in (f"libmindspore_gpu.so.{PLUGIN_CUDA}", "libmindspore_gpu.so"):  # 2.x, 1.10
        if (library / "plugin" / name).exists():
            return library / "plugin" / name
    return None


def assemble_toolkit(site: Path, home: Path) -> Path | None:
    """Makes (or completes) a CUDA folder of the pip wheels in ``site``; None where they are not installed."""
    libraries = sorted(site.glob("nvidia/*/lib/*.so*"))
    if not any(path.name.startswith("libcudart.so.11") for path in libraries):
        return None
    (home / "bin").mkdir(parents=True, exist_ok=True)
    (home / "lib64").mkdir(exist_ok=True)
    nvcc = home / "bin" / "nvcc"
    nvcc.write_text("#!/bin/sh\n# Not a compiler: tells MindSpore which of its GPU plug-ins to load.\n"
                    f'echo "Cuda compilation tools, release {PLUGIN_CUDA}, V{PLUGIN_CUDA}.0"\n', encoding="utf-8")
    nvcc.chmod(0o755)
    links = {path.name: path for path in libraries}
    links[f"libcudart.so.{PLUGIN_CUDA}.0"] = links["libcudart.so.11.0"]
    for name, target in links.items():
        link = home / "lib64" / name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(target)
    return home


def system_toolkits() -> list[Path]:
    """CUDA 11 folders of the system, the one that CUDA_HOME names first."""
    named = [os.environ["CUDA_HOME"]] if os.environ.get("CUDA_HOME") else []
    homes = [Path(home) for home in [*named, "/usr/local/cuda", *sorted(glob.glob("/usr/local/cuda-11*"))]]
    return [home for home in homes if _nvcc_release(home).startswith("11.")]


def _nvcc_release(home: Path) -> str:
    try:
        shown = subprocess.run([str(home / "bin" / "nvcc"), "--version"], capture_output=True, text=True, timeout=20,
                               check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"release (\d+\.\d+)", shown)
    return found.group(1) if found else ""


def find_toolkit() -> Path | None:
    """The CUDA folder to use: one assembled of the installed wheels, else a complete one of the system."""
    home = assemble_toolkit(Path(sysconfig.get_paths()["purelib"]), Path(sys.prefix) / "multisfs-cuda")
    if home is not None:
        return home
    plugin = plugin_path()
    for home in system_toolkits():
        if plugin is not None and not missing_libraries(plugin, home):
            return home
    return None


def resolve_libraries(plugin: Path, home: Path | None) -> dict[str, str]:
    """Where each CUDA library that ``plugin`` needs is found with that folder on the path; "" where it is not."""
    environment = dict(os.environ)
    if home is not None:
        environment["LD_LIBRARY_PATH"] = f"{home / 'lib64'}:{environment.get('LD_LIBRARY_PATH', '')}"
    shown = subprocess.run(["ldd", str(plugin)], capture_output=True, text=True, env=environment, check=False).stdout
    found = {}
    for name, place in re.findall(r"^\s*(\S+) => (not found|\S+)", shown, re.MULTILINE):
        if place == "not found" or re.match(r"lib(cu|nv)", name):
            found[name] = "" if place == "not found" else place
    return found


def missing_libraries(plugin: Path, home: Path | None) -> list[str]:
    """Names of the libraries that are not found, but for the driver's."""
    return [name for name, place in resolve_libraries(plugin, home).items() if not place and name != DRIVER]


def driver_problem(device_id: int) -> str:
    """Asks the NVIDIA driver for the device; returns what is wrong, or ""."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return f"no NVIDIA driver ({DRIVER} not found)"
    count = ctypes.c_int()
    error = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if error or not count.value:
        return f"the driver finds no GPU (CUDA error {error})"
    if device_id >= count.value:
        return f"device_id is {device_id}; this machine's GPUs are numbered 0 to {count.value - 1}"
    return ""


def mindspore_problem(target: str, device_id: int) -> str:
    """Runs MindSpore's own check on the device in a process of its own; returns what went wrong, or ""."""
    try:
        done = subprocess.run([sys.executable, "-c", RUN_CHECK, target, str(device_id)], capture_output=True,
                              text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        return f"mindspore.run_check() on the {target} did not end within 600 s"
    if done.returncode == 0 and "successfully" in done.stdout:
        return ""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip(" -")]
    return f"mindspore.run_check() on the {target} fails: {lines[-1] if lines else f'exit code {done.returncode}'}"


def free_memory(device_id: int) -> int | None:
    """Free GPU memory in MiB; None where nvidia-smi does not say."""
    try:
        shown = subprocess.run(["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits", "-i",
                                str(device_id)], capture_output=True, text=True, timeout=60, check=False).stdout
        return int(shown.strip())
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def gpu_checks(device_id: int):
    """Yields (what, problem or "", note or remedy) for a GPU."""
    problem = driver_problem(device_id)
    yield "NVIDIA driver", problem, GET_DRIVER if problem else ""
    broken = bool(problem)
    plugin, home = plugin_path(), find_toolkit()
    if plugin is None:
        yield "GPU plug-in", "MindSpore has no GPU plug-in here (only Linux on x86-64 has one)", GET_MINDSPORE
        return
    for name, place in resolve_libraries(plugin, home).items():
        if name != DRIVER:
            broken = broken or not place
            yield name, "" if place else "not found", place or GET_WHEELS
    yield from _last_checks("GPU", device_id, broken)
    if not broken:
        free = free_memory(device_id)
        short = free is not None and free < LEAST_MEMORY
        yield "free memory", f"only {free} MiB" if short else "", (
            "end other processes on the GPU, or lower batch_size" if short
            else "unknown, nvidia-smi does not say" if free is None else f"{free} MiB")


def ascend_checks(device_id: int):
    """Yields (what, problem or "", note or remedy) for an Ascend NPU."""
    device = Path(f"/dev/davinci{device_id}")
    yield "Ascend driver", "" if device.exists() else f"{device} does not exist", "" if device.exists() else GET_CANN
    home = os.environ.get("ASCEND_HOME_PATH", os.environ.get("ASCEND_TOOLKIT_HOME", ""))
    yield "CANN", "" if home else "ASCEND_HOME_PATH is not set", home or GET_CANN
    yield from _last_checks("Ascend", device_id, not (device.exists() and home))


def _last_checks(target: str, device_id: int, broken: bool):
    """MindSpore's own check, where there is a point in running it."""
    if broken:
        yield "mindspore.run_check", "", "not run, because of what is missing above"
    else:
        problem = mindspore_problem(target, device_id)
        yield "mindspore.run_check", problem, "https://www.mindspore.cn/install" if problem else ""


def checks(target: str, device_id: int):
    """All checks of a device."""
    spec = importlib.util.find_spec("mindspore")
    yield f"Python {platform.python_version()} with MindSpore", "" if spec else "MindSpore is not installed", (
        str(Path(spec.origin).parent) if spec and spec.origin else GET_MINDSPORE)
    if spec is None:
        if target == "GPU":
            problem = driver_problem(device_id)
            yield "NVIDIA driver", problem, GET_DRIVER if problem else ""
        return
    if target == "CPU":
        yield from _last_checks("CPU", 0, False)
    else:
        yield from (gpu_checks if target == "GPU" else ascend_checks)(device_id)


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    verb, *rest = arguments or [""]
    target, device_id = (rest + ["GPU"])[0], int((rest + ["", "0"])[1] or 0)
    if verb == "toolkit":
        print(find_toolkit() or "")
        return 0
    if verb == "problem" and rest[2:] == ["driver"]:
        print(driver_problem(device_id))
        return 0
    if verb == "problem":
        print(next((f"{what}: {problem}" if problem == "not found" else problem
                    for what, problem, _ in checks(target, device_id) if problem), ""))
        return 0
    failed = False
    for what, problem, note in checks(target, device_id):
        failed = failed or bool(problem)
        state = "MISSING" if problem else "-" if note.startswith("not run") else "ok"
        print(": ".join(text for text in (f"  {state:<8} {what}", problem, note) if text))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

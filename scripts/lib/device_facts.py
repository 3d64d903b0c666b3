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
"""What a script says about its device: what it found, before it trains, and what was reached, at the end.

    python scripts/lib/device_facts.py found GPU DEVICE_ID [KEY=VALUE ...]    # one line a fact
    python scripts/lib/device_facts.py reached RUN_DIR...                     # one line a run

Imports neither MindSpore nor anything of src. Asks the driver and the libraries themselves; what does not answer is
"unknown", never an error: scripts/lib/check_env.py is where something missing is said.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
from pathlib import Path

import check_env

UNKNOWN = "unknown"
KERNEL_MODULE = Path("/proc/driver/nvidia/version")
MAJOR, MINOR = 75, 76  # of CUdevice_attribute: compute capability


def card(device_id: int) -> str:
    """Name, compute capability and memory, from the driver."""
    try:
        driver = ctypes.CDLL(check_env.DRIVER)
    except OSError:
        return UNKNOWN
    device, name, memory = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_size_t()
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), device_id):
        return UNKNOWN
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    capability = [ctypes.c_int(), ctypes.c_int()]
    for value, attribute in zip(capability, (MAJOR, MINOR)):
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return (f"{name.value.decode(errors='replace')}, compute capability {capability[0].value}.{capability[1].value}, "
            f"{memory.value >> 20} MiB")


def driver_version() -> str:
    """Of the kernel module, and the newest CUDA that it knows."""
    text = KERNEL_MODULE.read_text(encoding="utf-8") if KERNEL_MODULE.exists() else ""
    release = re.search(r"Kernel Module\s+(?:for \S+\s+)?([\d.]+)", text)
    number = _ask(check_env.DRIVER, "cuDriverGetVersion")
    return f"{release.group(1) if release else UNKNOWN}, knows CUDA up to {_cuda_version(number)}"


def libraries(home: Path | None) -> list[str]:
    """CUDA's runtime and cuDNN with their versions, and where each was found."""
    plugin = check_env.plugin_path()
    found = check_env.resolve_libraries(plugin, home) if plugin else {}
    places = {name.split(".so")[0]: os.path.realpath(place) for name, place in found.items() if place}
    runtime, cudnn = places.get("libcudart", ""), places.get("libcudnn", "")
    number = _ask(runtime, "cudaRuntimeGetVersion") if runtime else 0
    release = _cudnn_version(cudnn)
    return [f"CUDA runtime: {_cuda_version(number)} ({runtime or 'not found'})",
            f"cuDNN: {release} ({cudnn or 'not found'})"]


def precision(options: list[str]) -> str:
    """Of the arithmetic, by the settings given; MindSpore's own default is float32 with TF32 off."""
    given = [option.split("=", 1)[1] for option in options if option.startswith("precision=")]
    return "float16 in products, else float32" if given[-1:] == ["float16"] else "float32, TF32 off"


def found(target: str, device_id: int, options: list[str]) -> list[str]:
    """The lines a script begins with."""
    if target != "GPU":
        return [f"{target} {device_id}"]
    return [f"GPU {device_id}: {card(device_id)}", f"driver: {driver_version()}",
            *libraries(check_env.find_toolkit()), f"precision: {precision(options)}"]


def reached(run: Path) -> str:
    """The line a script ends with: device, mean AUC and speed of a finished run."""
    facts, metrics = (json.loads((run / name).read_text(encoding="utf-8")) for name in ("env.json", "metrics.json"))
    return (f"{run.name}: trained on the {facts['device']}, mean AUC {metrics['mean_auc']:.4f}, "
            f"{metrics['train_rows_per_second']:,.0f} rows/s")


def _ask(library: str, function: str) -> int:
    number = ctypes.c_int()
    try:
        return 0 if getattr(ctypes.CDLL(library), function)(ctypes.byref(number)) else number.value
    except (OSError, AttributeError):
        return 0


def _cuda_version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}" if number else UNKNOWN


def _cudnn_version(library: str) -> str:
    try:
        number = ctypes.CDLL(library).cudnnGetVersion() if library else 0
    except (OSError, AttributeError):
        number = 0
    return f"{number // 1000}.{number % 1000 // 100}.{number % 100}" if number else UNKNOWN


def main(arguments: list[str]) -> None:
    """Prints the lines."""
    verb, *rest = arguments
    lines = found(rest[0], int(rest[1]), rest[2:]) if verb == "found" else [reached(Path(run)) for run in rest]
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])

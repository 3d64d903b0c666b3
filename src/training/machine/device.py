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
"""Choosing the device, once, before any network is built."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import mindspore as ms
from mindspore import Tensor, ops

from ...common.compat import set_device
from ...common.errors import UserError

LOG = logging.getLogger(__name__)
SIGNS = {"Ascend": ("/dev/davinci0", "/dev/davinci_manager"), "GPU": ("/dev/nvidiactl", "/dev/nvidia0")}
SUM = 3.0  # of 1 and 2, which a device has to find; the dry run's has no arithmetic (tools/gpu)


def choose_device(wanted: str, device_id: int = 0) -> str:
    """Sets MindSpore's device and graph mode; returns the device used.

    Args:
        wanted: CPU, GPU, Ascend, or auto for the first of Ascend, GPU, CPU that works.
        device_id: which device of that kind.

    Raises:
        UserError: the wanted device does not work and ``REQUIRE_DEVICE=1`` is set; without it a warning is logged and
            the CPU is used.
    """
    for device in likely_devices() if wanted == "auto" else [wanted]:
        problem = None if device == "CPU" else _try_device(device, device_id)
        if problem is None:
            set_device(device, device_id)
            return device
        message = f"device_target {device} cannot be used here: {problem}"
        if os.environ.get("REQUIRE_DEVICE") == "1":
            raise UserError(f"{message}; bash scripts/check_env.sh says what is missing")
        LOG.warning("%s; using the CPU (bash scripts/check_env.sh says what is missing)", message)
    set_device("CPU")
    return "CPU"


def likely_devices() -> list[str]:
    """The accelerators whose drivers are there, the one to prefer first; none of them has been tried."""
    return [name for name, files in SIGNS.items() if any(Path(file).exists() for file in files)]


def _try_device(device: str, device_id: int):
    """Runs one addition there; returns what went wrong in one line, or None. Not every failed launch is an error."""
    if not any(Path(file).exists() for file in SIGNS[device]):
        return f"no driver (none of {', '.join(SIGNS[device])})"
    try:
        set_device(device, device_id)
        found = float(ops.Add()(Tensor([1.0], ms.float32), Tensor([2.0], ms.float32)).asnumpy()[0])
        return None if found == SUM else f"it adds 1 and 2 to {found:g}; MindSpore may have no code for this card"
    except (RuntimeError, ValueError, TypeError, ImportError, OSError) as error:
        return " ".join(str(error).split())[:200]

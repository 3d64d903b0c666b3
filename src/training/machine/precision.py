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
"""In which precision products of networks are computed.

On the CPU MindSpore's products are oneDNN's. Told so, oneDNN rounds their factors to bfloat16, for which some
processors have instructions that are several times as fast; sums, and everything else, stay float32. It is told by an
environment variable that it reads at its first product, so a process has one precision for good.

GPUs and Ascend have float16 instead, which belongs to a network and its training step (half.py), not to the process.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from mindspore import Tensor, ops

from ...common.compat import LOW_PRECISION, ONEDNN_MODE
from ...common.environment import CPU_INFO, instruction_sets
from ...common.errors import UserError
from ...settings import Settings

MODES = {"float32": "STRICT", "bf16": "BF16"}
FAST = ("amx_bf16",)  # instructions with which oneDNN multiplies float32 as bfloat16; avx512_bf16 it leaves unused
WIDE = 256  # units of a first layer from which products take most of a step
SIZE = 256  # oneDNN computes smaller products in float32 whatever it is told


def choose_precision(config: Settings, device: str) -> str:
    """What ``precision`` means on this machine: float32, bf16 or float16.

    Raises:
        UserError: the device does not have it.
    """
    wanted = config.precision
    if wanted in ("bf16", "float16") and not LOW_PRECISION:
        raise UserError(f"precision {wanted} needs MindSpore 2, this is 1.10; expected float32 or auto")
    if device != "CPU":
        if wanted == "bf16":
            raise UserError(f"precision bf16 is for CPUs, this device is {device}; expected float16, float32 or auto")
        return "float32" if wanted == "auto" else wanted
    if wanted == "float16":
        raise UserError("precision float16 is for GPU and Ascend, this device is CPU; expected bf16, float32 or auto")
    if wanted == "auto":
        return "bf16" if max(config.bottom_dims) >= WIDE and fast_instructions() else "float32"
    if wanted == "bf16" and not fast_instructions():
        raise UserError(f"precision bf16 needs a CPU with {' or '.join(FAST)}, which this one does not have; expected "
                        "float32 or auto")
    return wanted


def fast_instructions(path: Path = CPU_INFO) -> list[str]:
    """Those of FAST that the processor has; none where Linux does not say, or MindSpore does not use them (1.10)."""
    has = instruction_sets(path) if LOW_PRECISION else []
    return [name for name in FAST if name in has]


def set_products(precision: str) -> None:
    """Sets the precision of all products of this process; to be called on the CPU, before there was any.

    Raises:
        UserError: a product has been computed in another precision before, or oneDNN has no other here.
    """
    os.environ[ONEDNN_MODE] = MODES[precision]
    found = products_precision()
    if found != precision:
        raise UserError(f"products of this process are {found}, not {precision}: it has computed some before, or its "
                        f"MindSpore has no {precision}; start a new process, or give precision={found}")


def products_precision() -> str:
    """Measures what products are rounded to: 1 + 2^-12 becomes 1 in bfloat16."""
    factor = np.full((SIZE, SIZE), 1 + 2 ** -12, np.float32)
    found = ops.MatMul()(Tensor(factor), Tensor(factor)).asnumpy()[0, 0]
    return "bf16" if found == SIZE else "float32"

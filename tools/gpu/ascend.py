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
"""What can be read of MindSpore's Ascend kernels without an Ascend.

MindSpore's plug-in has a C++ class per operator that it runs through CANN's aclnn interface, whose names are in its
type information; which data types such a kernel takes is written in CANN alone, which is no part of MindSpore's wheel.
The wheel also has the table of the kernels for the device's own processor ("AI CPU"), with their data types. Operators
in neither are left to CANN's older operator library.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from pathlib import Path

from tools.gpu.graphs import Kernel

# In mindspore::kernel: SliceExtAscend, add::AddAscend, AclnnSoftmaxKernelMod<3>, reduce_sum::ReduceSumAclnnKernelMod;
# those of pyboost are not for graphs.
KERNEL_CLASS = re.compile(
    rb"N9mindspore6kernel(?:\d+(?!pyboost)[a-z][a-z_0-9]*?)?\d+"
    rb"(?:Aclnn([A-Z]\w*?)KernelModILm\d+EE|([A-Z]\w*?)(?:Ascend|AclnnKernelMod))E\0")
TABLE_NAME = re.compile(r'AiCPURegOp\("(\w+)"\)')
TABLE_ROW = re.compile(r"\.dtype_format\(([^)]*)\)")
SHORT = {"F": "Float", "I": "Int", "U": "UInt"}  # in the table DataType.F32_Default is Float32


def kernel_names(plugin_folder: Path) -> set[str]:
    """Operators that have a kernel class of their own; empty where the wheel has no Ascend plug-in."""
    library = plugin_folder / "libmindspore_ops_ascend.so"
    if not library.exists():
        return set()
    with open(library, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {(templated or plain).decode() for templated, plain in KERNEL_CLASS.findall(content)}


def cpu_kernels(tables: Path) -> set[Kernel]:
    """The kernels of the AI CPU, from the folder of their tables in MindSpore's package."""
    found = set()
    for path in tables.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        name, inputs = TABLE_NAME.search(text), text.count(".input(")
        for row in TABLE_ROW.findall(text) if name else ():
            types = [_type(cell) for cell in row.split(",")]
            found.add(Kernel(name.group(1), tuple(types[:inputs]), tuple(types[inputs:])))
    return found


def _type(cell: str) -> str:
    short = cell.strip().replace("DataType.", "").split("_")[0]
    return SHORT[short[0]] + short[1:] if short[1:].isdigit() and short[0] in SHORT else short.capitalize()


def has_kernel(wanted: Kernel, kernels: Iterable[Kernel]) -> bool:
    """Whether one of these takes and gives the data types of ``wanted``, which names each once."""
    return any(kernel.name == wanted.name and set(wanted.inputs) <= set(kernel.inputs)
               and set(wanted.outputs) <= set(kernel.outputs) for kernel in kernels)


def ascend_lines(wanted: Iterable[Kernel], classes: set[str], tables: set[Kernel]) -> list[str]:
    """What the wheel says about the operators of a dry run."""
    if not classes:
        return ["Ascend: this MindSpore has no Ascend plug-in to read"]
    kernels = sorted(wanted)
    names = {kernel.name for kernel in kernels}
    others = [kernel for kernel in kernels if not {kernel.name, f"{kernel.name}Ext"} & classes]
    slow = {kernel.name for kernel in others if has_kernel(kernel, tables)}
    left = sorted({kernel.name for kernel in others if not has_kernel(kernel, tables)})
    return [f"Ascend, by name alone: {len(names) - len({kernel.name for kernel in others})} of {len(names)} operators "
            "have an aclnn kernel",
            "Ascend, with their data types: others that its AI CPU has a kernel for: "
            f"{', '.join(sorted(slow - set(left))) or 'none'}",
            f"Ascend: whether CANN has the rest cannot be read here: {', '.join(left) or 'none'}"]

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
"""What can be read of MindSpore's Ascend kernels without an Ascend: their names, not their data types.

MindSpore's plug-in has a C++ class per operator that it runs through CANN's aclnn interface, whose names are in its
type information. Operators without one it hands to CANN's older operator library. Which data types a kernel takes is
written in CANN alone, which is no part of MindSpore's wheel.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from pathlib import Path

# mindspore::kernel::SliceExtAscend or mindspore::kernel::add::AddAscend; those of pyboost are not for graphs
KERNEL_CLASS = re.compile(rb"N9mindspore6kernel(?:\d+(?!pyboost)[a-z][a-z_0-9]*?)?\d+([A-Z]\w*?)AscendE\0")


def kernel_names(plugin_folder: Path) -> set[str]:
    """Operators that have a kernel class of their own; empty where the wheel has no Ascend plug-in."""
    library = plugin_folder / "libmindspore_ops_ascend.so"
    if not library.exists():
        return set()
    with open(library, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {name.decode() for name in KERNEL_CLASS.findall(content)}


def ascend_line(operators: Iterable[str], kernels: set[str]) -> str:
    """One line on the operators of a dry run: how many have such a class, and which are left to CANN."""
    wanted = sorted(set(operators))
    left = [name for name in wanted if not {name, f"{name}Ext"} & kernels]
    return (f"Ascend, by name alone: {len(wanted) - len(left)} of {len(wanted)} operators have an aclnn kernel; "
            f"whether CANN has the others cannot be read here: {', '.join(left)}")

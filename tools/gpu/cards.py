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
"""Which cards a CUDA library has code for, read from the library.

``nvcc`` puts machine code (SASS) for some compute capabilities into a library, which runs on cards of the same major
number, and portable code (PTX), which the driver compiles for the card at first use and which runs on every later one.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

MAGIC = struct.pack("<IHH", 0xBA55ED50, 1, 16)  # of a "fat binary": magic number, version, size of its header
KINDS = {1: "ptx", 2: "sass"}


def architectures(library: Path) -> dict[str, list[int]]:
    """Compute capabilities (80 is 8.0) that a library has code for: {"sass": [...], "ptx": [...]}."""
    found: dict[str, set[int]] = {kind: set() for kind in KINDS.values()}
    with open(library, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(MAGIC)
        while start >= 0:
            place = start + 16
            end = place + struct.unpack_from("<Q", content, start + 8)[0]
            while place < end:
                kind, _, header, size = struct.unpack_from("<HHIQ", content, place)
                if kind in KINDS:
                    found[KINDS[kind]].add(struct.unpack_from("<I", content, place + 28)[0])
                place += header + size
            start = content.find(MAGIC, max(end, start + 1))
    return {kind: sorted(values) for kind, values in found.items()}


def cards_line(codes: dict[str, list[int]]) -> str:
    """The same in words."""
    if not any(codes.values()):
        return "no GPU code found"
    sass, ptx = (", ".join(f"{value / 10:.1f}" for value in codes[kind]) or "none" for kind in ("sass", "ptx"))
    return (f"MindSpore's own kernels: machine code for compute capabilities {sass}; portable code for {ptx} and "
            "later, which the driver compiles at first use")

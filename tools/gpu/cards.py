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
"""Which cards a CUDA library has code for, read from the library, and a copy with the code for one card alone.

``nvcc`` puts machine code (SASS) for some compute capabilities into a library, which runs on cards of the same major
number, and portable code (PTX), which the driver compiles for the card at first use and which runs on every later one.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAGIC = struct.pack("<IHH", 0xBA55ED50, 1, 16)  # of a "fat binary": magic number, version, size of its header
KINDS = {1: "ptx", 2: "sass"}


class Code(NamedTuple):
    """One translation of some kernels.

    Attributes:
        kind: "sass" (machine code) or "ptx" (portable code).
        capability: the compute capability it is for; 80 is 8.0.
        start: where it begins in the library, behind its header.
        end: where it ends.
    """

    kind: str
    capability: int
    start: int
    end: int


def fat_binaries(content: mmap.mmap) -> Iterator[list[Code]]:
    """Of a library's content: the translations of the same kernels, one list for each group of kernels."""
    start = content.find(MAGIC)
    while start >= 0:
        place = start + 16
        end = place + struct.unpack_from("<Q", content, start + 8)[0]
        codes = []
        while place < end:
            kind, _, header, size = struct.unpack_from("<HHIQ", content, place)
            if kind in KINDS:
                capability = struct.unpack_from("<I", content, place + 28)[0]
                codes.append(Code(KINDS[kind], capability, place + header, place + header + size))
            place += header + size
        yield codes
        start = content.find(MAGIC, max(end, start + 1))


def architectures(library: Path) -> dict[str, list[int]]:
    """Compute capabilities (80 is 8.0) that a library has code for: {"sass": [...], "ptx": [...]}."""
    found: dict[str, set[int]] = {kind: set() for kind in KINDS.values()}
    with open(library, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for codes in fat_binaries(content):
            for code in codes:
                found[code.kind].add(code.capability)
    return {kind: sorted(values) for kind, values in found.items()}


def unused(codes: list[Code], card: int) -> list[Code]:
    """Of one group of kernels: the translations that the driver does not take for a card of this compute capability.

    It takes the machine code of the same major number that is nearest below, else the latest portable code that is not
    newer than the card. Where neither exists all are used: the driver's own message is to be seen.
    """
    fit = [code for code in codes
           if code.capability <= card and (code.kind == "ptx" or code.capability // 10 == card // 10)]
    if not fit:
        return []
    best = max((code.kind == "sass", code.capability) for code in fit)
    return [code for code in codes if (code.kind == "sass", code.capability) != best]


def for_card(library: Path, card: int) -> mmap.mmap:
    """A library's content, of the same size, with zeros in place of the code that a card does not use."""
    with open(library, "rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # the file stays as it is
    for codes in list(fat_binaries(content)):
        for code in unused(codes, card):
            content[code.start:code.end] = bytes(code.end - code.start)
    return content


def cards_line(codes: dict[str, list[int]]) -> str:
    """The same in words."""
    if not any(codes.values()):
        return "no GPU code found"
    sass, ptx = (", ".join(f"{value / 10:.1f}" for value in codes[kind]) or "none" for kind in ("sass", "ptx"))
    return (f"MindSpore's own kernels: machine code for compute capabilities {sass}; portable code for {ptx} and "
            "later, which the driver compiles at first use")

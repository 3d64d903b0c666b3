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
"""Reading the graphs that MindSpore saves: which kernels a program needs, and which of them its device lacks.

``MS_DEV_SAVE_GRAPHS=1`` writes one text file per graph and pass. Where a device has no kernel for an operator with its
data types, MindSpore takes the CPU's without a word and notes the reason in the graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FINAL = "graph_build"  # the pass after which every operator has its kernel
FIRST = "hwopt_d_before_optimization_without_backend_graph"  # what the back end is given
PASSES = (FIRST, FINAL)
NODE = re.compile(r"^  %\w+\([^)\n]*\) = (\w+)\(.*?^      : \((.*?)\)(?: -> \((.*?)\))?$", re.MULTILINE | re.DOTALL)
REASON = re.compile(r'kernel_backoff_with_failure_info: "(.*?)(?:#dmsg#|")', re.DOTALL)
TYPE = re.compile(r"Tensor\[(\w+)\]")
# Nodes that say how values flow; no kernel runs for them.
NO_KERNEL = {"Load", "UpdateState", "Depend", "MakeTuple", "TupleGetItem", "Return", "Partial", "Switch", "Call",
             "make_tuple", "tuple_getitem", "StopGradient", "StateSetItem"}


@dataclass(frozen=True, order=True)
class Kernel:
    """An operator with the data types of its tensors, each named once.

    Attributes:
        name: the operator, such as MatMul.
        inputs: such as ("Float32", "Int32").
        outputs: the same for what it gives.
        reason: why the device has no kernel for it, in MindSpore's words; "" where it has one.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.inputs)}) -> {', '.join(self.outputs) or 'nothing'}"


def read_kernels(text: str) -> set[Kernel]:
    """The operators of one saved graph."""
    found = set()
    for node in NODE.finditer(text):
        name = node.group(1).replace("PrimFunc_", "")
        if name not in NO_KERNEL:
            reason = REASON.search(node.group(0))
            found.add(Kernel(name, _types(node.group(2)), _types(node.group(3) or ""),
                             " ".join(reason.group(1).split()) if reason else ""))
    return found


def read_folder(folder: Path) -> tuple[set[Kernel], set[str]]:
    """Of the graphs saved in a folder: the final kernels, and the names that the back end expanded into others."""
    final = _read(folder.rglob(f"{FINAL}_*.ir"))
    first = _read(folder.rglob(f"{FIRST}_*.ir"))
    return final, {kernel.name for kernel in first} - {kernel.name for kernel in final}


def _read(paths: Iterable[Path]) -> set[Kernel]:
    return {kernel for path in paths for kernel in read_kernels(path.read_text(encoding="utf-8"))}


def _types(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(TYPE.findall(text)))

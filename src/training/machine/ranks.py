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
"""The processes of a data-parallel run, and the one thing they tell each other: sums.

Every rank trains on its share of the same global batches; gradients are averaged (averaging.py) and batch
normalisation takes its moments over all ranks (src/models/layers.py), so that N processes compute what one does.
Rank 0 alone writes. Whatever the ranks have to agree on is either the same on each by construction or goes through
``Ranks.total``.
"""

from __future__ import annotations

import os

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore.communication import get_group_size, get_rank, init

from ...common.compat import set_device
from ...common.processes import LAUNCHER, end_with, share_cores
from .device import choose_device, likely_devices

LAUNCHED = ("MS_ROLE", "RANK_TABLE_FILE")  # environment variables that msrun and Ascend's launchers set
# Seconds that a sum of MindSpore's on the CPU waits for the slowest rank, which may be compiling or on a loaded host.
# Without it the wait ends after about 30 s, and the job with it.
PATIENCE = {"MS_CPU_COMM_OP_TIMEOUT": "3600"}


class Ranks:
    """This process, number ``rank``, among ``size``; one of one unless told otherwise."""

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank, self.size = rank, size
        self._sum = _Sum() if size > 1 else None

    @property
    def first(self) -> bool:
        """Whether this is the rank that selects, writes files and prints."""
        return self.rank == 0

    def total(self, values: np.ndarray) -> np.ndarray:
        """The sum over all ranks of a float array, float32 of the same shape; every rank has to call it.

        One process gets its values back as they are.
        """
        if self._sum is None:
            return values
        shape = np.shape(values)
        return self._sum(Tensor(np.asarray(values, np.float32).reshape(-1))).asnumpy().reshape(shape)

    def gather(self, numbers: np.ndarray) -> np.ndarray:
        """The whole numbers of all ranks, int ``[size * len(numbers)]`` in the order of ranks; all have equally many.

        Exact below 2**36: a sum in float32 holds 24 bits, so that high and low bits go separately.
        """
        if self._sum is None:
            return numbers
        halves = np.zeros((2, self.size, len(numbers)), np.float32)
        halves[:, self.rank] = np.divmod(numbers, 4096)
        high, low = self.total(halves).astype(np.int64)
        return (high * 4096 + low).reshape(-1)

    def share(self, count: int) -> range:
        """The numbers below ``count`` that are this rank's: contiguous, and each number is one rank's."""
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)


class _Sum(nn.Cell):
    """AllReduce as a compiled Cell: it then runs in graph mode on every device."""

    def __init__(self):
        super().__init__()
        self.reduce = ops.AllReduce()

    def construct(self, values):
        return self.reduce(values)


def join_ranks(wanted: str, device_id: int = 0) -> tuple[str, Ranks]:
    """Chooses the device and joins the other processes of the job, if a launcher has started this one.

    Args:
        wanted: device_target, see ``choose_device``; a launched process takes it as it is, its launcher has tried it.
        device_id: which device of that kind; a launched process takes the one its launcher gives it.

    Returns:
        The device's name and this process's Ranks. In msrun's scheduler, which runs the program too, the call ends
        with the job and the process exits inside it.

    Raises:
        UserError: the wanted device does not work and ``REQUIRE_DEVICE=1`` is set.
    """
    if not any(name in os.environ for name in LAUNCHED):
        return choose_device(wanted, device_id), Ranks()
    device = (*likely_devices(), "CPU")[0] if wanted == "auto" else wanted
    if LAUNCHER in os.environ:
        end_with(int(os.environ[LAUNCHER]))
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    set_device(device, 0 if device == "CPU" else int(os.environ.get("DEVICE_ID", "0")))
    init()
    if device == "CPU":
        share_cores()  # only now: the threads that connect the processes fail, or crash, on a single core
    return device, Ranks(get_rank(), get_group_size())

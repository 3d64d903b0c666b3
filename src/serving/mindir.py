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
"""Running a MINDIR file with MindSpore."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Callable

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from ..common.compat import set_device
from ..common.errors import UserError


def open_mindir(model: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function from ids to probabilities; see ``open_engine``. It runs on the CPU.

    Raises:
        UserError: MindSpore cannot read the file.
    """
    set_device("CPU")
    try:
        network = nn.GraphCell(ms.load(str(model)))
    except (RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"{model} cannot be read by MindSpore: {' '.join(str(error).split())[:200]}") from None
    one_at_a_time = threading.Lock()  # a graph has one set of outputs

    def run(ids: np.ndarray) -> np.ndarray:
        with one_at_a_time:
            return network(Tensor(ids)).asnumpy()

    return run

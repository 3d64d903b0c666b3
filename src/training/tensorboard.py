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
"""Learning curves for TensorBoard, on request: event files in ``summary/`` of the run folder.

tensorboardX writes them, with threads. MindSpore's own SummaryRecord forks processes, which can hang once a graph has
started threads.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from ..errors import UserError


class SummaryLog:
    """Writes scalars by epoch; without a folder it writes nothing. To be used in a ``with`` statement.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, folder: Path | None):
        self.writer = None
        if folder is not None:
            if importlib.util.find_spec("tensorboardX") is None:
                raise UserError("summary is true, but tensorboardX is not installed; pip install -r "
                                "requirements/tensorboard.txt, or leave summary out")
            from tensorboardX import SummaryWriter
            self.writer = SummaryWriter(str(folder))

    def __enter__(self) -> SummaryLog:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.writer is not None:
            self.writer.close()

    def write(self, epoch: int, loss: float, metrics: Mapping[str, Mapping[str, float | None]]) -> None:
        """Adds an epoch: train/loss, and valid/<task>/<metric> for every metric that could be computed."""
        if self.writer is None:
            return
        values = {"train/loss": loss, **{f"valid/{task}/{name}": value for task, entry in metrics.items()
                                         for name, value in entry.items()}}
        for name, value in values.items():
            if value is not None and math.isfinite(value):
                self.writer.add_scalar(name, value, epoch)
        self.writer.flush()

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
"""Learning curves for MindInsight, on request: MindSpore summary files in ``summary/`` of the run folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import mindspore as ms
from mindspore import Tensor
from mindspore.train.summary import SummaryRecord


class SummaryLog:
    """Writes scalars by epoch; without a folder it writes nothing. To be used in a ``with`` statement."""

    def __init__(self, folder: Path | None):
        self.record = None if folder is None else SummaryRecord(str(folder))

    def __enter__(self) -> SummaryLog:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.record is not None:
            self.record.close()

    def write(self, epoch: int, loss: float, metrics: Mapping[str, Mapping[str, float | None]]) -> None:
        """Adds an epoch: train/loss, and valid/<task>/<metric> for every metric that could be computed."""
        if self.record is None:
            return
        values = {"train/loss": loss, **{f"valid/{task}/{name}": value for task, entry in metrics.items()
                                         for name, value in entry.items()}}
        for name, value in values.items():
            if value is not None and math.isfinite(value):
                self.record.add_value("scalar", name, Tensor(value, ms.float32))
        self.record.record(epoch)

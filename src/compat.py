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
"""The few places where MindSpore 1.10 (the last mindspore-gpu) and 2.x differ."""

from __future__ import annotations

import mindspore as ms


def set_device(device: str, device_id: int = 0) -> None:
    """Graph mode on the given device."""
    ms.set_context(mode=ms.GRAPH_MODE)
    if hasattr(ms, "set_device"):
        ms.set_device(device, device_id)
    elif device == "CPU":
        ms.set_context(device_target=device)
    else:
        ms.set_context(device_target=device, device_id=device_id)  # which 1.10 lets a process do once

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
"""Shared set-up: MindSpore on the CPU, in graph mode as the programs run it."""

import mindspore as ms
import pytest

from src.compat import set_device


@pytest.fixture(autouse=True)
def graph_mode():
    """Every test starts in graph mode on the CPU."""
    set_device("CPU")


@pytest.fixture
def eager():
    """PyNative mode, for tests of many small networks that would spend their time compiling."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)

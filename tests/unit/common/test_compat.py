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
"""src/common/compat.py: what differs between MindSpore's versions."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Parameter, Tensor, log, nn

from src.common.compat import make_adam


@pytest.fixture
def lines(monkeypatch):
    """What MindSpore logs, with the memory emptied in which it keeps what it has warned of once."""
    try:
        from mindspore.common import _decorator
        monkeypatch.setattr(_decorator, "DEPRECATE_SET", set())
    except (ImportError, AttributeError):  # 1.10 has no such memory
        pass
    found = []

    def keep(record):
        found.append(record.getMessage())
        return True

    log._get_logger().handlers[0].addFilter(keep)
    yield found
    log._get_logger().handlers[0].removeFilter(keep)


def weight() -> Parameter:
    return Parameter(Tensor(np.ones(2, np.float32)), "weight")


def test_no_warning_of_adams_own_parts(lines):
    adam = make_adam([weight()], 0.125)
    assert isinstance(adam, nn.Adam) and float(adam.get_lr().asnumpy()) == 0.125
    assert lines == []


def test_other_warnings_stay(lines, monkeypatch):
    """Those that MindSpore gives while the optimizer is made, and all of them afterwards."""
    made = nn.Adam

    def warn_too(*arguments, **options):
        log.warning("'SomethingElse' is deprecated from version 9")
        return made(*arguments, **options)

    monkeypatch.setattr(nn, "Adam", warn_too)
    make_adam([weight()], 0.1)
    log.warning("'FusedSparseAdam' is deprecated, as a user's own program would be told")
    assert [line.split()[0] for line in lines] == ["'SomethingElse'", "'FusedSparseAdam'"]

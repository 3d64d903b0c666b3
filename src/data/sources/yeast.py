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
"""Yeast (Elisseeff and Weston, 2001): 2,417 genes, 103 numbers about each, 14 groups of functions it may have.

Read from the wheel of river, or from its yeast.csv.gz in a local folder.
"""

from __future__ import annotations

from ..reading.fetch import Wheel
from ..staging.packaged import PackagedTable

WHEEL = Wheel("river", "0.26.1", "river-0.26.1-cp311-cp311-manylinux_2_28_x86_64.whl",
              "6a11e1a9749beec3ea138efeb0205b2c5cea8d424e9deee306c8980faec01bef")
MEMBER = "river/datasets/yeast.csv.gz"
DEFAULTS: dict = {}
COLUMNS = (*(f"Att{number}" for number in range(1, 104)), *(f"Class{number}" for number in range(1, 15)))
_TABLE = PackagedTable(WHEEL, MEMBER, COLUMNS, "genes")
inputs, stage = _TABLE.inputs, _TABLE.stage

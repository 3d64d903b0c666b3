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
"""CoIL Challenge 2000: 5,822 Dutch households, what their area is like and which insurance policies they have.

Read from the wheel of ISLP, or from its Caravan.csv in a local folder. Columns that begin with M describe the area (by
postal code), P and A what a household pays for each kind of policy and how many it has.
"""

from __future__ import annotations

from ..reading.fetch import Wheel
from ..staging.packaged import PackagedTable

WHEEL = Wheel("islp", "0.6.0", "islp-0.6.0-py3-none-any.whl",
              "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b")
MEMBER = "ISLP/data/Caravan.csv"
DEFAULTS: dict = {}
AREA = ("MOSTYPE", "MAANTHUI", "MGEMOMV", "MGEMLEEF", "MOSHOOFD", "MGODRK", "MGODPR", "MGODOV", "MGODGE", "MRELGE",
        "MRELSA", "MRELOV", "MFALLEEN", "MFGEKIND", "MFWEKIND", "MOPLHOOG", "MOPLMIDD", "MOPLLAAG", "MBERHOOG",
        "MBERZELF", "MBERBOER", "MBERMIDD", "MBERARBG", "MBERARBO", "MSKA", "MSKB1", "MSKB2", "MSKC", "MSKD", "MHHUUR",
        "MHKOOP", "MAUT1", "MAUT2", "MAUT0", "MZFONDS", "MZPART", "MINKM30", "MINK3045", "MINK4575", "MINK7512",
        "MINK123M", "MINKGEM", "MKOOPKLA")
POLICIES = ("WAPART", "WABEDR", "WALAND", "PERSAUT", "BESAUT", "MOTSCO", "VRAAUT", "AANHANG", "TRACTOR", "WERKT",
            "BROM", "LEVEN", "PERSONG", "GEZONG", "WAOREG", "BRAND", "ZEILPL", "PLEZIER", "FIETS", "INBOED", "BYSTAND")
COLUMNS = (*AREA, *(f"P{name}" for name in POLICIES), *(f"A{name}" for name in POLICIES), "Purchase")
_TABLE = PackagedTable(WHEEL, MEMBER, COLUMNS, "households")
inputs, stage = _TABLE.inputs, _TABLE.stage

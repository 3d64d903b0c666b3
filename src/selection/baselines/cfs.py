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
"""CFS-MTL (Chen et al., CIKM 2022): masks that compete over fields, held close to the fields' causal effects."""

from __future__ import annotations

from .searching import NetworkSearch


class CFS(NetworkSearch):
    """Competing masks (models/learned_masks.py) guided by pseudo-interventions (training/guidance.py); a field is worth
    its mask at the end.

    Weights and θ take every step together on all train rows. Fields whose θ has fallen to 0 or below share the smallest
    score of their task.
    """

    name = "cfs"

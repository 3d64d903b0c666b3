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
"""MSSM's field-level masks (Ding et al., SIGIR 2021): sparse, one per (task, field), learned with the weights."""

from __future__ import annotations

from .searching import NetworkSearch


class MSSM(NetworkSearch):
    """Masks ReLU(tanh θ) (models/learned_masks.py) that the training loss alone shapes; a field is worth its mask at
    the end.

    Weights and θ take every step together on all train rows. Fields whose mask has reached 0 share the score 0.
    """

    name = "mssm"

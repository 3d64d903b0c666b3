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
"""The paper's experiments as grids of runs. Knows no MindSpore: a run is a function that is handed in."""

from .grid import Cell, Grid, Plan, read_plan
from .pool import run_cells
from .records import read_records

__all__ = ["Cell", "Grid", "Plan", "read_plan", "read_records", "run_cells"]

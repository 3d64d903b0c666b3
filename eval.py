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
"""Evaluate a finished run: the numbers of its metrics.json, from its best checkpoint.

The code is in src/programs/eval.py; python eval.py --help says how to use it.
"""

from src.common.errors import run_program
from src.programs.eval import main

__all__ = ["main"]

if __name__ == "__main__":
    run_program(main)

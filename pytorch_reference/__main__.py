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
"""PyTorch beside MindSpore: ``python -m pytorch_reference``; compare.py and curves.py say what can be asked for."""

from __future__ import annotations

from src.errors import run_program


def main(arguments: list) -> None:
    """Compares a run with PyTorch, or with ``--curves FILE.png`` trains one model in both."""
    if "--curves" in arguments[:1]:
        from pytorch_reference.curves import main as draw_curves
        draw_curves(arguments[1:])
        return
    from pytorch_reference.compare import main as compare
    compare(arguments)


if __name__ == "__main__":
    run_program(main)

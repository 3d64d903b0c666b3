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
"""Compare a finished run with PyTorch: same weights, same numbers. Exit code 1 where they differ beyond tolerance.

    python -m pytorch_reference --run_dir DIR                        # converts the run's weights and compares
    python -m pytorch_reference --run_dir DIR --to_pytorch FILE.pt   # writes them for MTReclib's own classes, too
    python -m pytorch_reference --run_dir DIR --from_pytorch FILE.pt # compares the run with the weights in FILE.pt
    python -m pytorch_reference --run_dir DIR --from_pytorch FILE.pt --to_checkpoint OUT.ckpt
                                                                   # converts FILE.pt instead, and compares the result
    python -m pytorch_reference --curves FILE.png [KEY=VALUE ...]    # trains one model in both, with the same start,
                                                                   # batches and dropout masks, and plots the losses

Needs requirements/pytorch.txt. docs/COMPARISON.md says what is compared, and how.
"""

from __future__ import annotations

from src.command_line import parse, start_logging
from src.common.errors import UserError, run_program
from src.common.option import Option
from src.schema import SPLITS

OPTIONS = (
    Option("run_dir", "", "folder of a finished run", "path"),
    Option("to_pytorch", "", "file to write the run's weights to, for MTReclib's classes", "path"),
    Option("from_pytorch", "", "file of PyTorch weights to compare with instead of the run's", "path"),
    Option("to_checkpoint", "", "file to write the weights of --from_pytorch to, as a MindSpore checkpoint", "path"),
    Option("split", "test", "part of the data to compare on", choices=SPLITS),
    Option("tolerance", 1e-5, "largest relative difference", "number", limits={"above": 0}),
    Option("numerical", 1, "columns of MTReclib's numerical input", "whole", limits={"min": 1}),
    Option("curves", "", "file of the plot of a training in both", "path"),
    Option("adam", "pytorch", "with --curves: PyTorch's own Adam, or one with MindSpore's epsilon",
           choices=("pytorch", "mindspore")),
)


def main(arguments: list) -> None:
    """Compares a run with PyTorch, or trains one model in both.

    Raises:
        UserError: an option is missing or wrong, or PyTorch is not installed.
        SystemExit: 1, where the run differs.
    """
    given = parse(arguments, __doc__, OPTIONS, settings=True)
    if bool(given.run_dir) == bool(given.curves):
        raise UserError("give either --run_dir DIR or --curves FILE.png; see --help")
    if given.to_checkpoint and not given.from_pytorch:
        raise UserError("--to_checkpoint converts the weights of --from_pytorch FILE; give that too")
    start_logging()
    from pytorch_reference.compare import compare_run, import_torch
    import_torch()
    if given.curves:
        from pytorch_reference.curves import draw_curves
        draw_curves(given)
        return
    if not compare_run(given):
        raise SystemExit(1)


if __name__ == "__main__":
    run_program(main)

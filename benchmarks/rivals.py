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
"""A training step or an evaluation in a process of its own, that takes turns with others: ours and PyTorch's forms.

``python -m benchmarks.rivals FORM BACKBONE SHAPE WHAT`` prepares, prints ``ready`` (or ``missing REASON``), and then
answers every line with a number n on standard input by the seconds per call of n calls.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.measure import ROUNDS
from benchmarks.shapes import SHAPES
from src.common.errors import UserError

FORMS = {  # name: what the tables say
    "eager": "PyTorch, eager float32", "compiled": "PyTorch, torch.compile", "autocast": "PyTorch, bfloat16 autocast",
    "float32": "ours, float32", "bf16": "ours, bf16", "half-float32": "ours, half of the fields, float32",
    "half-bf16": "ours, half of the fields, bf16"}
TORCH = ("eager", "compiled", "autocast")
WARM = 2  # calls before any counts: compiling, and pages that nothing touched before


def take_turns(forms: Sequence[str], backbone: str, shape: str, what: str, calls: int,
               rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds per call of every form, by its name in FORMS, in rounds that take them in turn; what is missing is left
    out.

    Args:
        what: train or evaluate.
        calls: calls in a row of every form in every round.
    """
    workers = {}
    try:
        for form in forms:
            worker = _start(form, backbone, shape, what)
            said = _answer(worker, form)
            if said.startswith("missing"):
                print(f"{FORMS[form]} is left out: {said.partition(' ')[2]}", file=sys.stderr)
                worker.kill()
            else:
                workers[FORMS[form]] = worker
        seconds: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                worker.stdin.write(f"{calls}\n")
                worker.stdin.flush()
                seconds[name].append(float(_answer(worker, name)))
        return seconds
    finally:
        for worker in workers.values():
            worker.kill()


def _start(form: str, backbone: str, shape: str, what: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.rivals", form, backbone, shape, what], text=True,
                            cwd=Path(__file__).resolve().parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def _answer(worker: subprocess.Popen, name: str) -> str:
    """The worker's next line that is an answer."""
    for line in worker.stdout:
        if line.startswith(("ready", "missing", "seconds ")):
            return line.removeprefix("seconds ").strip()
    last = (worker.stderr.read().strip().splitlines() or ["no message"])[-1]
    raise UserError(f"the measurement of {name} failed: {last}")


def prepare_form(form: str, backbone: str, shape: str, what: str) -> Callable[[], object]:
    """What is to be measured.

    Raises:
        UserError: PyTorch is missing, or this machine has no bf16.
    """
    from benchmarks import steps
    from src.training import choose_device, set_products

    config = steps.sized_config(backbone, shape)
    split = steps.Synthetic(steps.BATCHES * config.batch_size, SHAPES[shape])
    if form in TORCH:
        train, evaluate = steps.torch_steps(config, SHAPES[shape], split, form)
        return train if what == "train" else evaluate
    choose_device("CPU")
    set_products(form.rpartition("-")[2])
    make = steps.our_step if what == "train" else steps.our_evaluation
    return make(config, SHAPES[shape], split, form.startswith("half"))


def main(arguments: Sequence[str]) -> None:
    """Answers the lines of standard input until it ends."""
    try:
        call = prepare_form(*arguments)
        for _ in range(WARM):
            call()
    except Exception as error:  # torch.compile raises whatever its compiler meets
        print("missing", " ".join(str(error).split())[:200], flush=True)
        return
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        for _ in range(int(line)):
            call()
        print("seconds", (time.perf_counter() - began) / int(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

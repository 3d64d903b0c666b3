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
"""Time of a training step on a card: ours, or PyTorch's, each in the Python that has it.

    $MULTISFS_PYTHON -m tools.gpu.speed ours GPU kuairand mmoe      # or movielens; any backbone
    python3 -m tools.gpu.speed pytorch cuda kuairand mmoe           # needs PyTorch and NumPy alone

One line a form: milliseconds a step (median and range), rows/s, and the most memory of the device where the library
says so. Ours in float32 and float16; PyTorch, the reference's network, eager in float32, with TF32, with bfloat16 and
float16 autocast, and compiled in float32 and bfloat16. Every step takes its rows from the host and gives it its loss.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.shapes import SHAPES, SIZES

WARM, ROUNDS, STEPS = 5, 10, 20  # steps before any count; measurements; steps of each
BATCHES = 16  # of rows that are drawn, over and over
DEFAULTS = {"embedding_dim": 64, "bottom_dims": (512, 256), "tower_dims": (128, 64), "experts": 8, "batch_size": 2048}
# name: TF32, type of autocast, whether torch.compile
TORCH_FORMS = {"eager float32": (False, None, False), "eager TF32": (True, None, False),
               "bfloat16 autocast": (True, "bfloat16", False), "float16 autocast": (True, "float16", False),
               "compiled TF32": (True, None, True), "compiled bfloat16": (True, "bfloat16", True)}


def our_forms(device: str, shape: str, backbone: str) -> Iterator[tuple[str, int, Callable, Callable]]:
    """Yields (name, rows a step, a step, memory in bytes or None) of our forms."""
    import mindspore as ms

    from benchmarks.steps import Synthetic, our_step, sized_config
    from src.training import choose_device

    choose_device(device)
    config = sized_config(backbone, shape)
    split = Synthetic(BATCHES * config.batch_size, SHAPES[shape])

    def memory() -> int | None:
        try:
            return ms.runtime.max_memory_allocated() or None
        except (AttributeError, RuntimeError, ValueError):  # not every version and device tells
            return None

    for precision in ("float32", "float16"):
        yield precision, config.batch_size, our_step(config.replace(precision=precision), SHAPES[shape], split), memory


def torch_forms(device: str, shape: str, backbone: str) -> Iterator[tuple[str, int, Callable, Callable]]:
    """The same of PyTorch's."""
    import torch

    sizes = {**DEFAULTS, **SIZES[shape]}
    rows = sizes["batch_size"]
    rng = np.random.default_rng(0)
    ids = torch.from_numpy(np.stack([rng.integers(0, size, BATCHES * rows) for size in SHAPES[shape]], 1))
    labels = torch.from_numpy(rng.integers(0, 2, (BATCHES * rows, 2)).astype(np.float32))

    def memory():
        return torch.cuda.max_memory_allocated() if device == "cuda" else None

    for name, form in TORCH_FORMS.items():
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        yield name, rows, _torch_step(device, backbone, shape, ids, labels, form), memory


def _torch_step(device: str, backbone: str, shape: str, ids, labels, form: tuple) -> Callable[[], None]:
    import torch

    from pytorch_reference.networks.models import BACKBONES, Shape, total_loss

    tf32, cast, compiled = form
    torch.backends.cuda.matmul.allow_tf32 = tf32
    sizes = {**DEFAULTS, **SIZES[shape]}
    model = BACKBONES[backbone](Shape(SHAPES[shape], 2, sizes["embedding_dim"], sizes["bottom_dims"],
                                      sizes["tower_dims"], sizes["experts"])).to(device)
    network = torch.compile(model) if compiled else model
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, weight_decay=1e-6)
    scaler = torch.amp.GradScaler(device, enabled=cast == "float16")
    places = np.random.default_rng(1)

    def step() -> None:
        rows = torch.from_numpy(places.permutation(len(ids))[:sizes["batch_size"]])
        optimizer.zero_grad()
        with torch.autocast(device, dtype=getattr(torch, cast)) if cast else contextlib.nullcontext():
            loss = total_loss(network(ids[rows].to(device)), labels[rows].to(device))
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        loss.item()

    return step


def measure(step: Callable[[], object], warm: int = WARM, rounds: int = ROUNDS, steps: int = STEPS) -> list[float]:
    """Seconds a step, ``rounds`` of them, each the mean of some steps."""
    for _ in range(warm):
        step()
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(steps):
            step()
        found.append((time.perf_counter() - began) / steps)
    return found


def line(name: str, rows: int, seconds: list[float], memory: int | None) -> str:
    """What is printed of one form."""
    median = statistics.median(seconds)
    held = "memory unknown" if memory is None else f"{memory / 2 ** 20:,.0f} MiB"
    return (f"{name}: {median * 1000:.2f} ms ({min(seconds) * 1000:.2f}-{max(seconds) * 1000:.2f}), "
            f"{rows / median:,.0f} rows/s, {held}")


def main(arguments: list[str]) -> None:
    """Prints the lines; a form that does not run says why, and the others go on."""
    if len(arguments) != 4 or arguments[0] not in ("ours", "pytorch") or arguments[2] not in SHAPES:
        sys.exit(__doc__)
    whose, device, shape, backbone = arguments
    for name, rows, step, memory in (our_forms if whose == "ours" else torch_forms)(device, shape, backbone):
        try:
            print(line(f"{whose}, {name}", rows, measure(step), memory()), flush=True)
        except Exception as problem:  # pylint: disable=broad-exception-caught
            print(f"{whose}, {name}: {type(problem).__name__}: {' '.join(str(problem).split())[:200]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

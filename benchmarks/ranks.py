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
"""Two processes that train one model, ours and PyTorch's, one process of each beside them: they take turns.

Every form is a group of processes, started as its users start it: ours by msrun, PyTorch's DistributedDataParallel
(DDP) by torchrun. Every process prepares, and then waits on a socket; a number n that arrives there is answered by the
seconds per step of n steps. The processes of a group get it together, those of other groups wait meanwhile.

``python -m benchmarks.ranks FORM BACKBONE SHAPE SOCKET`` is one of the processes.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.measure import ROUNDS
from benchmarks.shapes import SHAPES
from src.common.environment import processor
from src.common.errors import UserError
from src.common.processes import LOCAL_RANKS, end_with

LOG = logging.getLogger(__name__)
CORES = 2  # all that a group uses, on any machine: one a process, or both of one process
WARM = 2  # steps before any counts: compiling, DDP's first buckets, and pages that nothing touched before
CALLS = {"kuairand": 1, "movielens": 20}  # steps in a row of every form in every round
FORM_COLUMNS = ["form", "ms (median)", "range", "rows/s", "÷ one process"]
RATIO_COLUMNS = ["shape", "backbone", "ours, rows/s", "DDP, rows/s", "ours ÷ DDP (range)", "sync_batch_norm ÷ DDP",
                 "one process ÷ PyTorch's", "ours, 2 ÷ 1", "DDP, 2 ÷ 1"]


class Form(NamedTuple):
    """How a model is trained: what the tables say, in how many processes, by whom, with whose batch statistics."""

    title: str
    size: int
    torch: bool = False
    synchronised: bool = False


FORMS = {
    "ours": Form("ours, 2 processes", 2),
    "ddp": Form("PyTorch DDP, 2 processes", 2, torch=True),
    "ours-sync": Form("ours, 2 processes, sync_batch_norm", 2, synchronised=True),
    "ours-one": Form("ours, 1 process", 1),
    "torch-one": Form("PyTorch, 1 process", 1, torch=True),
}


SESSIONS = (("ours", "ddp"), ("ours-sync", "ours-one", "torch-one"))  # all at once would need some 24 GB


def check_machine() -> None:
    """Refuses what could not be measured, before anything starts.

    Raises:
        UserError: PyTorch or msrun is missing, or there are too few cores.
    """
    if importlib.util.find_spec("torch") is None:
        raise UserError("the ranks suite needs PyTorch; pip install -r requirements/pytorch.txt")
    cores = len(os.sched_getaffinity(0))
    if cores < CORES:
        raise UserError(f"the ranks suite needs {CORES} cores, one for each process; here are {cores}")
    if not _msrun().exists():
        raise UserError(f"{_msrun()} does not exist; it comes with MindSpore 2.3 and later")


def take_turns(backbone: str, shape: str, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds per step of every form in FORMS, in rounds that take those of a session in turn."""
    seconds: dict[str, list[float]] = {form: [] for form in FORMS}
    for session in SESSIONS:
        groups: dict[str, Group] = {}
        try:
            for form in session:
                LOG.info("%s, %s shape: %s starts", backbone, shape, FORMS[form].title)
                groups[form] = Group(form, backbone, shape)
            for form in session * rounds:
                seconds[form].append(groups[form].seconds(CALLS[shape]))
        finally:
            for group in groups.values():
                group.end()
    return seconds


class Group:
    """The processes of one form, ready to step; a UserError if they cannot start, or prepare."""

    def __init__(self, form: str, backbone: str, shape: str):
        self.form = FORMS[form]
        self.folder = tempfile.TemporaryDirectory(prefix="ranks")
        self.server = socket.socket(socket.AF_UNIX)
        self.streams: list = []
        address = str(Path(self.folder.name) / "socket")
        self.server.bind(address)
        self.server.listen()
        self.server.settimeout(1)
        self.log = Path(self.folder.name) / "log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.launcher = subprocess.Popen(
                launch_command(self.form, self.folder.name, [form, backbone, shape, address]), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=Path(__file__).resolve().parents[1], env=_environment(self.form))
        try:
            while len(self.streams) < self.form.size:
                self._accept()
            self._answers("ready")
        except BaseException:
            self.end()
            raise

    def seconds(self, calls: int) -> float:
        """Seconds per step of so many steps: those of the slowest process."""
        for stream in self.streams:
            print(calls, file=stream, flush=True)
        return max(map(float, self._answers("seconds")))

    def end(self) -> None:
        """Ends the launcher, and with it the processes."""
        self.launcher.kill()
        self.launcher.wait()
        for stream in self.streams:
            stream.close()
        self.server.close()
        self.folder.cleanup()

    def _accept(self) -> None:
        try:
            connection, _ = self.server.accept()
        except socket.timeout:
            if self.launcher.poll() is not None:
                said = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
                last = next((line for line in reversed(said) if line.strip()), "no message")
                raise UserError(f"the measurement of {self.form.title} did not start: {last}") from None
            return
        connection.settimeout(None)
        self.streams.append(connection.makefile("rw", encoding="utf-8"))
        connection.close()  # the stream keeps it open

    def _answers(self, expected: str) -> list[str]:
        """The next answers of all processes; one that fails says why, and its launcher ends the others."""
        answers = [stream.readline().strip() for stream in self.streams]
        for answer in sorted(answers, key=lambda answer: not answer.startswith("failed")):
            if not answer.startswith(expected):
                reason = answer.removeprefix("failed ") or "a process ended without a word"
                raise UserError(f"the measurement of {self.form.title} failed: {reason}")
        return [answer.removeprefix(expected).strip() for answer in answers]


def launch_command(form: Form, folder: str, arguments: Sequence[str]) -> list[str]:
    """The command line that starts a form's processes."""
    module = ["-m", "benchmarks.ranks", *arguments]
    if form.size == 1:
        return [sys.executable, *module]
    if form.torch:
        return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={form.size}", *module]
    with socket.socket() as probe:  # a free port
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return [sys.executable, str(_msrun()), f"--worker_num={form.size}", f"--local_worker_num={form.size}",
            f"--master_port={port}", f"--log_dir={folder}", f"--tail_worker_log={form.size}", "--join=True",
            "--cluster_time_out=120", "python", *module]


def _msrun() -> Path:
    return Path(sys.executable).parent / "msrun"


def _environment(form: Form) -> dict[str, str]:
    """Ours as the scripts start it; PyTorch's with a thread for every core of its own, and the loopback between two."""
    known = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    known["PATH"] = f"{Path(sys.executable).parent}:{known.get('PATH', '')}"  # msrun starts "python"
    if form.torch:
        known.update(OMP_NUM_THREADS=str(CORES // form.size), GLOO_SOCKET_IFNAME="lo")
    return {**known, LOCAL_RANKS: str(form.size)}


def prepare_form(form: Form, backbone: str, shape: str) -> Callable[[], object]:
    """A training step of this process, which has joined the others of its group."""
    from benchmarks import steps

    config = steps.sized_config(backbone, shape).replace(sync_batch_norm=form.synchronised)
    split = steps.Synthetic(steps.BATCHES * config.batch_size * form.size, SHAPES[shape])
    if form.torch:
        return torch_step(config, SHAPES[shape], split, int(os.environ.get("RANK", "0")), form.size)
    from src.training import join_ranks, set_products

    _, ranks = join_ranks("CPU")
    set_products("float32")
    return steps.our_step(config, SHAPES[shape], split, ranks=ranks)


def torch_step(config, cardinalities: Sequence[int], split, rank: int, size: int) -> Callable[[], None]:
    """A training step of the PyTorch reference, input included, as fast as PyTorch offers it.

    DDP averages gradients in its default buckets while it computes the others. Like ours without sync_batch_norm, it
    takes batch statistics of its own rows; it does not send them around in every step either.
    """
    import torch
    from torch.nn.parallel import DistributedDataParallel

    from benchmarks.steps import reference_model, torch_training

    torch.set_num_threads(CORES // size)
    model = network = reference_model(config, cardinalities)
    if size > 1:
        torch.distributed.init_process_group("gloo")
        network = DistributedDataParallel(model, gradient_as_bucket_view=True, broadcast_buffers=False)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True)
    return torch_training(network, optimizer, split, _own_batches(split, config.batch_size, rank, size))


def _own_batches(split, batch_size: int, rank: int, size: int) -> Iterator[np.ndarray]:
    """Rows of a process's batches, without end: every epoch in another order, which all processes know."""
    rng = np.random.default_rng(0)
    while True:
        yield from rng.permutation(split.rows).reshape(-1, size, batch_size)[:, rank]


def main(arguments: Sequence[str]) -> None:
    """Answers the lines that come from the socket until it is closed."""
    form, backbone, shape, address = arguments
    end_with(os.getppid())
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    if os.environ.get("MS_ROLE") == "MS_SCHED":  # msrun's scheduler runs this too; the call ends with the job
        prepare_form(FORMS[form], backbone, shape)
        return
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        with connection.makefile("rw", encoding="utf-8") as stream:
            try:
                _serve(prepare_form(FORMS[form], backbone, shape), stream)
            except Exception as error:  # whatever it is, the table cannot be made: the other side says so
                print("failed", " ".join(str(error).split())[:200], file=stream, flush=True)
                sys.exit(1)


def _serve(step: Callable[[], object], stream) -> None:
    for _ in range(WARM):
        step()
    print("ready", file=stream, flush=True)
    for line in stream:
        began = time.perf_counter()
        for _ in range(int(line)):
            step()
        print("seconds", (time.perf_counter() - began) / int(line), file=stream, flush=True)


class Pair(NamedTuple):
    """One backbone on one shape, measured: rows of a process's batch, and seconds per step of every form by round."""

    shape: str
    backbone: str
    batch: int
    seconds: Mapping[str, Sequence[float]]

    def speed(self, form: str) -> float:
        """Rows per second of all processes of a form."""
        return FORMS[form].size * self.batch / float(np.median(self.seconds[form]))

    def ratios(self, form: str = "ours", peer: str = "ddp") -> np.ndarray:
        """How many times as fast as its peer a form of equally many processes was, in every round."""
        return np.array(self.seconds[peer]) / np.array(self.seconds[form])


def form_rows(pair: Pair) -> list[list[str]]:
    """Table rows of one backbone: form, time of a step and its range in milliseconds, rows per second, and times the
    speed of one process."""
    rows = []
    for form, known in FORMS.items():
        milliseconds = np.array(pair.seconds[form]) * 1e3
        one = pair.speed("torch-one" if known.torch else "ours-one")
        rows.append([known.title, f"{np.median(milliseconds):.0f}", f"{min(milliseconds):.0f}-{max(milliseconds):.0f}",
                     f"{pair.speed(form):,.0f}", f"{pair.speed(form) / one:.2f}"])
    return rows


def ratio_rows(pairs: Sequence[Pair]) -> list[list[str]]:
    """Table rows over all backbones, where ours is slowest against DDP first."""
    rows = []
    for pair in sorted(pairs, key=lambda pair: np.median(pair.ratios())):
        ratios = pair.ratios()
        rows.append([pair.shape, pair.backbone, f"{pair.speed('ours'):,.0f}", f"{pair.speed('ddp'):,.0f}",
                     f"{np.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
                     f"{np.median(pair.ratios('ours-sync')):.2f}",
                     f"{np.median(pair.ratios('ours-one', 'torch-one')):.2f}",
                     f"{pair.speed('ours') / pair.speed('ours-one'):.2f}",
                     f"{pair.speed('ddp') / pair.speed('torch-one'):.2f}"])
    return rows


def measure_ranks(table: Callable[[str, list[str], list[list[str]]], None], backbones: Sequence[str],
                  shapes: Sequence[str], rounds: int = ROUNDS) -> dict:
    """Measures, prints by way of ``table(title, columns, rows)``, and returns what goes into benchmark.json."""
    check_machine()
    from benchmarks.steps import sized_config

    found: dict = {"processor": processor(), "seconds": {}}
    print(f"processor: {found['processor']}; {CORES} cores are used")
    pairs = []
    for shape in shapes:
        for backbone in backbones:
            pair = Pair(shape, backbone, sized_config(backbone, shape).batch_size, take_turns(backbone, shape, rounds))
            table(f"Training step: {backbone}, {shape} shape, batches of {pair.batch} a process", FORM_COLUMNS,
                  form_rows(pair))
            found["seconds"][f"{shape} {backbone}"] = dict(pair.seconds)
            pairs.append(pair)
    table("Two processes against PyTorch DDP's two, batch statistics of each process unless it says sync_batch_norm; "
          "medians over rounds", RATIO_COLUMNS, ratio_rows(pairs))
    return found


if __name__ == "__main__":
    main(sys.argv[1:])

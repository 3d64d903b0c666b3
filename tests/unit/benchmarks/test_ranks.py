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
"""Two processes against PyTorch's two: the turns, with stand-ins for the processes, the tables, and the refusals."""

import importlib.util
import io
import os
import sys

import numpy as np
import pytest

from benchmarks import ranks
from benchmarks.shapes import SHAPES
from benchmarks.steps import Synthetic, our_step, torch_steps
from src.common.errors import UserError
from src.settings import load_settings

SMALL = ["backbone=esmm", "embedding_dim=8", "bottom_dims=[16]", "tower_dims=[4]", "batch_size=32"]
# Stands in for a launcher and its two processes: two connections, one of which takes twice as long as the other.
TWO = """
import socket, sys
streams = []
for _ in range(2):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    streams.append(connection.makefile("rw"))
for stream, said in zip(streams, %r):
    print(said, file=stream, flush=True)
while True:
    for number, stream in enumerate(streams):
        print("seconds", (number + 1) * float(stream.readline()), file=stream, flush=True)
"""


def stand_in(monkeypatch, code):
    monkeypatch.setattr(ranks, "launch_command", lambda form, folder, arguments: [sys.executable, "-S", "-c", code,
                                                                                  arguments[-1]])


def seconds(ours, ddp, sync=0.4, one=0.1, torch_one=0.2):
    return {form: [value] * 3 for form, value in zip(ranks.FORMS, (ours, ddp, sync, one, torch_one))}


def test_a_step_takes_as_long_as_its_slowest_process(monkeypatch):
    stand_in(monkeypatch, TWO % (("ready", "ready"),))
    group = ranks.Group("ours", "esmm", "movielens")
    try:
        assert group.seconds(3) == 6 and group.seconds(5) == 10
    finally:
        group.end()
    assert group.launcher.returncode is not None and not os.path.exists(group.folder.name)


@pytest.mark.parametrize("code, words", [
    (TWO % (("ready", "failed no memory"),), "PyTorch DDP, 2 processes failed: no memory"),
    ("raise SystemExit('no such program')", "PyTorch DDP, 2 processes did not start: no such program"),
    (TWO.replace("while True:", "raise SystemExit\nwhile True:") % (("ready", ""),), "failed: a process ended without"),
])
def test_a_group_that_fails_says_why(monkeypatch, code, words):
    stand_in(monkeypatch, code)
    with pytest.raises(UserError, match=words):
        ranks.Group("ddp", "esmm", "movielens")


def test_forms_take_turns_and_all_are_ended(monkeypatch):
    calls = []

    class Turn:
        def __init__(self, form, backbone, shape):
            self.form = form

        def seconds(self, steps):
            calls.append((self.form, steps))
            return len(calls)

        def end(self):
            calls.append(self.form)

    monkeypatch.setattr(ranks, "Group", Turn)
    found = ranks.take_turns("mmoe", "movielens", rounds=2)
    steps = ranks.CALLS["movielens"]
    assert calls == [call for forms in ranks.SESSIONS for call in [(form, steps) for form in forms] * 2 + list(forms)]
    assert found["ours"] == [1, 3] and found["ddp"] == [2, 4] and list(found) == list(ranks.FORMS)
    assert {form for forms in ranks.SESSIONS for form in forms} == set(ranks.FORMS)


def test_a_process_answers_with_seconds_a_step():
    steps, said = [], io.StringIO()

    class Stream:
        write, flush = said.write, said.flush

        def __iter__(self):
            return iter(["2\n", "3\n"])

    ranks._serve(lambda: steps.append(1), Stream())
    assert len(steps) == ranks.WARM + 5
    assert [line.split()[0] for line in said.getvalue().splitlines()] == ["ready", "seconds", "seconds"]


def test_processes_share_an_epoch_of_rows():
    split = Synthetic(32, (3, 5))
    own = [ranks._own_batches(split, 4, rank, 2) for rank in range(2)]
    epochs = [np.concatenate([next(batches) for _ in range(4) for batches in own]) for _ in range(2)]
    assert all(sorted(rows) == list(range(32)) for rows in epochs) and not np.array_equal(*epochs)


def test_every_form_is_started_by_its_own_launcher():
    commands = {name: " ".join(ranks.launch_command(form, "logs", [name])) for name, form in ranks.FORMS.items()}
    assert "msrun --worker_num=2 --local_worker_num=2 " in commands["ours"]
    assert commands["ours-sync"].endswith("python -m benchmarks.ranks ours-sync")
    assert "torch.distributed.run --standalone --nproc_per_node=2 -m benchmarks.ranks ddp" in commands["ddp"]
    assert commands["torch-one"] == f"{sys.executable} -m benchmarks.ranks torch-one"


def test_threads_are_set_for_pytorch_and_left_alone_for_ours(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    threads = {name: ranks._environment(form).get("OMP_NUM_THREADS") for name, form in ranks.FORMS.items()}
    assert threads == {"ours": None, "ours-sync": None, "ours-one": None, "ddp": "1", "torch-one": "2"}


def test_tables_by_hand(monkeypatch, capsys):
    times = {("movielens", "mmoe"): seconds(0.2, 0.3), ("movielens", "ple"): seconds(0.2, 0.1),
             ("kuairand", "mmoe"): seconds(0.2, 0.2), ("kuairand", "ple"): seconds(0.2, 0.4)}
    monkeypatch.setattr(ranks, "check_machine", lambda: None)
    monkeypatch.setattr(ranks, "take_turns", lambda backbone, shape, rounds: times[shape, backbone])
    tables = []
    found = ranks.measure_ranks(lambda *table: tables.append(table), ("mmoe", "ple"), ("movielens", "kuairand"))
    assert [table[0].split(",")[0] for table in tables[:4]] == [f"Training step: {b}" for b in ("mmoe", "ple") * 2]
    assert tables[0][2][:2] == [["ours, 2 processes", "200", "200-200", "10,240", "1.00"],
                                ["PyTorch DDP, 2 processes", "300", "300-300", "6,827", "1.33"]]
    assert [row[:2] + row[4:5] for row in tables[4][2]] == [
        ["movielens", "ple", "0.50 (0.50-0.50)"], ["kuairand", "mmoe", "1.00 (1.00-1.00)"],
        ["movielens", "mmoe", "1.50 (1.50-1.50)"], ["kuairand", "ple", "2.00 (2.00-2.00)"]]
    assert tables[4][2][0][5:] == ["0.25", "2.00", "1.00", "4.00"]
    assert all(len(row) == len(columns) for _, columns, rows in tables for row in rows)
    assert found["seconds"]["kuairand ple"] == times["kuairand", "ple"]
    assert capsys.readouterr().out.startswith("processor: ")


def test_a_machine_that_cannot_measure_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="the ranks suite needs PyTorch; pip install -r requirements/pytorch.txt"):
        ranks.check_machine()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    with pytest.raises(UserError, match="the ranks suite needs 2 cores, one for each process; here are 1"):
        ranks.check_machine()
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    monkeypatch.setattr(ranks, "_msrun", lambda: ranks.Path("nowhere/msrun"))
    with pytest.raises(UserError, match="nowhere/msrun does not exist"):
        ranks.check_machine()


def test_the_sizes_of_both_shapes_have_a_number_of_calls():
    assert set(ranks.CALLS) == set(SHAPES)


def test_pytorchs_steps_train(monkeypatch):
    torch = pytest.importorskip("torch")
    config, split = load_settings(SMALL), Synthetic(128, (3, 5, 40))
    from pytorch_reference.networks import models

    losses, total_loss = [], models.total_loss
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)  # it would stay so for the tests after this
    monkeypatch.setattr(models, "total_loss", lambda *given: losses.append(total_loss(*given)) or losses[-1])
    step, (train, _) = ranks.torch_step(config, (3, 5, 40), split, 0, 1), torch_steps(config, (3, 5, 40), split)
    for _ in range(3):
        step()
        train()
    assert len({loss.item() for loss in losses}) == 6


def test_our_step_of_one_rank_is_the_step_of_none():
    from src.training import Ranks

    config, split = load_settings(SMALL), Synthetic(128, (3, 5, 40))
    alone, one = our_step(config, (3, 5, 40), split), our_step(config, (3, 5, 40), split, ranks=Ranks())
    assert [float(alone()) for _ in range(3)] == [float(one()) for _ in range(3)]

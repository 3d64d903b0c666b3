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
"""Damaged files: cut, flipped, zeroed, emptied, removed, replaced by a folder, or by another file of their kind.

A command that reads the file has to say so in one line and exit with code 2, or to give the result of an undamaged
copy. A result that differs, without a word, is silent acceptance.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from src.common.files import read_json
from tools.faults.lab import Ended, Lab, Tried

KINDS = ("cut", "flip", "flip", "flip", "zero", "empty", "remove", "folder", "other")
OF_TABLES = ("short row", "separator", "newline", "header", "zero", "empty", "remove", "folder")
OF_DESCRIPTIONS = ("zero", "empty", "remove", "folder")  # most other changes make a legal other description
DAMAGED, TRIED = "damaged", "tried"


@dataclass(frozen=True)
class Target:
    """A kind of file, and the command that reads it.

    Attributes:
        fault: row of the table.
        source: folder below the lab's that is copied and damaged.
        files: glob patterns below it, apart by blanks.
        command: from the Lab, the program and its arguments; it finds the copy at ``DAMAGED``, a run at
            ``runs/DAMAGED``, and may write to ``TRIED``, a run to ``runs/TRIED``.
        result: what the command came to, to be compared with that of an undamaged copy.
        kinds: of damage.
    """

    fault: str
    source: str
    files: str
    command: Callable[[Lab], tuple[str, list]]
    result: Callable[[Lab, Ended], Any]
    kinds: tuple = KINDS

    @property
    def place(self) -> str:
        return f"runs/{DAMAGED}" if self.source.startswith("runs/") and "/export" not in self.source else DAMAGED


def _trained(run: str) -> Callable[[Lab, Ended], Any]:
    return lambda lab, ended: lab.fingerprint(lab.folder / "runs" / run)


def _prepared(name: str) -> Callable[[Lab, Ended], Any]:
    return lambda lab, ended: lab.tree(lab.folder / name)


def _printed(lab: Lab, ended: Ended) -> str:
    return ended.out


def _signature(lab: Lab, ended: Ended) -> dict:
    """Without the model file's checksum: MindSpore does not write the same file twice."""
    return {**read_json(lab.folder / TRIED / "signature.json"), "model": None}


def _train_on_damaged(lab: Lab) -> tuple[str, list]:
    return lab.train(TRIED, f"data_dir={DAMAGED}")


def _resume(lab: Lab) -> tuple[str, list]:
    return lab.train(DAMAGED)


def _evaluate(lab: Lab) -> tuple[str, list]:
    return "eval", ["--run_dir", f"runs/{DAMAGED}", "progress=false"]


def _export(lab: Lab) -> tuple[str, list]:
    return "export", ["--run_dir", "runs/whole", "--output_dir", TRIED, f"data_dir={DAMAGED}"]


def _predict(lab: Lab) -> tuple[str, list]:
    return "predict", ["--model", DAMAGED, "--input", "data.csv"]


def _prepare_damaged(lab: Lab) -> tuple[str, list]:
    return lab.prepare(TRIED, raw=f"{DAMAGED}/data.csv", table=f"{DAMAGED}/table.yaml")


WHOLE, HALF, MODEL = "runs/whole", "runs/half", "model"
TARGETS = [
    Target("shards of a prepared set", "set", "*.npy", _train_on_damaged, _trained(TRIED)),
    Target("schema.json of a prepared set", "set", "schema.json*", _train_on_damaged, _trained(TRIED)),
    Target("vocabularies of a prepared set", "set", "vocab/*.json", _export, _signature),
    Target("inputs.json of a prepared set", "set", "inputs.json", lambda lab: lab.prepare(DAMAGED), _prepared(DAMAGED)),
    Target("last and previous checkpoint", HALF, "last.ckpt* previous.ckpt*", _resume, _trained(DAMAGED)),
    Target("JSON and YAML of an unfinished run", HALF, "*.json* history.jsonl* config.yaml", _resume,
           _trained(DAMAGED)),
    Target("JSON and YAML of an unfinished run", HALF, "selection.json*", _resume, _trained(DAMAGED)),
    Target("best checkpoint", WHOLE, "best.ckpt*", _evaluate, _printed),
    Target("selection.json, config.yaml of a finished run", WHOLE, "selection.json* config.yaml", _evaluate,
           _printed),
    Target("metrics.json", WHOLE, "metrics.json*", _resume, _printed),
    Target("metrics.json", WHOLE, "metrics.json* config.yaml", lambda lab: ("report", [f"runs/{DAMAGED}"]),
           _printed),
    Target("exported model and signature.json", MODEL, "*", _predict, _printed),
    Target("raw table", "raw", "data.csv", _prepare_damaged, _prepared(TRIED), OF_TABLES),
    Target("description of a raw table", "raw", "table.yaml", _prepare_damaged, _prepared(TRIED), OF_DESCRIPTIONS),
]


def corrupt(lab: Lab, stage: str, index: int) -> Tried:
    """Damages one file of a copy and gives the command that reads it."""
    make_sources(lab)
    draw, number = lab.draw(stage, index), index % len(TARGETS)
    target = TARGETS[number]
    if number not in lab.expected:
        lab.expected[number] = _try(lab, target)[1]
    kind = draw.choice(target.kinds)
    copy = lab.fresh(target.place, target.source)
    victim = draw.choice(sorted(path for pattern in target.files.split() for path in copy.glob(pattern)))
    what = f"{kind} {victim.relative_to(copy)}{_damage(lab, victim, kind, draw)}"
    ended, result = _try(lab, target)
    return Tried(target.fault, *judge(ended, result, lab.expected[number], what))


def _try(lab: Lab, target: Target) -> tuple[Ended, Any]:
    """Gives the command; returns how it ended and its result, or None where it did not end well."""
    if not (lab.folder / target.place).exists():
        lab.fresh(target.place, target.source)
    for name in (TRIED, f"runs/{TRIED}"):
        lab.fresh(name)
    ended = lab.call(*target.command(lab))
    try:
        return ended, target.result(lab, ended) if ended.code == 0 else None
    finally:
        lab.fresh(target.place)


def judge(ended: Ended, result: Any, expected: Any, what: str) -> tuple[str, str]:
    """The outcome of a command, see ``Tried``, and its details."""
    if ended.clear:
        return "clear", f"{what}: {ended.last}"
    if ended.code == 0 and "Traceback" not in ended.errors:
        return ("recovered", what) if result == expected else ("silent", f"{what}: accepted, with another result")
    return "hang" if ended.code == -signal.SIGKILL else "traceback", f"{what}: exit code {ended.code}, {ended.last}"


def make_sources(lab: Lab) -> None:
    """What is damaged besides the lab's own: half a run, an exported model, raw files; and others of their kind."""
    if lab.expected:
        return
    lab.call(*lab.train("half"), before=_die_after_two_epochs)
    lab.call("export", ["--run_dir", WHOLE, "--output_dir", MODEL])
    lab.call(*lab.train("other-run", "seed=7"))
    lab.call(*lab.prepare("other-set", table="other.yaml"))
    lab.fresh("raw").mkdir()
    for name in ("data.csv", "table.yaml"):
        shutil.copy2(lab.folder / name, lab.folder / "raw")
    lab.expected["made"] = True


def _die_after_two_epochs() -> None:
    """Kills this process when the second epoch's last.ckpt and its checksum are written."""
    replace, names = os.replace, []

    def counted(source, target):
        replace(source, target)
        names.append(Path(target).name)
        if names.count("last.ckpt.sha256") == 4:  # each time before and after the checkpoint's own rename
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = counted


def _damage(lab: Lab, path: Path, kind: str, draw: random.Random) -> str:
    """Damages a file; returns where, in words."""
    content = path.read_bytes()
    if kind in ("remove", "folder"):
        path.unlink()
        if kind == "folder":
            path.mkdir()
        return ""
    if kind == "other":
        places = [lab.folder / "other-set", lab.folder / "runs" / "other-run"]
        others = [other for folder in (path.parent, *places) for other in sorted(folder.rglob(f"*{path.suffix}"))
                  if other.is_file() and other.read_bytes() != content]
        other = draw.choice(others) if others else path.with_name("signature.json")
        path.write_bytes(other.read_bytes())
        return f" is {other.relative_to(lab.folder)}"
    changed, where = _changed(content, kind, draw)
    path.write_bytes(changed)
    return f" at {where}"


def _changed(content: bytes, kind: str, draw: random.Random) -> tuple[bytes, str]:
    """Another content, and where it differs."""
    if kind == "empty" or len(content) < 2:
        return b"", "0"
    if kind in ("cut", "short row"):
        at = draw.randrange(len(content))
        if kind == "short row":  # just after one of its first separators
            start = content.rindex(b"\n", 0, max(at, len(content) // 2))
            at = content.index(b",", start) + 1
        return content[:at], str(at)
    damaged = bytearray(content)
    if kind == "zero":
        at, length = draw.randrange(max(1, len(content) - 64)), draw.choice((64, 512))
        damaged[at:at + length] = bytes(len(damaged[at:at + length]))
        return (bytes(damaged), f"{at}") if damaged != content else _changed(content, "flip", draw)
    bytes_at = {"separator": b",", "newline": b"\n"}.get(kind)
    places = [at for at in range(len(content) - 1) if bytes_at is None or content[at:at + 1] == bytes_at]
    at = draw.choice(places[:content.index(b"\n")] if kind == "header" else places)
    if bytes_at is not None:
        damaged[at] = ord("x")
    else:
        damaged[at] ^= 1 << draw.randrange(8)
    return bytes(damaged), str(at)

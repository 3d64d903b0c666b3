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
"""Whole files in the wrong place: other data under a run, files of another run, values changed and sealed again.

Every file matches its checksum, so that only what it says about itself can tell. The command has to end with one clear
line: there is no result that would be right.
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np

from src.common.files import digest_file, sha256, write_json, write_sealed
from src.schema import SPLITS
from tools.faults.corruptions import judge, make_sources
from tools.faults.lab import Lab, Tried

RUN, SET = "runs/mixed", "mixed-set"
OTHERS = ("other-run", "other-rate", "other-data")  # another seed, another learning rate, another data set


@dataclass(frozen=True)
class Mixup:
    """A kind of mix-up, and the command that has to notice it.

    Attributes:
        fault: row of the table.
        run: the run that is copied to ``RUN``: whole, or half.
        mix: does it to the copies, ``RUN`` and ``SET``; returns what it did, in words.
        command: from the Lab, the program and its arguments.
    """

    fault: str
    run: str
    mix: Callable[[Lab, random.Random], str]
    command: Callable[[Lab], tuple[str, list]]


def mix_up(lab: Lab, stage: str, index: int) -> Tried:
    """Mixes up one thing and gives the command that uses it."""
    _make_others(lab)
    draw, mixup = lab.draw(stage, index), MIXUPS[index % len(MIXUPS)]
    lab.fresh(RUN, f"runs/{mixup.run}")
    lab.fresh(SET, "set")
    what = mixup.mix(lab, draw)
    ended = lab.call(*mixup.command(lab))
    for name in (RUN, SET):
        lab.fresh(name)
    return Tried(mixup.fault, *judge(ended, "accepted", "refused", what))


def _make_others(lab: Lab) -> None:
    make_sources(lab)
    if "others" not in lab.expected:
        lab.call(*lab.train("other-rate", "learning_rate=0.01"))
        lab.call(*lab.train("other-data", "data_dir=other-set"))
        lab.expected["others"] = True


def _nothing(lab: Lab, draw: random.Random) -> str:
    return "other-set in place of set"


def _prepared_again(lab: Lab, draw: random.Random) -> str:
    """Another set under the name that the run's config.yaml has."""
    config = lab.folder / RUN / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("data_dir: set\n", f"data_dir: {SET}\n"),
                      encoding="utf-8")
    lab.fresh(SET, "other-set")
    return "the set was prepared again with another split"


def _file_of(name: str) -> Callable[[Lab, random.Random], str]:
    """Copies a file and its checksum from another run."""
    def mix(lab: Lab, draw: random.Random) -> str:
        # One seed gives one selection, whatever the learning rate.
        other = draw.choice([run for run in OTHERS if run != "other-rate" or name != "selection.json"])
        target = lab.folder / RUN / name
        for path in (target, digest_file(target)):
            shutil.copy(lab.folder / "runs" / other / path.name, path)
        return f"{name} is that of {other}"
    return mix


def _selection(lab: Lab, draw: random.Random) -> str:
    """Changes selection.json and seals it again."""
    path = lab.folder / RUN / "selection.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    key = draw.choice(("fields", "tasks", "selected", "shared"))
    if key == "selected":
        task = draw.choice(value["tasks"])
        value["selected"][task].pop()
    elif key == "shared":
        value["shared"].pop()
    else:
        value[key] = value[key][::-1]
    write_json(path, value, sealed=True)
    return f"{key} of selection.json changed and sealed"


def _shard(lab: Lab, draw: random.Random) -> str:
    """Writes a value that no shard may hold, and every checksum again."""
    folder = lab.folder / SET
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    split = draw.choice(SPLITS)
    shard, kind = schema["shards"][split][0], draw.choice(("ids", "labels"))
    array = np.load(folder / shard[kind])
    row, column = draw.randrange(len(array)), draw.randrange(array.shape[1])
    size = schema["fields"][column]["cardinality"] if kind == "ids" else 2
    value = draw.choice((size, size + 100, -1) if kind == "ids" else (2, 255))
    array[row, column] = value
    np.save(folder / shard[kind], array)
    shard[f"{kind}_sha256"] = sha256(folder / shard[kind])
    _seal_schema(folder, schema)
    return f"{kind} of {split} hold {value} in row {row}, column {column}, and are sealed"


def _schema(lab: Lab, draw: random.Random) -> str:
    """Changes a value of schema.json to one that it may not hold, and seals it again."""
    folder = lab.folder / SET
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    number, (key, value) = draw.randrange(len(schema["fields"])), draw.choice(BAD_VALUES)
    schema["fields"][number][key] = value
    _seal_schema(folder, schema)
    return f"{key} of field {number} is {value!r} and sealed"


BAD_VALUES: tuple[tuple[str, Any], ...] = (
    ("cardinality", 0), ("cardinality", -3), ("cardinality", "151"), ("cardinality", 2), ("cardinality", None),
    ("name", None), ("name", 5), ("vocabulary", "../../data.csv"))


def _seal_schema(folder: Path, schema: dict) -> None:
    write_sealed(folder / "schema.json", json.dumps(schema, indent=2, ensure_ascii=False) + "\n")


def _train(*more: str) -> Callable[[Lab], tuple[str, list]]:
    return lambda lab: lab.train("mixed", *more)


def _with_run(program: str, *more: str) -> Callable[[Lab], tuple[str, list]]:
    return lambda lab: (program, ["--run_dir", RUN, *more])


def _start(lab: Lab) -> tuple[str, list]:
    lab.fresh("runs/tried")
    return lab.train("tried", f"data_dir={SET}")


DATA, FOREIGN, SEALED = "other data under a run", "files of another run", "changed and sealed again"
EXPORTED = ("--output_dir", "tried")
MIXUPS = [
    Mixup(DATA, "half", _nothing, _train("data_dir=other-set")),
    Mixup(DATA, "whole", _nothing, _train("data_dir=other-set")),
    Mixup(DATA, "whole", _prepared_again, _with_run("eval")),
    Mixup(DATA, "whole", _prepared_again, _with_run("export", *EXPORTED)),
    Mixup(DATA, "whole", _prepared_again, _with_run("report")),
    Mixup(FOREIGN, "whole", _file_of("best.ckpt"), _with_run("eval")),
    Mixup(FOREIGN, "whole", _file_of("best.ckpt"), _with_run("export", *EXPORTED)),
    Mixup(FOREIGN, "half", _file_of("last.ckpt"), _train()),
    Mixup(FOREIGN, "whole", _file_of("metrics.json"), _train()),
    Mixup(FOREIGN, "whole", _file_of("metrics.json"), _with_run("report")),
    Mixup(FOREIGN, "half", _file_of("selection.json"), _train()),
    Mixup(FOREIGN, "whole", _file_of("selection.json"), _with_run("eval")),
    Mixup(SEALED, "half", _selection, _train()),
    Mixup(SEALED, "whole", _selection, _with_run("eval")),
    Mixup(SEALED, "whole", _shard, _start),
    Mixup(SEALED, "whole", _schema, _start),
    Mixup(SEALED, "whole", _shard, _with_run("eval", f"data_dir={SET}")),
]

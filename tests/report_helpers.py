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
"""Made-up runs for the tests of reports, and a parser of pages."""

from __future__ import annotations

import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from src.common.files import write_json, write_text
from src.evaluation import Predictions
from src.report.facts import Facts
from src.run import RunFolder
from src.schema import Field, Schema, Task
from tests.helpers import make_selection

HOSTILE = ['<script>alert("1")</script>', "a' onclick='x", "$\\frac$", "</style>", "数据", "_hidden", "a\u202eb\x1b\n",
           "{{ 7 * 7 }}"]


class Page(HTMLParser):
    """The tags of a page, its text, and its tables by caption as lists of rows of text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.words, self.tables, self.rows, self.open = [], [], {}, [], []
        self.feed(text)
        self.text = " ".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "table":
            self.rows = []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} closes nothing"

    def handle_data(self, data):
        self.words.append(data)
        if self.open and self.open[-1] == "caption":
            self.tables[data] = self.rows
        elif {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def make_facts(tasks: int = 2, fields: int = 6, names: list | None = None, **changes) -> Facts:
    names = names or [f"f{i}" for i in range(fields)]
    labels = [f"t{i}" for i in range(tasks)]
    schema = Schema("toy", tuple(Field(name, 1000 + i, source=("raw",)) for i, name in enumerate(names)),
                    tuple(Task(label, {"train": 0.25, "valid": 0.125, "test": None}) for label in labels),
                    {"train": 80123, "valid": 10, "test": 0}, {}, 1, ({"step": "rows read", "rows": 80133},))
    half = {label: tuple(names[t % 2:][:len(names) // 2]) for t, label in enumerate(labels)}
    selection = dataclasses.replace(
        make_selection(schema, half, names[:1]), selector="multisfs", settings={"chance": 3.0, "score": "calibrated"},
        scores={label: {name: 50.5 / (1 + i) + t for i, name in enumerate(names)} for t, label in enumerate(labels)})
    entry = {label: {"auc": 0.71234 + t / 100, "logloss": 0.5 + t / 100} for t, label in enumerate(labels)}
    metrics = {"valid": entry, "test": entry, "mean_auc": 0.71234, "parameters": 123456, "embedding_parameters": 99,
               "best_epoch": 2, "epochs": 2, "train_rows_per_second": None, "peak_memory_mb": 812.5,
               "seconds": {"select": 1.0, "train": 2.5}, "device": "CPU", "seed": 42}
    history = [{"epoch": epoch, "train_loss": 1.25 / epoch, "valid": entry} for epoch in (1, 2)]
    config = {"dataset": "toy", "selector": "multisfs", "selection": "none", "seed": 42, "learning_rate": 0.000123456}
    env = {"command": ["train.py", "--tasks", "a b"], "packages": {"numpy": "1.26.4"}}
    facts = Facts(Path("runs/one"), config, env, schema, selection, history, metrics)
    return dataclasses.replace(facts, **changes)


def write_run(folder: Path, facts: Facts, name: str = "one", **config) -> RunFolder:
    run = RunFolder(folder / name)
    run.path.mkdir(parents=True)
    write_text(run.path / "config.yaml", json.dumps({**facts.config, "data_dir": "auto", **config}))
    for file, value in (("env", facts.env), ("metrics", facts.metrics), ("selection", facts.selection.to_json())):
        write_json(run.path / f"{file}.json", value)
    run.write_history(facts.history)
    return run


def write_history(run: RunFolder, facts: Facts) -> None:
    run.write_history([{**record, "valid": facts.metrics["valid"], "mean_auc": 0.5 + 0.1 * record["epoch"]}
                       for record in facts.history])


def all_kept(facts: Facts) -> Facts:
    kept = {task: facts.selection.fields for task in facts.selection.tasks}
    return dataclasses.replace(facts, selection=dataclasses.replace(
        facts.selection, selector="none", selected=kept, scores=None, settings={}))


def predicted(facts: Facts, rows: int = 400, noise: float = 1.0, seed: int = 0) -> dict[str, Predictions]:
    rng = np.random.default_rng(seed)
    labels = (np.random.default_rng(9).random((rows, len(facts.selection.tasks))) < 0.4).astype(np.uint8)
    logits = (labels + noise * rng.normal(size=labels.shape)).astype(np.float32)
    return {split: Predictions(logits, labels) for split in ("valid", "test")}

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
"""CONTRIBUTING.md: its code, put where it says, in a copy of the project, works; no dead links."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mindspore import Tensor

from src.data import prepare
from src.data.preparing.source import SOURCES
from src.models import TRAITS, backbones
from src.models.backbone import BACKBONES
from tests.helpers import make_batch, make_config, make_model, make_schema, make_selection

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"^`([\w/.]+)`, (at the end|a new file|after `([^`]+)`)[^\n]*:\n\n```\w+\n(.*?)```", re.M | re.S)
TINY = ["epochs=1", "embedding_dim=4", "bottom_dims=8", "tower_dims=8", "batch_size=64", "score_batches=2",
        "progress=false"]


def instructions(section: str) -> list[tuple[str, str, str, str]]:
    """(file, where, anchor, code) of every block below a heading of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = BLOCK.findall(text.split(f"\n## {section}\n")[1].split("\n## ")[0])
    assert found, section
    return found


def follow(home: Path, section: str) -> set[str]:
    """Does what a section says; returns the files it names."""
    for name, where, anchor, code in instructions(section):
        path = home / name
        if where == "a new file":
            assert not path.exists()
            path.write_text(code, encoding="utf-8")
            continue
        text = path.read_text(encoding="utf-8")
        if where == "at the end":
            path.write_text(text + code, encoding="utf-8")
        else:
            assert anchor in text, f"CONTRIBUTING.md: no {anchor!r} in {name}"
            path.write_text(text.replace(anchor, f"{anchor} {code.rstrip()}" if code[0] != "\n"
                                         else anchor + code.rstrip(), 1), encoding="utf-8")
    return {name for name, *_ in instructions(section)}


def write_toy_log(folder: Path) -> None:
    """toy.csv, whose clicks depend on what was shown and not on who saw it."""
    rng = np.random.default_rng(0)
    who, what = rng.integers(0, 9, 2000), rng.integers(0, 5, 2000)
    click = (rng.random(2000) < 0.1 + 0.15 * what).astype(int)
    (folder / "toy.csv").write_text("who,what,click\n" + "".join(f"{a},{b},{c}\n" for a, b, c in zip(who, what, click)))


def module_of(name: str, code: str, monkeypatch) -> ModuleType:
    """The code of a block as the module ``name``, as long as the test runs."""
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    monkeypatch.setitem(sys.modules, name, module)
    exec(code, vars(module))  # pylint: disable=exec-used
    return module


def test_the_new_backbone_takes_selected_fields(eager, monkeypatch):
    for table in (BACKBONES, TRAITS):
        monkeypatch.setitem(table, "sum_of_two", None)  # taken out again after the test
    exec(instructions("Add a backbone")[0][3], dict(vars(backbones)))  # pylint: disable=exec-used
    schema = make_schema(2)
    selection = make_selection(schema, {"t0": ("f1",), "t1": ("f4",)}, ("f1", "f4"), "sum_of_two")
    model, plan = make_model("sum_of_two", schema, selection)
    ids = make_batch(8, schema)[0][:, list(plan.columns)]
    assert model(Tensor(ids)).shape == (8, 2) and plan.columns == (1, 4)


def test_the_new_selector_and_data_set_work_together(monkeypatch, tmp_path):
    write_toy_log(tmp_path)
    source, preset = instructions("Add a data set")
    module_of("src.data.sources.toy", source[3], monkeypatch)
    monkeypatch.setitem(SOURCES, "toy", "src.data.sources.toy")
    (tmp_path / "toy.yaml").write_text(preset[3], encoding="utf-8")
    data = prepare("toy", tmp_path, tmp_path / "data", tmp_path / "toy.yaml")
    spread = module_of("src.selection.baselines.spread", instructions("Add a selector")[0][3], monkeypatch).RateSpread
    scores = spread(make_config(progress=False)).fit(data, ["click"]).scores_[0]
    assert scores[data.schema.field_names.index("what")] > 2 * scores[data.schema.field_names.index("who")] > 0


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A copy of the project with all three additions, a toy log and its prepared set."""
    home = tmp_path_factory.mktemp("copy")
    for name in ("src", "configs"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "default_config.yaml", *ROOT.glob("*.py")):
        shutil.copy(path, home / path.name)
    for section in ("Add a backbone", "Add a selector", "Add a data set"):
        follow(home, section)
    write_toy_log(home)
    run(home, "preprocess.py", "--dataset", "toy", "--raw_dir", home, "--data_dir", home / "data" / "toy")
    return home


def run(home: Path, program: str, *arguments) -> None:
    done = subprocess.run([sys.executable, str(home / program), *map(str, arguments)], capture_output=True, text=True,
                          cwd=home, timeout=300, check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr


@pytest.mark.e2e
@pytest.mark.slow
def test_the_new_backbone_selector_and_data_set_train(home):
    run(home, "train.py", "dataset=toy", "backbone=sum_of_two", "selector=rate_spread", "keep_fields=1",
        "run_name=toy", *TINY)
    selection = json.loads((home / "outputs" / "toy" / "selection.json").read_text())
    assert selection["selected"] == {"click": ["what"]} and selection["shared"] == ["what"]
    metrics = json.loads((home / "outputs" / "toy" / "metrics.json").read_text())
    # One field's five values and id 0, four wide; layers of eight with normalisation, so no bias; the output.
    assert metrics["parameters"] == 4 * 6 + 2 * (4 * 8 + 2 * 8) + (8 * 8 + 2 * 8) + (8 + 1)


@pytest.mark.e2e
@pytest.mark.slow
def test_multisfs_scores_through_the_new_backbone(home):
    run(home, "train.py", "dataset=toy", "backbone=sum_of_two", "keep_fields=1", "run_name=multisfs", *TINY)
    selection = json.loads((home / "outputs" / "multisfs" / "selection.json").read_text())
    assert selection["selected"] == {"click": ["what"]}


@pytest.mark.parametrize("section", ["Add a backbone", "Add a selector", "Add a data set"])
def test_two_files_are_touched(section):
    assert len({name for name, *_ in instructions(section)}) == 2


def test_every_link_inside_the_documents_leads_somewhere():
    dead = []
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
        anchors = {anchor_of(title) for title in re.findall(r"^#+ +(.*)$", text, re.M)}
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, anchor = target.partition("#")
            if file.startswith(("http://", "https://")):
                continue
            if (file and not (path.parent / file).exists()) or (not file and anchor not in anchors):
                dead.append(f"{path.relative_to(ROOT)}: {target}")
    assert not dead


def anchor_of(title: str) -> str:
    """The name a heading can be linked by, as code hosts make it."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")

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
"""CONTRIBUTING.md by the letter: its code, put where it says, in a copy of the project, works; no dead links."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^`([\w/.]+)`, (at the end|a new file|after `([^`]+)`)[^\n]*:\n\n```\w+\n(.*?)```", re.M | re.S)
TINY = ["epochs=1", "embedding_dim=4", "tower_dims=8", "batch_size=64", "score_batches=2", "progress=false"]


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
    rng = np.random.default_rng(0)
    who, what = rng.integers(0, 9, 2000), rng.integers(0, 5, 2000)
    click = (rng.random(2000) < 0.1 + 0.15 * what).astype(int)
    (home / "toy.csv").write_text("who,what,click\n" + "".join(f"{a},{b},{c}\n" for a, b, c in zip(who, what, click)))
    run(home, "preprocess.py", "--dataset", "toy", "--raw_dir", home, "--data_dir", home / "data" / "toy")
    return home


def run(home: Path, program: str, *arguments) -> None:
    done = subprocess.run([sys.executable, str(home / program), *map(str, arguments)], capture_output=True, text=True,
                          cwd=home, timeout=300, check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr


@pytest.mark.e2e
def test_the_new_backbone_selector_and_data_set_train(home):
    run(home, "train.py", "dataset=toy", "backbone=towers_only", "selector=rate_spread", "keep_fields=1",
        "run_name=toy", *TINY)
    selection = json.loads((home / "outputs" / "toy" / "selection.json").read_text())
    assert selection["selected"] == {"click": ["what"]} and selection["shared"] == ["what"]
    metrics = json.loads((home / "outputs" / "toy" / "metrics.json").read_text())
    # One field's five values and id 0, four wide; a layer of eight with its normalisation; the output.
    assert metrics["parameters"] == 4 * 6 + (4 * 8 + 8 + 2 * 8) + (8 + 1)


@pytest.mark.e2e
def test_multisfs_scores_through_the_new_backbone(home):
    run(home, "train.py", "dataset=toy", "backbone=towers_only", "keep_fields=1", "run_name=multisfs", *TINY)
    selection = json.loads((home / "outputs" / "multisfs" / "selection.json").read_text())
    assert selection["selected"] == {"click": ["what"]}


@pytest.mark.parametrize("section, files", [
    ("Add a backbone", 3), ("Add a selector", 3), ("Add a data set", 3)])
def test_few_files_are_touched(section, files):
    assert len({name for name, *_ in instructions(section)}) == files


def test_every_link_inside_the_documents_leads_somewhere():
    dead = []
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
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

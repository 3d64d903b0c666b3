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
"""Whoever reads of an equation of the paper finds it in docs/COMPARISON.md, with its code and a test."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EQUATION = re.compile(r"\beqs?\.\s+((?:\d+(?:-\d+)?(?:,\s*|\s+and\s+)?)+)", re.IGNORECASE)
ALL = set(range(1, 25))  # the paper has 24


def numbers(text: str) -> set:
    """The equations that a text names: eq. 10, eqs. 11-23, eqs. 11, 14 and 16."""
    found = set()
    for group in EQUATION.findall(text):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", group):
            found.update(range(int(first), int(last or first) + 1))
    return found


def texts():
    """Every file of the project that people read."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "*.py", "*.md", "*.yaml", "*.sh"], capture_output=True,
                            text=True, check=True).stdout.split()
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in listed if (ROOT / name).exists()
            and name != "tests/unit/test_equations.py"}


def rows():
    """The table of equations: numbers, place of the code, whether it is literal, tests."""
    text = (ROOT / "docs" / "COMPARISON.md").read_text(encoding="utf-8")
    table = text.split("## The paper, equation by equation")[1].split("\n\n")[1]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]


def test_every_equation_that_is_named_is_listed():
    listed = set().union(*(numbers(row[0]) for row in rows()))
    assert listed == ALL
    named = {name: numbers(text) for name, text in texts().items()}
    assert {name for name, found in named.items() if found - listed} == set()
    assert sum(map(bool, named.values())) > 5  # the pattern finds them


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_listed_equation_has_code_and_test(row):
    _, _, code, literal, tests = row
    assert (ROOT / code.strip("`")).is_file()
    assert literal.startswith("yes") or "**ours**" in literal or "equal outputs" in literal
    assert re.search(r"`tests/[\w/]+\.py::\w+`", tests)  # that it exists: test_comparison_doc.py


def test_code_that_names_an_equation_is_listed_with_it():
    """A module of src that says it computes an equation is where the table sends the reader, or calls that module."""
    listed = {row[2].strip("`") for row in rows()}
    users = {"src/selection/multisfs.py", "src/selection/baselines/multisfs_trained.py", "src/sklearn_api.py"}
    naming = {name for name, text in texts().items() if name.startswith("src/") and numbers(text)}
    assert naming <= listed | users


def test_as_published_is_said_of_data_and_papers_alone():
    """Not of a method of ours: what a run computes is said by an equation, a section, or "ours"."""
    wrong = [f"{name}: {line.strip()}" for name, text in texts().items() for line in text.splitlines()
             if re.search(r"as published|score as published|matches the (paper|equations)", line)]
    assert wrong == []


# What may be called the paper's, and where the paper has it. A new word here is a claim: read PAPER.md first.
THE_PAPERS = {
    "method": "section 3", "score": "eqs. 9-10", "mask gradient": "eqs. 9-10", "equations": "eqs. 1-24",
    "symbols": "section 3", "selector": "section 3", "choice": "section 3.4", "section": "", "print": "", "text": "",
    "letter": "", "authors": "", "ablation": "section 4.5", "MultiSFS-1": "section 4.5", "comparison": "section 4.1.4",
    "other methods": "section 4.1.4", "CFS": "section 4.1.4", "settings": "section 4.1.5", "sizes": "section 4.1.5",
    "widths": "section 4.1.5", "data sets": "section 4.1.1", "41 fields": "Table 2, KuaiRand-Pure",
    "seven added fields": "section 4.1.1, QB-Video", "task settings": "section 4.3", "experiments": "section 4",
    "Table": "", "Tables": "", "tables": "", "Figure": "", "numbers": "its tables", "numbering": "its tables",
    "layout": "its tables", "rows": "its tables", "cell": "its tables", "colours": "Figure 3",
    "name": "of a data set or a method", "in brackets": "a cell", "and ours": "rows",
    "and the calibrated score": "scores", "with this backbone": "methods", "V'": "eq. 11", "tasks": "",
}


def test_what_is_called_the_papers_is_in_the_paper():
    claim = re.compile(r"\bthe paper's\b[\s#*]*:?\s*((?:\S+\s*){0,4})", re.IGNORECASE)
    found = {name: [words.strip() for words in claim.findall(text)] for name, text in texts().items()
             if not name.startswith("tests/")}
    unknown = {name: words for name, claims in found.items() for words in claims
               if not words.strip("`.,;:)").startswith(tuple(THE_PAPERS)) and re.match(r"[A-Za-z0-9]", words)}
    assert unknown == {}
    assert sum(map(len, found.values())) > 50  # the pattern finds them


def test_published_is_said_of_data_alone():
    """Never of a method, a score or a number of ours."""
    found = {name: [text[max(0, at.start() - 20):at.end() + 20] for at in re.finditer(r"\bpublished\b", text)]
             for name, text in texts().items() if not name.startswith("tests/")}
    wrong = {name: places for name, places in found.items() for place in places
             if not re.search(r"published\W+(files|tables|side\W+tables)|\"published; see", place.replace("\n", " "))}
    assert wrong == {}

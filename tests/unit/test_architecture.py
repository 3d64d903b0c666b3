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
"""The layers of src: which folder may import which, and what every file has to keep to."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A folder or file of src may import from the lines below its own, and nothing else from its own line. What has no name
# here belongs to its folder.
LAYERS = [
    ["__main__"],
    ["programs"],
    ["report_inputs"],
    ["workflow"],
    ["serving", "experiments", "sklearn_api"],
    ["experiments/paper"],
    ["report"],
    ["selection"],
    ["training"],
    ["training/machine"],
    ["models", "data"],  # neither knows the other
    ["data/preparing"],
    ["data/sources"],
    ["data/simulation"],
    ["data/encoding"],
    ["data/staging"],
    ["data/description"],
    ["data/reading", "data/prepared", "data/memory"],
    ["evaluation"],
    ["run", "errors"],
    ["origin"],
    ["command_line"],
    ["settings"],
    ["labels"],
    ["schema"],
    ["pooling", "__init__"],
    ["common"],
    ["common/typed"],
    ["common/errors"],
    ["common/text"],
    ["common/home"],
]
HEIGHT = {package: -layer for layer, packages in enumerate(LAYERS) for package in packages}
WITHOUT_MINDSPORE = ("report", "serving", "experiments", "evaluation", "labels", "schema", "settings",
                     "errors", "run.", "origin", "pooling", "command_line", "common", "data", "models/plan")
# Files of these that may use it all the same:
MAY_USE_MINDSPORE = {"src/common/compat.py", "src/data/loader.py", "src/serving/exporting.py", "src/serving/mindir.py"}
LONGEST_FILE, LONGEST_FUNCTION, WIDEST_LINE, MOST_FILES = 350, 60, 120, 12
HEADER = Path(__file__).read_text(encoding="utf-8").splitlines()[1:14]  # below the year
NOT_OURS = {".git", ".venv", "build", "dist", "data", "outputs", "downloads", "node_modules"}


def files_of(*patterns: str) -> list[Path]:
    """The project's own files, as a fresh clone has them."""
    found = (path for pattern in patterns for path in ROOT.rglob(pattern))
    return sorted(path for path in found if not any(part in NOT_OURS or part.startswith(".venv")
                                                    for part in path.relative_to(ROOT).parts[:-1][:1]))


SOURCES = files_of("*.py")
OURS = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == "src"]
PROGRAMS = [path for path in SOURCES if path.parent == ROOT]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def package_of(path: Path) -> str:
    """What LAYERS calls a file of src."""
    return layer_name(path.relative_to(ROOT / "src").with_suffix("").parts)


def layer_name(parts: Sequence[str]) -> str:
    """The longest name in LAYERS that a module of src begins with; that of its first part, where it has none."""
    names = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in HEIGHT), parts[0])


def imports_of(path: Path) -> set[str]:
    """Absolute names of all modules a file imports, also those it imports inside functions."""
    found, package = set(), path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, node.module)) if node.module else ".".join(base)
            found |= {f"{module}.{alias.name}" for alias in node.names} | ({module} if node.module else set())
    return found


def packages_imported(path: Path) -> set[str]:
    parts = [module.split(".") for module in imports_of(path)]
    return {layer_name(part[1:]) for part in parts if part[0] == "src" and len(part) > 1}


def functions_of(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(parse(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def test_programs_and_packages_are_found():
    assert {"train.py", "eval.py", "preprocess.py"} <= {path.name for path in PROGRAMS}
    assert {package_of(path) for path in OURS} == set(HEIGHT), "name new folders in LAYERS"


def test_imports_run_downwards():
    wrong = [f"{name(path)} imports src.{other}" for path in OURS for other in sorted(packages_imported(path))
             if other not in (package_of(path), "__init__") and HEIGHT[other] >= HEIGHT[package_of(path)]]
    assert not wrong


def test_src_imports_no_program_and_no_test():
    outside = {program.stem for program in PROGRAMS} | {"tests", "scripts"}
    assert not [name(path) for path in OURS if outside & {module.split(".")[0] for module in imports_of(path)}]


def test_mindspore_stays_where_it_belongs():
    without = [path for path in OURS if name(path) not in MAY_USE_MINDSPORE
               and name(path).removeprefix("src/").startswith(WITHOUT_MINDSPORE)]
    assert len(without) > 20
    assert not [name(path) for path in without
                if any(module.split(".")[0] == "mindspore" for module in imports_of(path))]


def test_no_program_shadows_the_standard_library():
    """A program's folder comes first in its sys.path: select.py there would be what the standard library imports."""
    ours = {path.stem for path in PROGRAMS} | {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert {"train", "benchmarks"} <= ours
    assert not ours & set(getattr(sys, "stdlib_module_names", ("select", "test", "code")))  # Python 3.9 has no list


def test_splits_are_named_once():
    """Three names of splits in a row are SPLITS of src/schema.py."""
    wrong = [f"{name(path)}:{node.lineno}" for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests"
             for node in ast.walk(parse(path)) if isinstance(node, (ast.Tuple, ast.List))
             and [getattr(item, "value", None) for item in node.elts] == ["train", "valid", "test"]]
    assert {place.partition(":")[0] for place in wrong} == {"src/schema.py"}


def test_docstrings_refer_to_files_that_exist():
    """DESIGN section 3 was one that no reader could find."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests")
    named = set(re.findall(r"\b([A-Z][A-Z_]+)(?:\.md| section)", text))
    assert named and all((ROOT / f"{stem}.md").exists() or (ROOT / "docs" / f"{stem}.md").exists() for stem in named)


def test_packages_hold_public_names_only():
    for path in (path for path in OURS if path.name == "__init__.py" and parse(path).body):
        *imports, last = [node for node in parse(path).body if not is_text(node)
                          and getattr(node, "name", "") != "__getattr__" and not isinstance(node, ast.Import)]
        assert all(isinstance(node, ast.ImportFrom) for node in imports), f"{name(path)}: more than imports"
        assert isinstance(last, ast.Assign) and last.targets[0].id == "__all__", f"{name(path)} has no __all__"
        lazy = {"MultiSFSSelector"} if path.parent.name in ("src", "selection") else set()
        public = sorted(ast.literal_eval(last.value))
        imported = {alias.asname or alias.name for node in imports for alias in node.names}
        assert public == sorted(imported | lazy), name(path)
        assert not any(word.startswith("_") for word in public if word != "__version__"), name(path)


def test_nothing_runs_at_import():
    """Top level: definitions, imports, docstrings and assignments; no loops, no bare calls."""
    allowed = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    wrong = [f"{name(path)}:{node.lineno}" for path in OURS for node in parse(path).body
             if not (isinstance(node, allowed) or is_text(node) or "TYPE_CHECKING" in ast.dump(node)
                      or path.name == "__main__.py" and isinstance(node, ast.If))]
    assert not wrong


def test_only_programs_and_reporting_print():
    printing = ("__main__", "programs", "report", "common/errors", "command_line")
    wrong = [f"{name(path)}:{node.lineno}" for path in OURS if package_of(path) not in printing
             for node in ast.walk(parse(path))
             if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"]
    assert not wrong


def test_every_source_has_the_licence_header():
    wrong = []
    for path in files_of("*.py", "*.sh"):
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.name == "__init__.py":
            continue
        first = 1 if lines[0].startswith("#!") else 0
        if not lines[first].startswith("# Copyright 20") or lines[first + 1:first + 14] != HEADER:
            wrong.append(name(path))
    assert not wrong


def test_folders_can_be_looked_over():
    """At most twelve files of Python."""
    folders = Counter(name(path.parent) for path in SOURCES if path.name not in ("__init__.py", "__main__.py"))
    assert {"src", "src/common", "benchmarks", "tests/unit"} <= folders.keys()
    assert not {folder: files for folder, files in folders.items() if files > MOST_FILES
                and folder.startswith(("src", "benchmarks", "tests"))}


def test_sizes_of_files_and_functions():
    wrong = []
    for path in files_of("*.py", "*.sh"):
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > LONGEST_FILE:
            wrong.append(f"{name(path)} has {len(lines)} lines")
        wrong += [f"{name(path)}:{number} is {len(line)} wide" for number, line in enumerate(lines, 1)
                  if len(line) > WIDEST_LINE]
    for path in (path for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests"):
        wrong += [f"{name(path)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
                  for node in functions_of(path) if node.end_lineno - node.lineno >= LONGEST_FUNCTION]
    assert not wrong

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
"""Bad input of every kind, drawn from a seed: damaged files, with or without right checksums, odd options and frames.

Nothing here says what a program should answer; only that it has to answer with a line
(tests/e2e/data/test_bad_inputs.py).
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import gzip
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import yaml

from src.common.files import digest_file, sha256

DEEP = "[" * 3000 + "]" * 3000
# What may stand in a JSON or YAML file, an option or a cell where something else belongs.
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 10**12, 2**63, -(2**70), 0.5, -0.0, 1e308, float("inf"), float("nan"), "", " ", "0",
    "x", "-1", "nan", "click", "city", "../../etc/passwd", "/dev/null", "a/b", "\x00", "\u202e", "a\nb", "é\ud7ff",
    "=1+1", "%s{0}", [], [[]], ["x"], [1, "x", None], [0.5, 0.5], {}, {"x": 1}, {"name": "x"}, {"": []},
    "2020-13-45", "x" * 300)
WORDS = ("", " ", "0", "-1", "1.5", "1e400", "nan", "inf", "none", "null", "true", "~", "auto", "[]", "[1,", "{a: b}",
         "[8,4]", "8,,4", "a=b", "=", "a,b", "click,click", "click, like", "..", ".", "../x", "/", "/dev/null",
         "/proc/self", "é", "\u202e", "a b", "x" * 300, "9" * 5000, DEEP, "2020-13-45", "!!python/object:os.system",
         "&a [*a]", "*a", "0x10", "1_000", "a\nb", "$(x)", "-", "--", "\x00", "\t", "#", "'", '"', "CPU", "ONNX",
         "ple", "esmm", "lasso")
CELLS = ("", "NA", "nan", "inf", "-inf", "1e999", "0x1F", "-0", "1e3", "2", "-1", "0.5", "yes", "True", '"', 'a"b',
         '"a', ",", ";", "\t", "\x00", "\r", "\n", "é", "\ufeff", "[1, 2]", "['a', \"b\"]", "[[[", "{}", "1" * 400,
         "9" * 20, "2020-13-45", "2020-01-01", "99999-01-01 00:00:00", "-1e18", "1600000000", "16e17", "x" * 5000,
         "|", "||", "=1+1")


def write_bad_file(path: Path, draw: random.Random) -> str:
    """Damages one file in one way; returns how, in words. Damaged text is damaged further as bytes."""
    kinds = ["flip", "flip", "cut", "insert", "empty", "remove", "folder", "other"]
    kinds += {".json": ["value"] * 12, ".yaml": ["value"] * 12, ".npy": ["array"] * 8, ".csv": ["cell"] * 16,
              ".jsonl": ["cell"] * 8}.get(path.suffix, [])
    content, kind = path.read_bytes(), draw.choice(kinds)
    if kind in ("value", "array", "cell") and not _is_whole(path):
        kind = "flip"
    if kind in ("remove", "folder"):
        path.unlink()
        if kind == "folder":
            path.mkdir()
    elif kind == "value":
        path.write_text(_with_odd_value(path, draw), encoding="utf-8", errors="surrogatepass")
    elif kind == "array":
        _write_odd_array(path, draw)
    elif kind == "cell":
        path.write_text(_with_odd_cells(content.decode(), draw), encoding="utf-8", newline="")
    elif kind == "other":
        others = sorted(other for other in path.parent.rglob("*") if other.is_file() and other != path)
        path.write_bytes(draw.choice(others).read_bytes() if others else b"\x80\x04.")
    else:
        path.write_bytes(_changed_bytes(content, kind, draw))
    return f"{kind} {path.name}"


def _is_whole(path: Path) -> bool:
    try:
        {".json": lambda: json.loads(path.read_text(encoding="utf-8")), ".npy": lambda: np.load(path)[0, 0],
         ".yaml": lambda: yaml.safe_load(path.read_text(encoding="utf-8"))}.get(path.suffix, path.read_text)()
    except Exception:
        return False
    return True


def _changed_bytes(content: bytes, kind: str, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    if kind == "empty":
        return b""
    if kind == "cut":
        return content[:at]
    if kind == "insert":
        return content[:at] + draw.choice((b"\x00", b"\xff\xfe", b"\n\n", b'"', b"[" * 5000, bytes(100))) + content[at:]
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 5, 50))):
        if changed:
            changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _with_odd_value(path: Path, draw: random.Random) -> str:
    """The text of a JSON or YAML file with one value replaced, removed, doubled or added."""
    is_json = path.suffix == ".json"
    text = path.read_text(encoding="utf-8")
    root = [json.loads(text) if is_json else yaml.safe_load(text)]
    places = list(_places(root))
    holder, key = draw.choice(places)
    kind = draw.choice(("odd", "odd", "odd", "odd", "swap", "remove", "add"))
    if kind == "remove" and holder is not root:
        del holder[key]
    elif kind == "swap":
        other, there = draw.choice(places)
        holder[key] = json.loads(json.dumps(other[there], default=str))
    elif kind == "add" and isinstance(holder[key], dict):
        holder[key][str(draw.choice(ODD))] = draw.choice(ODD)
    elif kind == "add" and isinstance(holder[key], list):
        holder[key].append(draw.choice(ODD))
    else:
        holder[key] = draw.choice(ODD)
    return json.dumps(root[0], indent=2) if is_json else yaml.safe_dump(root[0], sort_keys=False)


def _places(value: Any):
    """Every (container, key) below a value."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


def _write_odd_array(path: Path, draw: random.Random) -> None:
    array = np.load(path)
    kind = draw.choice(("value", "value", "type", "rows", "columns", "flat", "objects", "fortran"))
    if kind == "value":
        array[draw.randrange(len(array)), draw.randrange(array.shape[1])] = draw.choice((2, 3, 100, 120))
    elif kind == "type":
        array = array.astype(draw.choice(("int8", "uint8", "int64", "float32",
                                         "float64", "bool", "S3", "U2", "complex64")))
    elif kind == "objects":
        array = array.astype(object)
    else:
        array = {"rows": array[:-1], "columns": array[:, :-1], "flat": array.ravel(),
                 "fortran": np.asfortranarray(array)}[kind]
    np.save(path, array, allow_pickle=True)


def _with_odd_cells(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(draw.choice((1, 1, 3, 30))):
        row = draw.randrange(len(lines))
        cells = lines[row].split(",")
        kind = draw.choice(("odd", "odd", "odd", "odd", "short", "long", "twice", "swap"))
        place = draw.randrange(len(cells))
        if kind == "odd":
            cells[place] = draw.choice(CELLS)
        elif kind == "short":
            del cells[place]
        elif kind == "long":
            cells.insert(place, draw.choice(CELLS))
        elif kind == "twice":
            cells[place] = cells[0]
        else:
            cells.reverse()
        lines[row] = ",".join(cells)
    return draw.choice(("\n", "\n", "\n", "\r\n", "\r")).join(lines)


def seal(folder: Path) -> None:
    """Writes every checksum of a prepared set, a run or an exported model again, as far as its files can be read."""
    for path in (folder / "schema.json", folder / "signature.json"):
        with contextlib.suppress(Exception):  # whatever cannot be sealed stays as it is
            value = json.loads(path.read_text(encoding="utf-8"))
            for shard in (shard for shards in value.get("shards", {}).values() for shard in shards):
                for kind in ("ids", "labels"):
                    shard[f"{kind}_sha256"] = sha256(folder / shard[kind])
            for field in value["fields"]:
                if "vocabulary" in field:
                    field["vocabulary_sha256"] = sha256(folder / field["vocabulary"])
            if "model" in value:
                value["model"]["sha256"] = sha256(folder / value["model"]["file"])
            path.write_text(json.dumps(value), encoding="utf-8")
    for path in folder.rglob("*"):
        if path.is_file() and digest_file(path).is_file():
            digest_file(path).write_text(sha256(path) + "\n", encoding="utf-8")


def damaged_copy(source: Path, target: Path, draw: random.Random, files: str = "*") -> str:
    """Copies a folder and damages a file or two of it, with matching checksums two times out of three."""
    shutil.copytree(source, target)
    done = []
    for _ in range(draw.choice((1, 1, 1, 2))):
        victims = sorted(path for pattern in files.split() for path in target.rglob(pattern) if path.is_file())
        if victims:
            done.append(write_bad_file(draw.choice(victims), draw))
    if draw.random() < 0.67:
        seal(target)
        done.append("sealed")
    return ", ".join(done)


def compressed(path: Path, draw: random.Random) -> Path:
    """A file written once more as .gz, sometimes cut, or under an ending that is not its own."""
    ending = draw.choice((".gz", ".parquet", ".zip", ".jsonl", ".tsv", ".npy", ""))
    target = path.with_name(path.name + ending)
    content = path.read_bytes()
    content = gzip.compress(content) if draw.random() < 0.5 else content
    target.write_bytes(content[:draw.randrange(len(content) + 1)] if draw.random() < 0.5 else content)
    return target


def odd_options(names: list, draw: random.Random, count: int) -> list:
    """Options with values that do not suit them, in the spellings of the command line."""
    words = []
    for name in draw.sample(names, min(count, len(names))):
        value = draw.choice(WORDS)
        words += draw.choice(([f"--{name}", value], [f"--{name}={value}"], [f"{name}={value}"]))
        if draw.random() < 0.05:
            words.append(draw.choice(WORDS))
    return words


ODD_COLUMNS = (
    lambda draw, rows: [draw.choice(ODD) for _ in range(rows)],
    lambda draw, rows: [draw.choice(CELLS) for _ in range(rows)],
    lambda draw, rows: [draw.choice(ODD)] * rows,
    lambda draw, rows: [draw.choice((None, decimal.Decimal("1.5"), decimal.Decimal("NaN"))) for _ in range(rows)],
    lambda draw, rows: [draw.choice((datetime.date(1, 1, 1), datetime.date(9999, 1, 1), None)) for _ in range(rows)],
    lambda draw, rows: [datetime.timedelta(seconds=draw.randrange(100)) for _ in range(rows)],
    lambda draw, rows: [draw.choice((b"a", b"\xff", None)) for _ in range(rows)],
    lambda draw, rows: [complex(draw.random(), 1) for _ in range(rows)],
    lambda draw, rows: [object() for _ in range(rows)],
    lambda draw, rows: [(1, draw.randrange(3)) for _ in range(rows)],
    lambda draw, rows: [{"a": draw.randrange(3)} for _ in range(rows)],
    lambda draw, rows: pd.Categorical([draw.choice((1.5, None, 2.5)) for _ in range(rows)]),
    lambda draw, rows: pd.array([draw.choice((1, None, 2)) for _ in range(rows)], "Int64"),
    lambda draw, rows: pd.array([draw.choice((True, None)) for _ in range(rows)], "boolean"),
    lambda draw, rows: pd.interval_range(0, rows),
    lambda draw, rows: pd.period_range("2020", periods=rows, freq="D"),
    lambda draw, rows: pd.date_range("2020", periods=rows, tz="Asia/Tokyo"),
    lambda draw, rows: pd.arrays.SparseArray([0, 1] * (rows // 2) + [0] * (rows % 2)),
    lambda draw, rows: np.full(rows, np.inf),
    lambda draw, rows: np.full(rows, 2**63, np.uint64),
    lambda draw, rows: np.full(rows, 1e300, np.longdouble),
    lambda draw, rows: np.arange(rows, dtype=np.float16),
)


def odd_frame(draw: random.Random, rows: int) -> Any:
    """A table with one odd column or more, of any of the kinds that an estimator may be given."""
    columns = {f"c{place}": [draw.randrange(4) for _ in range(rows)] for place in range(3)}
    for place in range(draw.choice((0, 1, 1, 2))):
        columns[draw.choice((f"odd{place}", "c0", draw.choice(WORDS), draw.choice(ODD[:12]), place))] = \
            draw.choice(ODD_COLUMNS)(draw, rows)
    frame = pd.DataFrame(columns)
    kind = draw.choice(("pandas", "pandas", "pandas", "polars", "array", "list", "twice", "one", "none", "odd", "rows",
                        "index", "levels", "series"))
    if kind == "polars":
        with contextlib.suppress(Exception):  # what Polars itself refuses is tried as pandas'
            return pl.from_pandas(frame)
    return {"pandas": frame, "polars": frame, "array": frame.to_numpy(), "list": frame.to_numpy().tolist(),
            "twice": pd.concat([frame, frame], axis=1), "one": frame.iloc[:, :1], "none": frame.iloc[:, :0],
            "odd": draw.choice(ODD), "rows": frame.iloc[:draw.choice((0, 1, 2))], "series": frame.iloc[:, 0],
            "index": frame.set_axis(np.zeros(rows, int)),
            "levels": frame.set_axis(pd.MultiIndex.from_product([["a"], range(frame.shape[1])]), axis=1)}[kind]


def odd_labels(draw: random.Random, rows: int) -> Any:
    """Labels of two tasks, sometimes right, more often not."""
    right = pd.DataFrame({task: [draw.randrange(2) for _ in range(rows)] for task in ("click", "like")})
    kind = draw.choice(("right", "right", "right", "column", "column", "dict", "odd", "short", "index", "one", "array",
                        "three", "same", "missing", "names", "none"))
    if kind == "column":
        return right.assign(like=draw.choice(ODD_COLUMNS)(draw, rows))
    if kind == "dict":
        return {draw.choice(("click", "", 1, None)): draw.choice(ODD_COLUMNS)(draw, rows), "like": right.like}
    return {"right": right, "odd": draw.choice(ODD), "short": right.iloc[:-1], "index": right.set_axis(range(5,
            rows + 5)),
            "one": right.click, "array": right.to_numpy().reshape(-1, 2, 1),
            "three": right + right.click.to_frame().values,
            "same": right * 0, "missing": right.where(right.click > 0), "none": right.iloc[:, :0],
            "names": right.set_axis(draw.choice(([1, 2], ["a", "a"], [None, "x"], ["", " "])), axis=1)}[kind]

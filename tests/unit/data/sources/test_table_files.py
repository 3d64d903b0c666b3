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
"""Tables as people have them: each is read as the plain file of the same rows, or refused by the cause."""

import gzip
import io
import zipfile

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.data import prepare
from src.serving.rows import read_rows

ROWS = 120
DESCRIPTION = """
fields: [uid, city, {name: price, kind: number}]
tasks: [click, buy]
"""


def _table():
    draw = np.random.default_rng(3)
    return pl.DataFrame({"uid": draw.integers(0, 30, ROWS), "city": draw.choice(["上海", "Oslo", "São Paulo"], ROWS),
                         "price": draw.integers(1, 90, ROWS) / 10, "click": draw.integers(0, 2, ROWS),
                         "buy": draw.integers(0, 2, ROWS)})


def _text(separator=","):
    return _table().write_csv(separator=separator)


@pytest.fixture(name="read")
def _read(tmp_path):
    """From file names and contents (bytes or text) to ids and labels of all splits."""
    made = []

    def read(files, raw="raw", more="", **overrides):
        made.append(tmp_path / str(len(made)))
        folder = made[-1] / "raw"
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        (made[-1] / "table.yaml").write_text(DESCRIPTION + more)
        place = folder / next(iter(files)) if raw == "file" else folder
        data = prepare("table", place, made[-1] / "set", overrides={"table": made[-1] / "table.yaml", **overrides})
        return {split: data.split(split).read(0, data.schema.rows[split]) for split in ("train", "valid", "test")}
    return read


def _same(one, two):
    for split, arrays in one.items():
        for a, b in zip(arrays, two[split]):
            np.testing.assert_array_equal(a, b)


def _with_index():
    lines = _text().splitlines()
    return "\n".join([f",{lines[0]}", *(f"{n},{line}" for n, line in enumerate(lines[1:]))]) + "\n"


def _zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


_NO_HEADER = _text().split("\n", 1)[1]
_NAMES = "names: [uid, city, price, click, buy]\n"


@pytest.mark.parametrize(("name", "content", "more"), [
    ("index.csv", _with_index(), ""),
    ("trailing.csv", _text().replace("\n", ",\n"), ""),
    ("blanks.csv", _text().replace("uid,city,price", "uid, city , price", 1), ""),
    ("semicolon.csv", _text(";"), ""),
    ("semicolon.csv", _text(";"), 'delimiter: ";"\n'),
    ("tab.csv", _text("\t"), ""),
    ("bar.txt", _text("|"), ""),
    ("comma.tsv", _text(","), ""),
    ("bom.csv", "\ufeff" + _text(), ""),
    ("crlf.csv", _text().replace("\n", "\r\n"), ""),
    ("nameless.csv", _NO_HEADER, _NAMES),
    ("nameless.csv", "\ufeff" + _NO_HEADER.replace(",", ";"), _NAMES),
    ("packed.csv.gz", gzip.compress(_text().encode()), ""),
    ("packed.zip", _zipped(**{"folder/data.tsv": _text("\t"), "__MACOSX/._data.tsv": "x"}), ""),
    ("objects.jsonl", _table().write_ndjson(), ""),
    ("objects.ndjson.gz", gzip.compress(_table().write_ndjson().encode()), ""),
    ("lines.csv", _text().replace("uid,city", 'uid,"city"', 1), ""),
])
def test_other_ways_to_write_a_table_give_the_same_rows(read, name, content, more):
    _same(read({name: content}, raw="file", more=more), read({"plain.csv": _text()}, raw="file"))


def test_a_header_in_quotes_may_have_line_breaks(read):
    content = _text().replace("uid,city", 'uid,"ci\r\nty"', 1)
    with pytest.raises(UserError, match="has no column 'city'; it has uid, ci ty, price, click, buy; did you mean"):
        read({"data.csv": content}, raw="file")
    folder_of_two = {"a.csv": content, "b.csv": content}
    description = "more_fields: [{name: place, column: ci ty}]\n"
    both = read(folder_of_two, more=description, fields=["uid", "place", "price"])
    assert sum(len(ids) for ids, _ in both.values()) == 2 * ROWS


def test_stray_quotes_are_plain_letters_where_the_description_says_so(read):
    content = _text().replace("Oslo", 'Oslo 40"').replace("São Paulo", '"São" Paulo')
    line = next(n for n, text in enumerate(content.splitlines(), 1) if '"' in text)
    with pytest.raises(UserError, match=f"data.csv line {line} .*quote: none"):
        read({"data.csv": content}, raw="file")
    _same(read({"data.csv": content}, raw="file", more="quote: none\n"), read({"plain.csv": _text()}, raw="file"))


def test_the_first_stray_quote_is_named(read):
    lines = _text().splitlines()
    for at in (57, 58):
        lines[at] = lines[at].replace(",", ',tv 40"', 1)
    with pytest.raises(UserError, match="data.csv line 58 has a double quote inside a cell"):
        read({"data.csv": "\n".join(lines) + "\n"}, raw="file")


def test_folders_of_files_are_one_table(read):
    lines = _text().splitlines()
    halves = {"part-0.csv": "\n".join(lines[:50]) + "\n", "part-1.csv": "\n".join([lines[0], *lines[50:]]) + "\n",
              "_SUCCESS": "", ".hidden.csv": "x"}
    plain = read({"plain.csv": _text()}, raw="file")
    _same(read(halves), plain)
    turned = _table()[49:].select("buy", "city", "click", "price", "uid").write_csv(separator=";")
    _same(read({**halves, "part-1.csv": turned}), plain)
    packed = {f"{name}.gz": gzip.compress(text.encode()) for name, text in halves.items() if name.startswith("part")}
    _same(read(packed), plain)


@pytest.mark.parametrize("valid", ["valid", "val", "Validation", "dev"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "csv.gz"])
@pytest.mark.parametrize("more", ["", "split: {by: file}\n"])
def test_ready_made_splits_are_taken_as_they_are(read, valid, ending, more):
    table, bounds = _table(), {"train": (0, 70), valid: (70, 90), "test": (90, ROWS)}
    files = {}
    for name, (start, stop) in bounds.items():
        part, file = table[start:stop], io.BytesIO()
        part.write_parquet(file) if ending == "parquet" else part.write_csv(file)
        files[f"{name}.{ending}"] = gzip.compress(file.getvalue()) if ending.endswith("gz") else file.getvalue()
    found = read(files, more=more)
    for split, name in (("train", "train"), ("valid", valid), ("test", "test")):
        expected = table[slice(*bounds[name])].select("click", "buy").to_numpy()
        np.testing.assert_array_equal(found[split][1], expected)


def test_a_split_that_is_said_comes_before_the_names_of_files(read):
    files = {f"{name}.csv": _text() for name in ("train", "valid", "test")}
    assert [len(ids) for ids, _ in read(files, more="split: {by: random}\n").values()] == [288, 36, 36]
    assert [len(ids) for ids, _ in read(files).values()] == [ROWS] * 3


@pytest.mark.parametrize(("files", "more", "words"), [
    ({"data.csv": _text().replace("\n", "\r")}, "", "ends its lines with carriage returns alone, as old Macs did"),
    ({"data.csv": _NO_HEADER}, "", "names: "),
    ({"data.csv": _NO_HEADER}, "names: [a, b]\n", "line 1 has 5 cells; expected 2, as names says"),
    ({"data.csv": _NO_HEADER}, "names: [a, a]\n", "names of .* has 'a' twice"),
    ({"data.csv": _NO_HEADER}, "names: uid\n", "names of .* is 'uid'; expected a list"),
    ({"data.csv": _text("~")}, "", "has none of the columns uid, city.*delimiter: "),
    ({"data.csv": _text()}, 'delimiter: ";"\n', "has none of the columns uid, city.*delimiter: "),
    ({"data.csv": _text()}, 'delimiter: ";;"\n', "delimiter of .* is ';;'; expected one character"),
    ({"data.csv": _text()}, "quote: nome\n", "quote of .* is 'nome'.*did you mean none"),
    ({"data.csv": 'uid,"city,price\n' + "1,2,3\n" * 9}, "", "line 1 has a double quote without its partner"),
    ({"data.csv.gz": b"no gzip"}, "", "data.csv.gz is damaged or truncated"),
    ({"data.csv.gz": gzip.compress(_text().encode())[:-9]}, "", "data.csv.gz is damaged or truncated"),
    ({"data.zip": b"no zip"}, "", "data.zip is damaged or truncated"),
    ({"data.zip": _zipped(**{"a.csv": "x", "b.csv": "y"})}, "", "data.zip holds 2 files; expected one"),
    ({"data.zip": _zipped(**{"a.parquet": "x"})}, "", "is no table"),
    ({"data.jsonl": '{"uid": 1}\n'}, "", "data.jsonl line 1 has no column 'city'; it has uid"),
    ({"data.jsonl": _table().write_ndjson() + "[1]\n"}, "", "data.jsonl line 121 is .1.; expected an object"),
    ({"data.jsonl": ""}, "", "data.jsonl is empty; expected one JSON object a line"),
    ({"data.xlsx": b"x"}, "", "is no table; expected a file that ends in .csv"),
    ({"a.csv": _text(), "b.tsv": _text("\t")}, "", r"several kinds \(.csv, .tsv\)"),
    ({"train.csv": _text(), "test.csv": _text()}, "split: {by: file}\n", "no file valid; it has test.csv, train.csv"),
])
def test_what_cannot_be_read_is_refused_by_its_cause(read, files, more, words):
    with pytest.raises(UserError, match=words):
        read(files, raw="folder" if len(files) > 1 else "file", more=more)


def test_cells_and_headers_of_any_length(read):
    plain = read({"plain.csv": _text()}, raw="file")
    long = "x" * 300_000
    _same(read({"data.csv": _text().replace("Oslo", f'"{long}"')}, raw="file"), plain)
    wide = "\n".join(f"{line},{long if n == 0 else n}" for n, line in enumerate(_text().splitlines())) + "\n"
    _same(read({"data.csv": wide}, raw="file"), plain)
    uneven = _text().replace("Oslo", f'"{long}"').replace("\n", "\n1,1,1,1,1\n1,1,1,1,1,1\n", 1)
    with pytest.raises(UserError, match="data.csv line 3 has 6 cells; expected 5"):
        read({"data.csv": uneven}, raw="file")


def test_an_endless_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("src.data.reading.header.LINE_BYTES", 1000)
    (tmp_path / "data.csv").write_bytes(bytes(5000))
    (tmp_path / "table.yaml").write_text(DESCRIPTION)
    with pytest.raises(UserError, match="data.csv line 1 does not end within"):
        prepare("table", tmp_path / "data.csv", tmp_path / "set", overrides={"table": tmp_path / "table.yaml"})
    with pytest.raises(UserError, match="raw_dir /dev/zero is no table"):
        prepare("table", "/dev/zero", tmp_path / "set", overrides={"table": tmp_path / "table.yaml"})


@pytest.mark.parametrize("content", [
    _with_index(), _text(";"), _text("\t"), _text().replace("uid,city", " uid , city", 1), "\ufeff" + _text(),
    _text().replace("uid,", '"uid",', 1)])
def test_rows_to_predict_are_read_the_same_ways(content):
    def columns(names, where):
        if not {"uid", "city"} <= set(names):
            raise UserError(f"{where} lacks a column; it has {names}")
        return ["uid", "city"]

    frames = list(read_rows("-", "csv", columns, io.BytesIO(content.encode())))
    assert pl.concat(frames).to_dicts() == _table().select(pl.col("uid").cast(pl.String), "city").to_dicts()

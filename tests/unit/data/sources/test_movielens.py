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
"""MovieLens-100K: both layouts, the fetched wheel and its refusals."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import UserError
from src.data import prepare
from src.data.reading import fetch
from src.data.reading.fetch import DOWNLOADS, Wheel, fetch_wheel, read_members
from src.data.sources.movielens import GENRES, WHEEL

ROWS = 200
_CLASSES = ("Action Sci-Fi", "Children's Comedy", "", "Drama")


def _content(seed=0):
    """Users, items and ratings as plain tuples."""
    draw = np.random.default_rng(seed)
    users = [(user, draw.integers(10, 70), draw.choice(["M", "F"]), draw.choice(["writer", "artist"]),
              draw.choice(["85711", "T8H1N", "90210"])) for user in range(1, 21)]
    items = [(item, f"Café {item} (1995)", 1990 + item % 8, _CLASSES[item % 4]) for item in range(1, 31)]
    ratings = [(draw.integers(1, 21), draw.integers(1, 31), draw.integers(1, 6), 880_000_000 + 3_600 * row)
               for row in range(ROWS)]
    return users, items, ratings


def _lines(rows, separator):
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def write_grouplens(folder):
    users, items, ratings = _content()
    folder.mkdir(parents=True)
    (folder / "u.data").write_text(_lines(ratings, "\t"))
    (folder / "u.user").write_text(_lines(users, "|"))
    flags = [[int(genre in classes.split(" ")) for genre in GENRES] for *_, classes in items]
    rows = [(item, title, f"01-Jan-{year}", "", "http://x", *flag)
            for (item, title, year, _), flag in zip(items, flags)]
    (folder / "u.item").write_bytes(_lines(rows, "|").encode("latin-1"))
    return folder


def write_recbole(folder):
    users, items, ratings = _content()
    folder.mkdir(parents=True)
    (folder / "ml-100k.inter").write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
                                          + _lines(ratings, "\t"))
    (folder / "ml-100k.user").write_text("user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
                                         + _lines(users, "\t"))
    (folder / "ml-100k.item").write_text("item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
                                         + _lines(items, "\t"))
    return folder


def test_both_layouts_give_the_same_set(tmp_path):
    first = prepare("movielens", write_grouplens(tmp_path / "gl" / "ml-100k").parent, tmp_path / "a")
    second = prepare("movielens", write_recbole(tmp_path / "rb"), tmp_path / "b")
    assert first.schema == second.schema
    assert len(first.schema.fields) == 28 and first.schema.task_names == ["like", "love"]
    assert dict(first.schema.rows) == {"train": 160, "valid": 20, "test": 20}
    ratings = np.array([row[2] for row in _content()[2]])
    labels = np.concatenate([first.split(name).read(0, ROWS)[1] for name in ("train", "valid", "test")])
    assert labels.sum(axis=0).tolist() == [(ratings >= 4).sum(), (ratings == 5).sum()]


def test_another_seed_deals_other_rows_out(tmp_path):
    raw = write_recbole(tmp_path / "rb")
    schemas = [prepare("movielens", raw, tmp_path / str(run), overrides={"seed": seed}).schema
               for run, seed in enumerate((1, 2, 1))]
    assert schemas[0] == schemas[2] and schemas[0].shards != schemas[1].shards


@pytest.mark.parametrize(("file", "change", "message"), [
    ("u.data", lambda text: text + "1\t2\n", "u.data line 201 has 2 columns; expected 4"),
    ("u.data", lambda text: text.replace("\t", ",", 1), "u.data line 1 has 3 columns"),
    ("u.user", lambda text: text.replace("|M|", "|", 1), "u.user line [0-9]+ has 4 columns; expected 5"),
])
def test_broken_files_are_named_with_their_line(tmp_path, file, change, message):
    folder = write_grouplens(tmp_path / "raw")
    (folder / file).write_text(change((folder / file).read_text()))
    with pytest.raises(UserError, match=message):
        prepare("movielens", folder, tmp_path / "set")


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(UserError, match="does not hold MovieLens-100K"):
        prepare("movielens", tmp_path, tmp_path / "set")


def test_the_real_set_has_100000_rows(tmp_path):
    if not (DOWNLOADS / WHEEL.file).is_file():
        pytest.skip("the wheel is not in downloads/: run python preprocess.py once")
    schema = prepare("movielens", None, tmp_path / "set").schema
    assert dict(schema.rows) == {"train": 80_000, "valid": 10_000, "test": 10_000}
    sizes = dict(zip(schema.field_names, schema.cardinalities))
    assert sizes["user"] == 944 and 1_600 < sizes["item"] <= 1_683 and sizes["genre_drama"] == 3


def _wheel(folder, content=b"content"):
    folder.mkdir(exist_ok=True)
    path = folder / "made-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("made/data.csv", content)
    return Wheel("made", "1", path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def _fake_pip(monkeypatch, act):
    commands = []

    def run(command, **_):
        commands.append(command)
        return act(command)

    monkeypatch.setattr(fetch.subprocess, "run", run)
    return commands


def test_a_wheel_with_the_right_hash_is_not_fetched_again(tmp_path, monkeypatch):
    wheel = _wheel(tmp_path / "downloads")
    commands = _fake_pip(monkeypatch, lambda command: pytest.fail("pip was run"))
    path = fetch_wheel(wheel, tmp_path / "downloads")
    assert read_members(path, ["made/data.csv"]) == [b"content"] and not commands


def test_a_damaged_wheel_is_fetched_again_and_a_wrong_one_refused(tmp_path, monkeypatch):
    wheel = _wheel(tmp_path / "downloads")
    path = tmp_path / "downloads" / wheel.file
    good = path.read_bytes()
    path.write_bytes(good[:-3])

    def deliver(content):
        return lambda command: path.write_bytes(content) and subprocess.CompletedProcess(command, 0, "", "")

    wanted = []

    def note(command):
        wanted.append(Path(command[-1]).read_text())
        return deliver(good)(command)

    commands = _fake_pip(monkeypatch, note)
    assert fetch_wheel(wheel, tmp_path / "downloads") == path
    assert wanted == [f"made==1 --hash=sha256:{wheel.digest}\n"] and "--no-deps" in commands[0]
    path.write_bytes(b"")
    _fake_pip(monkeypatch, deliver(b"something else"))
    with pytest.raises(UserError, match="has SHA-256 .* it was removed"):
        fetch_wheel(wheel, tmp_path / "downloads")
    assert not path.exists()


def test_no_network_says_what_to_do(tmp_path, monkeypatch):
    _fake_pip(monkeypatch, lambda command: subprocess.CompletedProcess(command, 1, "", "ERROR: no route\n"))
    with pytest.raises(UserError, match=r"cannot fetch recbole==1.2.1 \(ERROR: no route\).*--raw_dir"):
        fetch_wheel(WHEEL, tmp_path)


def test_a_wheel_without_the_member_is_refused(tmp_path):
    wheel = _wheel(tmp_path / "downloads")
    with pytest.raises(UserError, match="is damaged"):
        read_members(tmp_path / "downloads" / wheel.file, ["made/other.csv"])

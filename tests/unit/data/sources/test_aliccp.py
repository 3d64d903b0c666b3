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
"""AliCCP's raw layout: the join, the largest value, interruption and resuming, refusals."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.common.files import read_json
from src.data import prepare
from src.data.encoding.encode import FieldEncoder
from src.data.reading import delimited
from src.data.sources import aliccp
from src.data.staging.stage import Stage
from src.schema import SPLITS, UNKNOWN
from tests.makers.aliccp import write_aliccp

ROWS = 3_000


@pytest.fixture(name="raw", scope="module")
def _raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aliccp")
    write_aliccp(folder, ROWS)
    return folder


def _plain_join(folder, split):
    """The join as a plain loop: one dict of field -> feature per kept impression, and its labels."""
    def parse(text):
        best = {}
        for item in text.split("\x01"):
            field, rest = item.split("\x02")
            feature, value = rest.split("\x03")
            if field not in best or float(value) > best[field][1]:
                best[field] = (feature, float(value))
        return {field: feature for field, (feature, _) in best.items()}

    common = {}
    for line in (folder / f"common_features_{split}.csv").read_text().splitlines():
        key, _, text = line.split(",")
        common[key] = parse(text)
    rows = []
    for line in (folder / f"sample_skeleton_{split}.csv").read_text().splitlines():
        _, click, purchase, key, _, text = line.split(",")
        if (click, purchase) != ("0", "1"):
            rows.append(({**parse(text), **common.get(key, {})}, (int(click), int(purchase))))
    return rows


def _decode(data, split):
    ids, labels = data.split(split).read(0, data.schema.rows[split])
    columns = {}
    for place, field in enumerate(data.schema.fields):
        encoder = FieldEncoder.from_json(read_json(data.path / field.vocabulary), field.name)
        columns[field.source[0]] = [None if value == 0 else encoder.values[value - 1] for value in ids[:, place]]
    return columns, labels


def test_the_join_equals_the_plain_loop_on_all_23_fields(raw, tmp_path):
    data = prepare("aliccp", raw, tmp_path / "set", overrides={"fields": ["all"], "min_count": 1, "by": "given",
                                                           "parts": [1, 0, 0]})
    assert len(data.schema.fields) == 23 and data.schema.task_names == ["ctr", "cvr"]
    for split in ("train", "test"):
        expected = _plain_join(raw, split)
        columns, labels = _decode(data, split)
        assert len(expected) == data.schema.rows[split]
        np.testing.assert_array_equal(labels, [row[1] for row in expected])
        for column, values in columns.items():
            known = set(columns[column]) - {None}
            wanted = [row[0].get(column) if row[0].get(column) in known else None for row in expected]
            assert values == wanted, column
            assert split == "test" or all(value is not None for value in values)


def test_default_is_17_fields_with_rare_features_folded(raw, tmp_path):
    data = prepare("aliccp", raw, tmp_path / "set")
    assert len(data.schema.fields) == 17
    rows = sum(len(_plain_join(raw, split)) for split in ("train", "test"))  # dealt out anew, as the paper does
    assert data.schema.rows["test"] == pytest.approx(rows / 10, abs=1)
    sizes = dict(zip(data.schema.field_names, data.schema.cardinalities))
    assert sizes["gender"] == 4 and sizes["item_id"] < 100


class _Stop(Exception):
    pass


def test_an_interrupted_preparation_resumes_and_ends_the_same(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr(aliccp, "PART_ROWS", 1)
    whole = prepare("aliccp", raw, tmp_path / "whole")
    save, calls, parsed = Stage.save, [], []

    def interrupted(self, **state):
        save(self, **state)
        calls.append(state)
        if len(calls) % 7 == 0:
            raise _Stop

    monkeypatch.setattr(Stage, "save", interrupted)
    parse = aliccp.parse_features
    monkeypatch.setattr(aliccp, "parse_features", lambda *args: parsed.append(1) or parse(*args))
    for _ in range(100):
        try:
            data = prepare("aliccp", raw, tmp_path / "set")
            break
        except _Stop:
            assert not (tmp_path / "set").exists()
    assert len(calls) > 20 and len(parsed) < len(calls) + 10  # no block was parsed twice
    assert data.schema == whole.schema
    for path in (tmp_path / "whole").glob("*.npy"):
        assert (tmp_path / "set" / path.name).read_bytes() == path.read_bytes()
    assert not [path for path in tmp_path.iterdir() if "staging" in path.name]


def test_blocks_are_joined_in_parts_of_a_bounded_size_whatever_their_own(raw, tmp_path, monkeypatch):
    whole = prepare("aliccp", raw, tmp_path / "whole")
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr(aliccp, "PART_ROWS", 500)
    monkeypatch.setattr("src.data.staging.stage.PART_ROWS", 500)
    parts, joined = [], aliccp.point_to
    monkeypatch.setattr(aliccp, "point_to", lambda keys, *more: parts.append(len(keys)) or joined(keys, *more))
    data = prepare("aliccp", raw, tmp_path / "set")
    assert data.schema == whole.schema
    assert 6 <= len(parts) <= 8 and max(parts) <= 500 and sum(parts) == sum(data.schema.rows.values())


def test_a_changed_file_or_setting_starts_from_scratch(raw, tmp_path, monkeypatch):
    folder = tmp_path / "raw"
    shutil.copytree(raw, folder)
    monkeypatch.setattr("src.data.preparing.prepare.encode_stage", lambda *_: (_ for _ in ()).throw(_Stop()))
    with pytest.raises(_Stop):
        prepare("aliccp", folder, tmp_path / "set")
    monkeypatch.undo()
    write_aliccp(folder, ROWS // 2, seed=5)
    data = prepare("aliccp", folder, tmp_path / "set", overrides={"by": "given", "parts": [1, 0, 0]})
    assert data.schema.rows["train"] == len(_plain_join(folder, "train"))


def test_a_damaged_stage_is_read_again(raw, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("src.data.preparing.prepare.encode_stage", lambda *_: (_ for _ in ()).throw(_Stop()))
    with pytest.raises(_Stop):
        prepare("aliccp", raw, tmp_path / "set")
    monkeypatch.undo()
    part = tmp_path / ".set.staging" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:100])
    data = prepare("aliccp", raw, tmp_path / "set")
    assert "is damaged" in caplog.text
    assert sum(data.schema.rows.values()) == sum(len(_plain_join(raw, split)) for split in ("train", "test"))


@pytest.mark.parametrize(("file", "change", "message"), [
    ("sample_skeleton_train.csv", lambda t: t[:-200], "line 2400 has [1-5] cells|hold item|line 2399"),
    ("sample_skeleton_train.csv", lambda t: t.replace("\n1,", "\n1,x", 1), "line 2, column 'click' holds 'x"),
    ("sample_skeleton_test.csv", lambda t: t.replace("205\x02", "205\x02?", 1), "lines 1 to 600 hold item '205'"),
    ("common_features_train.csv", lambda t: t + t.splitlines()[0] + "\n", "line 41 repeats index"),
    ("common_features_train.csv", lambda t: t.replace(",", ";"), "line 1 has 1 cells; expected 3"),
    ("common_features_test.csv", None, "has no common_features_test.csv"),
])
def test_broken_files_are_refused_with_file_and_line(raw, tmp_path, file, change, message):
    folder = tmp_path / "raw"
    shutil.copytree(raw, folder)
    path = folder / file
    if change is None:
        path.unlink()
    else:
        path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=message):
        prepare("aliccp", folder, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_the_largest_value_of_a_repeated_field_counts_and_ties_take_the_first():
    lists = pl.Series(["a\x0210\x031.0\x01a\x0211\x033.0\x01a\x0212\x033.0\x01b\x025\x031", "b\x027\x032"])
    frame = aliccp.parse_features(lists, ["a", "b", "c"], "here")
    assert frame.to_dict(as_series=False) == {"a": [11, None], "b": [5, 7], "c": [None, None]}


@pytest.mark.parametrize("item", ["a", "a\x02", "a\x025", "a\x025\x03", "a\x02\x031", "a\x02x\x031", "a\x025\x031\x032",
                                  "a\x035\x021"])
def test_items_of_another_form_are_refused_where_they_are_wanted(item):
    lists = pl.Series(["b\x021\x031", f"a\x021\x031\x01{item}\x01ab\x02x"])
    if not item.startswith("a\x03"):  # a field of that name
        with pytest.raises(UserError, match="here hold item 'a'"):
            aliccp.parse_features(lists, ["b", "a"], "here")
    assert aliccp.parse_features(lists, ["b"], "here")["b"].to_list() == [1, None]


def test_state_on_disk_names_rows_read_and_kept(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("src.data.preparing.prepare.encode_stage", lambda *_: (_ for _ in ()).throw(_Stop()))
    with pytest.raises(_Stop):
        prepare("aliccp", raw, tmp_path / "set")
    state = json.loads((tmp_path / ".set.staging" / "stage.json").read_text())["state"]
    assert state["sample_skeleton_train.csv"]["read"] == 2_400 and state["sample_skeleton_train.csv"]["finished"]


def test_conversions_of_clicked_impressions(raw, tmp_path):
    data = prepare("aliccp", raw, tmp_path / "set", overrides={"tasks": ["ctr", "cvr_clicked"], "min_count": 1})
    labels = np.concatenate([data.split(split).read_labels(0, data.schema.rows[split]) for split in SPLITS])
    expected = np.array([both for split in ("train", "test") for _, both in _plain_join(raw, split)])
    assert (labels[:, 0] == 1).sum() == expected[:, 0].sum()
    np.testing.assert_array_equal(labels[:, 1] == UNKNOWN, labels[:, 0] == 0)
    assert (labels[:, 1] == 1).sum() == (expected[:, 0] & expected[:, 1]).sum()

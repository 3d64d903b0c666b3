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
"""The prepared set on disk: reading, refusing damage, appearing whole or not at all."""


import numpy as np
import pytest

from src.common.errors import UserError
from src.common.files import read_json, sha256, write_json
from src.data.prepared import ENCODER_VERSION, PreparedData
from src.data.preparing.place import Place
from src.data.preparing.write import PreparedWriter
from src.schema import SPLITS, UNKNOWN, Field, Schema, Task

ROWS = {"train": 25, "valid": 7, "test": 0}
TASKS = (Task("a"), Task("b"))


def _content(seed=0):
    draw = np.random.default_rng(seed)
    return {name: (draw.integers(0, 9, (rows, 3), dtype=np.int32), draw.integers(0, 2, (rows, 2), dtype=np.uint8))
            for name, rows in ROWS.items()}


def _write(path, content, commit=True, tasks=TASKS):
    with PreparedWriter(Place(path), shard_rows=10) as writer:
        writer.begin(ROWS, 3, 2)
        for name, (ids, labels) in content.items():
            for start in range(0, len(ids), 4):
                writer.append(name, ids[start:start + 4], labels[start:start + 4])
        schema = Schema("made", tuple(Field(f"f{i}", 9) for i in range(3)), tasks, ROWS,
                        writer.finish_shards(), ENCODER_VERSION)
        if commit:
            writer.commit(schema, {})


@pytest.fixture(name="prepared")
def _prepared(tmp_path):
    content = _content()
    _write(tmp_path / "set", content)
    return tmp_path / "set", content


def test_reads_back_what_was_written_over_several_shards(prepared):
    path, content = prepared
    data = PreparedData.open(path)
    assert data.split("train").block_bounds.tolist() == [0, 10, 20, 25]
    for name in SPLITS:
        ids, labels = data.split(name).read(0, ROWS[name])
        assert ids.dtype == np.int32 and labels.dtype == np.uint8
        np.testing.assert_array_equal(ids, content[name][0])
        np.testing.assert_array_equal(labels, content[name][1])


def test_take_and_read_agree_with_indexing(prepared):
    path, content = prepared
    split = PreparedData.open(path).split("train")
    rows = np.array([24, 3, 3, 19, 10, 0, 9])
    for columns, tasks in ((None, None), ([2, 0], [1])):
        ids, labels = split.take(rows, columns, tasks)
        wanted_ids = content["train"][0][rows] if columns is None else content["train"][0][rows][:, columns]
        wanted_labels = content["train"][1][rows] if tasks is None else content["train"][1][rows][:, tasks]
        np.testing.assert_array_equal(ids, wanted_ids)
        np.testing.assert_array_equal(labels, wanted_labels)
        assert ids.flags.c_contiguous
    np.testing.assert_array_equal(split.read(8, 22, [1])[0], content["train"][0][8:22][:, [1]])
    assert split.read(20, 99)[0].shape == (5, 3)
    assert split.take(np.empty(0, np.int64))[0].shape == (0, 3)


def test_take_refuses_rows_outside(prepared):
    split = PreparedData.open(prepared[0]).split("valid")
    for row in (-1, 7):
        with pytest.raises(IndexError):
            split.take(np.array([row]))


def test_missing_folder_and_schema_name_the_remedy(tmp_path):
    with pytest.raises(UserError, match="does not exist.*preprocess.py"):
        PreparedData.open(tmp_path / "nothing")
    with pytest.raises(UserError, match="no schema.json"):
        PreparedData.open(tmp_path)


@pytest.mark.parametrize("damage", ["{", "{}", "[]", "null", '{"dataset": "x"}'])
def test_damaged_schema_is_refused(prepared, damage):
    (prepared[0] / "schema.json").write_text(damage)
    with pytest.raises(UserError, match="schema.json"):
        PreparedData.open(prepared[0])


def test_other_encoder_version_is_refused(prepared):
    schema = read_json(prepared[0] / "schema.json")
    write_json(prepared[0] / "schema.json", {**schema, "encoder_version": 99}, sealed=True)
    with pytest.raises(UserError, match="version 99"):
        PreparedData.open(prepared[0])


def test_damaged_shards_are_named(prepared):
    path = prepared[0]
    shard = path / "train-00001-ids.npy"
    whole = shard.read_bytes()
    for content, verify in ((whole[:-4], False), (whole[:50], False), (b"", False), (whole[:-1] + b"\x55", True),
                            (whole.replace(b"}", b"("), False), (whole.replace(b"'<i4'", b"'<<4'"), False)):
        shard.write_bytes(content)
        with pytest.raises(UserError, match="train-00001-ids.npy"):
            PreparedData.open(path, verify=verify)
    np.save(shard, np.zeros((10, 3), np.int64))
    with pytest.raises(UserError, match=r"int64 \[10, 3\]; expected int32"):
        PreparedData.open(path)
    np.save(shard, np.zeros((9, 3), np.int32))
    with pytest.raises(UserError, match=r"expected int32 \[10, 3\]"):
        PreparedData.open(path)
    np.save(shard, np.array([[{}] * 3] * 10, dtype=object))
    with pytest.raises(UserError, match="train-00001-ids.npy"):
        PreparedData.open(path)
    shard.unlink()
    with pytest.raises(UserError, match="train-00001-ids.npy is missing"):
        PreparedData.open(path)


def test_a_shard_outside_the_folder_is_refused(prepared):
    schema = read_json(prepared[0] / "schema.json")
    schema["shards"]["train"][0]["ids"] = "../other.npy"
    write_json(prepared[0] / "schema.json", schema, sealed=True)
    with pytest.raises(UserError, match="plain file name"):
        PreparedData.open(prepared[0])


def _seal_again(path, **shards):
    """Writes other content into shards of a set and fits the checksums, as someone would who edits a set."""
    schema = read_json(path / "schema.json")
    for split in schema["shards"].values():
        for shard in split:
            for kind in ("ids", "labels"):
                if shard[kind] in shards:
                    np.save(path / shard[kind], shards[shard[kind]])
                    shard[f"{kind}_sha256"] = sha256(path / shard[kind])
    write_json(path / "schema.json", schema, sealed=True)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(("kind", "value", "words"), [
    ("labels", 2, "the train shards of .* hold labels other than 0 and 1"),
    ("labels", 255, "the train shards of .* hold labels other than 0 and 1"),
    ("ids", 9, "train-00001-ids.npy holds id 9 of field 'f1'; expected 0 to 8"),
    ("ids", -1, "train-00001-ids.npy holds id -1 of field 'f1'; expected 0 to 8"),
])
def test_labels_and_ids_out_of_range_are_refused_though_the_checksums_fit(prepared, kind, value, words, verify):
    path, content = prepared
    name = f"train-00001-{kind}.npy"
    array = content["train"][kind == "labels"][10:20].copy()
    array[3, 1] = value
    _seal_again(path, **{name: array})
    with pytest.raises(UserError, match=words):
        PreparedData.open(path, verify)


def _changed(path, *place_and_value):
    *place, last, value = place_and_value
    schema = read_json(path / "schema.json")
    part = schema
    for key in place:
        part = part[key]
    part[last] = value
    write_json(path / "schema.json", schema, sealed=True)


@pytest.mark.parametrize(("change", "words"), [
    (("fields", 1, "cardinality", 0), "cardinality of field 'f1' is 0; expected at least 1"),
    (("fields", 1, "cardinality", -3), "cardinality of field 'f1' is -3; expected at least 1"),
    (("fields", 1, "cardinality", "151"), "cardinality of field 'f1' is '151'; expected a whole number"),
    (("fields", 1, "cardinality", 4), "train-00000-ids.npy holds id 8 of field 'f1'; expected 0 to 3"),
    (("fields", 1, "kind", "numbr"), "kind of field 'f1' is 'numbr'.*did you mean number"),
    (("fields", 1, "name", "f0"), "fields has 'f0' twice"),
    (("fields", 1, 7), "item 2 of fields is 7; expected a mapping"),
    (("fields", []), "fields is empty"),
    (("fields", 1, "vocabulary", "../../../../etc/passwd"), "vocabulary of field 'f1' is .*expected a file below"),
    (("fields", 1, "vocabulary", "/etc/passwd"), "vocabulary of field 'f1' is .*expected a file below"),
    (("tasks", 0, "positive_rate", None), "positive_rate of task 'a' is None; expected a mapping"),
    (("tasks", 0, "positive_rate", {"train": 1.5}), "train of positive_rate of task 'a' is 1.5; expected at most 1"),
    (("tasks", 0, "positive_rate", {"train": 1.0}), "positive labels of task 'a'; expected 25, as schema.json says"),
    (("rows", "train", -1), "train of rows is -1; expected at least 0"),
    (("rows", {"train": 25, "valid": 7}), "lacks the split test"),
    (("settings", []), "settings is \\[\\]; expected a mapping"),
])
def test_nonsense_in_a_schema_is_one_line_that_names_its_place(prepared, change, words):
    _changed(prepared[0], *change)
    with pytest.raises(UserError, match=f"schema.json is damaged: .*{words}|{words}") as error:
        PreparedData.open(prepared[0])
    assert "\n" not in str(error.value)


def test_fields_tasks_and_splits_that_changed_places_are_refused(tmp_path):
    content = _content()
    content["train"][0][:, 0] %= 4
    rates = [{name: float(labels[:, t].mean()) for name, (_, labels) in content.items() if len(labels)} for t in (0, 1)]
    assert rates[0] != rates[1]
    for key in ("fields", "tasks"):
        path = tmp_path / key
        _write(path, content)
        schema = read_json(path / "schema.json")
        schema["fields"][0]["cardinality"] = 4
        for task, rate in zip(schema["tasks"], rates):
            task["positive_rate"] = rate
        content["valid"][0][:, 0] %= 4
        _seal_again(path, **{"valid-00000-ids.npy": content["valid"][0]})
        schema["shards"] = read_json(path / "schema.json")["shards"]
        write_json(path / "schema.json", schema, sealed=True)
        PreparedData.open(path)
        schema[key][:2] = schema[key][1::-1]
        write_json(path / "schema.json", schema, sealed=True)
        with pytest.raises(UserError, match="expected 0 to 3" if key == "fields" else "positive labels of task"):
            PreparedData.open(path)


def test_an_abandoned_writer_leaves_the_old_set_and_nothing_else(prepared):
    path, content = prepared
    _write(path, _content(1), commit=False)
    np.testing.assert_array_equal(PreparedData.open(path).split("train").read(0, 25)[0], content["train"][0])
    assert sorted(item.name for item in path.parent.iterdir()) == [".set.lock", "set"]


def test_a_commit_replaces_the_old_set(prepared):
    path = prepared[0]
    _write(path, _content(1))
    np.testing.assert_array_equal(PreparedData.open(path).split("train").read(0, 25)[0], _content(1)["train"][0])
    assert sorted(item.name for item in path.parent.iterdir()) == [".set.lock", "set"]


def test_a_set_left_aside_by_a_kill_is_put_back(prepared):
    path, content = prepared
    path.rename(path.with_name(".set.replaced"))
    _write(path, _content(1), commit=False)
    np.testing.assert_array_equal(PreparedData.open(path).split("train").read(0, 25)[0], content["train"][0])


def test_other_work_is_never_overwritten(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not a prepared data set"):
        _write(tmp_path / "set", _content())
    assert (tmp_path / "set" / "thesis.txt").read_text() == "years of work"


def test_two_writers_of_one_place_are_refused(tmp_path):
    second = PreparedWriter(Place(tmp_path / "set"))
    with PreparedWriter(Place(tmp_path / "set")), pytest.raises(UserError, match="being prepared by another process"):
        second.__enter__()


def test_rows_must_match_the_announcement(tmp_path):
    with PreparedWriter(Place(tmp_path / "set")) as writer:
        writer.begin({"train": 1, "valid": 0, "test": 0}, 1, 1)
        with pytest.raises(ValueError, match="fewer"):
            writer.finish_shards()
        writer.append("train", np.zeros((1, 1), np.int32), np.zeros((1, 1), np.uint8))
        with pytest.raises(ValueError, match="more"):
            writer.append("train", np.zeros((1, 1), np.int32), np.zeros((1, 1), np.uint8))


def _partial(known=(20, 7, 0), rate=0.5):
    """A set whose second task has a label in the first 20 train rows, of which 10 are positive."""
    content = _content()
    labels = content["train"][1]
    labels[:, 1] = [1, 0] * 10 + [UNKNOWN] * 5
    return content, (Task("a"), Task("b", {"train": rate}, dict(zip(SPLITS, known))))


def test_labels_of_some_rows_are_read_back(tmp_path):
    content, tasks = _partial()
    _write(tmp_path / "set", content, tasks=tasks)
    data = PreparedData.open(tmp_path / "set")
    assert data.schema.partial == (False, True) == data.split("valid").partial
    np.testing.assert_array_equal(data.split("train").read_labels(0, 25), content["train"][1])
    assert "known" not in read_json(tmp_path / "set" / "schema.json")["tasks"][0]


@pytest.mark.parametrize(("change", "words"), [
    ({"known": (19, 7, 0)}, "hold 20 labels of task 'b'; expected 19"),
    ({"known": (25, 7, 0)}, "hold 20 labels of task 'b'; expected 25"),
    ({"rate": 0.4}, "hold 10 positive labels of task 'b'; expected 8"),
])
def test_labels_other_than_the_schema_counts_are_refused(tmp_path, change, words):
    content, tasks = _partial(**change)
    _write(tmp_path / "set", content, tasks=tasks)
    with pytest.raises(UserError, match=words):
        PreparedData.open(tmp_path / "set")

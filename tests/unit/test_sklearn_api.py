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
"""MultiSFSSelector: finds planted columns, takes any table, and behaves as scikit-learn expects."""

from __future__ import annotations

import doctest
import json

import mindspore as ms
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import check_estimator

from src import sklearn_api
from src.schema import Selection
from src.selection import MultiSFSSelector
from src.selection.calibrated.forward import FALSE

TINY = {"embedding_dim": 2, "bottom_dims": (4,), "tower_dims": (2,), "experts": 2, "batch_size": 128,
        "score_batches": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def pynative(monkeypatch):
    """Many small networks: without compiling each."""
    monkeypatch.setattr(sklearn_api, "choose_device", lambda *_: ms.set_context(mode=ms.PYNATIVE_MODE))


def make_table(rows: int = 600):
    """Column "a" decides task "click", "d" decides "like"; of every kind of dtype."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({
        "a": rng.choice(["x", "y", None], rows), "b": pd.Categorical(rng.choice(["u", "v"], rows)),
        "c": rng.integers(0, 5, rows), "d": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
        "e": rng.random(rows) < 0.5, "f": pd.to_datetime(rng.integers(0, 3, rows), unit="D"),
    })
    flip = rng.random((rows, 2)) < 0.05
    labels = pd.DataFrame({"click": (table["a"] == "x") ^ flip[:, 0], "like": (table["d"] > 0) ^ flip[:, 1]})
    return table, labels.astype(int)


def test_it_finds_what_was_planted_in_columns_of_any_type():
    table, labels = make_table()
    selector = MultiSFSSelector(k=1, backbone="ple", **TINY).fit(table, labels)
    assert selector.get_feature_names_out(task="click").tolist() == ["a"]
    assert selector.get_feature_names_out(task="like").tolist() == ["d"]
    assert selector.get_feature_names_out().tolist() == ["a", "d"]
    assert selector.scores_.shape == (2, 6) and selector.relations_.shape == (6, 2, 2)
    assert selector.get_support().tolist() == [[True] + [False] * 5, [False, False, False, True, False, False]]
    assert selector.get_support(task="like", indices=True).tolist() == [3]
    pd.testing.assert_frame_equal(selector.transform(table, task="like"), table[["d"]])
    pd.testing.assert_frame_equal(selector.transform(table), table[["a", "d"]])
    again = Selection.from_json(json.loads(json.dumps(selector.selection_.to_json())))
    assert again.selected == {"click": ("a",), "like": ("d",)}


def test_pandas_polars_and_repetition_agree():
    table, labels = make_table()
    first = MultiSFSSelector(k=2, **TINY).fit(table, labels)
    frame = pl.from_pandas(table)
    other = MultiSFSSelector(k=2, **TINY).fit(frame, labels.to_numpy())
    assert np.array_equal(first.scores_, other.scores_) and other.tasks_ == ["y0", "y1"]
    assert other.transform(frame, task="y1").columns == first.get_feature_names_out(task="like").tolist()
    assert np.array_equal(clone(first).fit(table, labels).scores_, first.scores_)


@pytest.mark.slow
@pytest.mark.parametrize("score_batches", ["auto", 1])
def test_columns_of_one_task_say_nothing_about_the_other(score_batches):
    """Small tables with common labels, independent given the columns: few of the columns above chance are noise."""
    false = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = pd.DataFrame({"city": rng.choice(list("abcd"), 4000), "age": rng.integers(18, 80, 4000),
                          "device": rng.choice(["phone", "desk"], 4000), "price": rng.gamma(2.0, 10.0, 4000).round(2),
                          "page": rng.integers(0, 50, 4000), "colour": rng.choice(list("xyz"), 4000)})
        click = 0.2 + 0.5 * (X["device"] == "phone") + 0.2 * (X["page"] % 2)
        buy = 0.1 + 0.6 * (X["price"] < 15) + 0.2 * (X["city"] == "b")
        Y = {"click": rng.random(4000) < click, "buy": rng.random(4000) < buy}
        small = {**TINY, "batch_size": 2048, "score_batches": score_batches, "random_state": seed}
        selector = MultiSFSSelector(k=2, **small).fit(X, Y)
        for scores, own in zip(selector.scores_, ({"device", "page"}, {"price", "city"})):
            above = {column for column, score in zip(X, scores) if score > selector.chance_}
            false.append(len(above - own) / len(above))
    assert np.mean(false) <= FALSE + 3 * np.sqrt(FALSE / 3 / len(false))  # as in test_sampling.py


def test_columns_of_lists_count_with_all_their_values():
    """A tag that is never first in its cell decides; whatever the cells are, lists or text."""
    rng = np.random.default_rng(4)
    tags = [["first", *rng.choice(list("abcd"), rng.integers(0, 4), replace=False)] for _ in range(1500)]
    label = np.array(["b" in cell for cell in tags]) ^ (rng.random(1500) < 0.05)
    X = pd.DataFrame({"noise": rng.integers(0, 4, 1500), "tags": tags})
    found = [MultiSFSSelector(k=1, list_features=["tags"], pool=pool, **TINY).fit(table, label)
             for table, pool in ((X, "mean"), (X.assign(tags=X["tags"].map(",".join)), "mean"),
                                 (pl.DataFrame({"noise": X["noise"], "tags": tags}), "mean"), (X, "sum"))]
    assert all(selector.get_support().tolist() == [False, True] for selector in found)
    assert all(selector.scores_[0, 1] > selector.chance_ > selector.scores_[0, 0] for selector in found)
    assert np.array_equal(found[0].scores_, found[1].scores_) and np.array_equal(found[0].scores_, found[2].scores_)


def test_columns_declared_of_another_kind():
    """An id held as float is found once it is declared categorical; a number held as text is one when declared so."""
    rng = np.random.default_rng(3)
    user, price = rng.integers(0, 60, 1500), rng.gamma(2, 10, 1500).round(3)
    X = pd.DataFrame({"user": user.astype(float), "noise": rng.integers(0, 4, 1500), "price": price.astype(str)})
    Y = pd.DataFrame({"a": user % 2 ^ (rng.random(1500) < 0.05), "b": (price > 17) ^ (rng.random(1500) < 0.05)})
    by_type = MultiSFSSelector(k=1, **TINY).fit(X, Y)
    named = MultiSFSSelector(k=1, categorical_features=["user"], numeric_features=["price"], **TINY).fit(X, Y)
    placed = MultiSFSSelector(k=1, categorical_features=[0], numeric_features=[False, False, True], **TINY).fit(X, Y)
    assert named.get_support().tolist() == [[True, False, False], [False, False, True]]
    assert np.array_equal(named.scores_, placed.scores_)
    assert (by_type.scores_[[0, 1], [0, 2]] < by_type.chance_).all()
    assert (named.scores_[[0, 1], [0, 2]] > named.chance_).all()


def test_support_of_one_task_ranking_and_the_way_back():
    table, labels = make_table()
    one = MultiSFSSelector(k=2, **TINY).fit(table, labels["click"])
    assert one.tasks_ == ["click"] and one.classes_.tolist() == [0, 1]
    assert one.get_support().shape == (6,) and "a" in table.columns[one.get_support()]
    both = MultiSFSSelector(k={"click": 1, "like": 0.34}, **TINY).fit(table, labels)
    assert both.get_support().sum(1).tolist() == [1, 2]
    ranking = both.feature_ranking()
    assert ranking.columns.tolist() == ["task", "feature", "score", "rank", "selected"] and len(ranking) == 12
    assert ranking.query("task == 'like'")["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    for task, part in ranking.groupby("task"):
        assert part["score"].is_monotonic_decreasing
        assert set(part.loc[part["selected"], "feature"]) == set(both.get_feature_names_out(task=task))
    back = both.inverse_transform(both.transform(table, task="click"), task="click")
    assert back.columns.tolist() == table.columns.tolist() and back["a"].equals(table["a"]) and back["b"].isna().all()
    polar = pl.from_pandas(table)
    back = both.inverse_transform(both.transform(polar))
    assert back.columns == polar.columns and back["d"].equals(polar["d"]) and back["c"].null_count() == 600
    array = both.inverse_transform(np.ones((2, 1)), task="click")
    assert array.tolist() == [[1, 0, 0, 0, 0, 0]] * 2


def test_auto_tries_out_how_many_columns_are_enough():
    table, labels = make_table(1500)
    selector = MultiSFSSelector(k="auto", **{**TINY, "score_batches": "auto"}).fit(table, labels)
    steps = selector.selection_.settings["ladder"]
    above = np.maximum((selector.scores_ > selector.chance_).sum(1), 1).tolist()
    assert above in [list(step["fields"].values()) for step in steps]
    assert list(steps[-1]["fields"].values()) == [6, 6]
    kept = next(step for step in steps if step["kept"])
    assert selector.get_support().sum(1).tolist() == list(kept["fields"].values()) and kept["change"] <= 0
    assert MultiSFSSelector(k=0.5, **TINY).fit(table, labels).get_support().sum(1).tolist() == [3, 3]


def test_columns_without_names_of_text():
    table, labels = make_table()
    X = table.set_axis(range(6), axis=1)
    selector = MultiSFSSelector(k=1, categorical_features=[3], numeric_features=[2], **TINY).fit(X, labels)
    assert not hasattr(selector, "feature_names_in_") and selector.get_feature_names_out(task="click") == ["x0"]
    assert X.columns[selector.get_support(task="click")].tolist() == [0]
    back = selector.inverse_transform(selector.transform(X))
    assert back.columns.tolist() == list(range(6)) and back[0].equals(X[0])


@pytest.mark.parametrize("change", [
    lambda Y: Y.sample(frac=1, random_state=0), lambda Y: Y.astype(bool), lambda Y: Y + 1, lambda Y: 2 * Y - 1,
    lambda Y: Y.replace({0: "no", 1: "yes"}), lambda Y: Y.astype("category"), lambda Y: dict(Y.items()),
    lambda Y: pl.from_pandas(Y), lambda Y: Y.astype("Int64").sample(frac=1, random_state=1),
    lambda Y: {name: Y[name].to_numpy() for name in Y}, lambda Y: {name: Y[name][::-1] for name in Y},
])
def test_labels_of_every_form_give_one_result(change):
    table, labels = make_table(200)
    table, labels = (frame.set_axis(range(7, 207)) for frame in (table, labels))
    expected = MultiSFSSelector(k=1, **TINY).fit(table, labels)
    selector = MultiSFSSelector(k=1, **TINY).fit(table, change(labels))
    assert np.array_equal(selector.scores_, expected.scores_) and selector.tasks_ == ["click", "like"]


@pytest.mark.parametrize("change", [
    lambda Y: Y, lambda Y: pl.from_pandas(Y), lambda Y: Y.to_numpy(), lambda Y: Y.astype("Int64"),
    lambda Y: Y.replace({0: "no", 1: "yes"}), lambda Y: {name: [None if cell != cell else cell for cell in Y[name]]
                                                         for name in Y},
])
def test_labels_of_some_rows(change):
    """A task is scored on the rows that have a label; the others are refused unless they may be there."""
    table, labels = make_table(300)
    known = (table["c"] > 1).to_numpy()
    partial = labels.assign(like=labels["like"].where(known))
    with pytest.raises(ValueError, match=r"no label in .* rows.* missing_labels='masked'"):
        MultiSFSSelector(k=1, **TINY).fit(table, change(partial))
    config = {**TINY, "score_batches": "auto", "relation": "none"}  # each task alone
    selector = MultiSFSSelector(k=1, missing_labels="masked", **config).fit(table, change(partial))
    assert [len(classes) for classes in selector.classes_] == [2, 2]
    click = MultiSFSSelector(k=1, **config).fit(table, labels["click"])
    np.testing.assert_array_equal(selector.scores_[0], click.scores_[0])
    assert np.argmax(selector.scores_[1]) == 3


def test_weights_of_rows():
    """Rows of weight 0 say nothing, and equal weights change nothing; weights follow the index, too."""
    table, labels = make_table(400)
    config = {**TINY, "score_batches": "auto"}
    weights = pd.Series(np.where(np.arange(400) < 300, 2.0, 0.0), table.index)
    swapped = labels.copy()
    swapped.iloc[300:] = labels.iloc[300:, ::-1].to_numpy()
    found = MultiSFSSelector(k=1, **config).fit(table, swapped, weights.sample(frac=1, random_state=0))
    expected = MultiSFSSelector(k=1, **config).fit(table, labels, weights)
    np.testing.assert_array_equal(found.scores_, expected.scores_)
    plain = MultiSFSSelector(k=1, **config).fit(table, labels)
    np.testing.assert_array_equal(MultiSFSSelector(k=1, **config).fit(table, labels, np.full(400, 3)).scores_,
                                  plain.scores_)


@pytest.mark.parametrize("weights, words", [
    ([1.0] * 19, "sample_weight has the shape .19.; expected as many rows as X, 20"),
    ([-1.0] + [1.0] * 19, "sample_weight is -1.0 at position 0"), ([1.0] * 19 + [np.nan], "nan at position 19"),
    ([0] * 20, "zero in all rows"), (["a"] * 20, "something else than numbers"), (np.ones((20, 2)), "shape .20, 2."),
    ([1.0] + [1e-9] * 19, "scores see 1 of 20 train rows; expected at least 2"),
])
def test_weights_that_are_none(weights, words):
    X, Y = np.arange(40).reshape(20, 2) % 3, np.array([[0, 1], [1, 0]] * 10)
    with pytest.raises(ValueError, match=words):
        MultiSFSSelector(k=1, **TINY).fit(X, Y, sample_weight=weights)


def test_the_second_class_is_positive():
    table, labels = make_table(200)
    selector = MultiSFSSelector(k=1, **TINY).fit(table, labels.replace({0: "no", 1: "yes"}))
    assert [classes.tolist() for classes in selector.classes_] == [["no", "yes"], ["no", "yes"]]


def test_the_papers_method_gives_relations():
    table, labels = make_table(300)
    selector = MultiSFSSelector(k=2, method="paper", relation="pearson", **TINY).fit(table, labels)
    assert selector.relations_.shape == (6, 2, 2) and selector.chance_ is None


def test_pipeline_and_grid_search():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (400, 5)), None
    y = X[:, 3] ^ (rng.random(400) < 0.05)
    pipeline = Pipeline([("select", MultiSFSSelector(k=1, **TINY)), ("model", LogisticRegression())])
    search = GridSearchCV(pipeline, {"select__k": [1, 2]}, cv=2, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.9
    assert 3 in search.best_estimator_.named_steps["select"].get_support(indices=True)


@pytest.mark.parametrize("changes, labels, words", [
    ({"k": 0}, None, "k is 0; expected a number of columns, a share"), ({"k": True}, None, "k is True"),
    ({"k": 1.5}, None, "k is 1.5"), ({"k": "all"}, None, "k is 'all'"),
    ({"k": {"y0": 1}}, None, "k has the tasks y0; .* y0, y1"), ({"k": {"y0": 1, "y1": -1}}, None, "k of task y1 is -1"),
    ({"backbone": "mmo"}, None, "backbone is 'mmo' in MultiSFSSelector.*did you mean mmoe"),
    ({"method": "new"}, None, "method is 'new' .* calibrated"), ({"backbone": "esmm"}, [0, 1] * 10, "at least 2 tasks"),
    ({"buckets": 1}, None, "buckets is 1 in MultiSFSSelector"), ({"min_count": 0}, None, "min_count is 0"),
    ({"random_state": -1}, None, "Seed must be"),
    ({"missing_labels": "mask"}, None, "missing_labels is 'mask'; expected refused or masked; did you mean masked"),
    ({"categorical_features": ["x0"], "numeric_features": [0]}, None, "categorical_features and .* both have x0"),
    ({"categorical_features": ["y"]}, None, "categorical_features has 'y'; X has the columns x0, x1, at 0 to 1"),
    ({"numeric_features": [2]}, None, "numeric_features has 2"), ({"numeric_features": "x0"}, None, "expected 'auto'"),
    ({"list_features": [0], "numeric_features": [0]}, None, "list_features and another .* both have x0"),
    ({"list_features": [0], "pool": "max"}, None, "pool is 'max'; expected mean or sum"),
    ({"numeric_features": [True]}, None, "says True or False 1 times"),
    ({}, [0, 1, 2, 1] * 5, "Unknown label type: task y0 has 3 classes, 0, 1, 2"), ({}, [1] * 20, "has 1 class, 1;"),
    ({}, [0, 1], "as many rows as X"), ({}, [0.0, 1.0, np.nan, 1.0] * 5, "no label in 5 rows, .* position 2"),
    ({}, pd.DataFrame(np.eye(20)[:, :2], columns=["a", "a"]), "several tasks called a"), ({}, {}, "y has no task"),
    ({}, np.array([0, "a"] * 10, object), "several types"),
])
def test_bad_input(changes, labels, words):
    X = np.arange(40).reshape(20, 2) % 3
    Y = np.array([[0, 1], [1, 0]] * 10) if labels is None else labels
    with pytest.raises(ValueError, match=words) as raised:
        MultiSFSSelector(**{"k": 1, **TINY, **changes}).fit(X, Y)
    assert "\n" not in str(raised.value) and "keep_" not in str(raised.value)


def test_y_of_other_rows_is_refused():
    table, labels = make_table(100)
    with pytest.raises(ValueError, match="another index than X"):
        MultiSFSSelector(k=1, **TINY).fit(table, labels.set_axis(range(1, 101)))
    with pytest.raises(ValueError, match="column of times"):
        MultiSFSSelector(k=1, numeric_features=["f"], **TINY).fit(table, labels)
    with pytest.raises(ValueError, match="'a' holds '[xy]'"):
        MultiSFSSelector(k=1, numeric_features=["a"], **TINY).fit(table, labels)


def test_columns_that_do_not_fit():
    table, labels = make_table(100)
    with pytest.warns(UserWarning, match="keeps all"):
        selector = MultiSFSSelector(k=9, **TINY).fit(table, labels)
    with pytest.raises(ValueError, match="feature names"):
        selector.transform(table[["b", "a", "c", "d", "e", "f"]])
    with pytest.raises(ValueError, match="6 features"):
        selector.transform(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="task is 'lov'"):
        selector.transform(table, task="lov")


@pytest.mark.filterwarnings("ignore")  # scikit-learn's tables have fewer columns than k, and it warns itself
def test_scikit_learns_checks():
    results = check_estimator(MultiSFSSelector(k=1, **{**TINY, "score_batches": 1, "batch_size": 32}), on_fail=None,
                              on_skip=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    for name in list(failed):  # weights decide which rows are drawn: repeated rows are another sample
        if name.startswith("check_sample_weight_equivalence"):
            del failed[name]
    assert len(results) > 40 and not failed, failed
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}  # docs/PEERS.md says why


def test_the_example_in_the_docstring():
    found = doctest.testmod(sklearn_api)
    assert found.attempted >= 6 and found.failed == 0

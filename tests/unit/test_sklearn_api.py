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
    assert selector.scores_.shape == (2, 6) and selector.relations_ is None
    assert selector.get_support().tolist() == [[True] + [False] * 5, [False, False, False, True, False, False]]
    assert selector.get_support(task="like", indices=True).tolist() == [3]
    pd.testing.assert_frame_equal(selector.transform(table, task="like"), table[["d"]])
    pd.testing.assert_frame_equal(selector.transform(table), table[["a", "d"]])
    again = Selection.from_json(json.loads(json.dumps(selector.selection_.to_json())))
    assert again.selected == {"click": ("a",), "like": ("d",)}


def test_pandas_polars_and_repetition_agree():
    table, labels = make_table()
    first = MultiSFSSelector(k=2, **TINY).fit(table, labels)
    frame = pl.DataFrame({name: sklearn_api._series(table[name]) for name in table})
    other = MultiSFSSelector(k=2, **TINY).fit(frame, labels.to_numpy())
    assert np.array_equal(first.scores_, other.scores_) and other.tasks_ == ["y0", "y1"]
    assert other.transform(frame, task="y1").columns == first.get_feature_names_out(task="like").tolist()
    assert np.array_equal(clone(first).fit(table, labels).scores_, first.scores_)


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
    ({"k": 0}, None, "keep_fields is 0"), ({"backbone": "mmo"}, None, "did you mean mmoe"),
    ({"method": "new"}, None, "calibrated, paper"), ({"backbone": "esmm"}, [0, 1] * 10, "at least 2 tasks"),
    ({}, [0, 2] * 10, "expected 0 and 1"), ({}, [1] * 20, "one class only"), ({}, [0, 1], "as many rows as X"),
])
def test_bad_input(changes, labels, words):
    X = np.arange(40).reshape(20, 2) % 3
    Y = np.array([[0, 1], [1, 0]] * 10) if labels is None else labels
    with pytest.raises(ValueError, match=words):
        MultiSFSSelector(**{"k": 1, **TINY, **changes}).fit(X, Y)


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


class TwoClasses(MultiSFSSelector):
    """Makes scikit-learn's labels, which may have several classes, 0 and 1; all else is ours."""

    def fit(self, X, y):
        """As MultiSFSSelector.fit."""
        return super().fit(X, y if y is None else (np.asarray(y) > np.asarray(y).min()).astype(int))


@pytest.mark.filterwarnings("ignore")  # scikit-learn's tables have fewer columns than k, and it warns itself
def test_scikit_learns_checks():
    results = check_estimator(TwoClasses(k=1, **{**TINY, "score_batches": 1, "batch_size": 32}), on_fail=None,
                              on_skip=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert len(results) > 40 and not failed, failed


def test_the_example_in_the_docstring():
    found = doctest.testmod(sklearn_api)
    assert found.attempted >= 6 and found.failed == 0

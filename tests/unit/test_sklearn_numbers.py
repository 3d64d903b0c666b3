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
"""MultiSFSSelector with labels that are numbers: they are named, and never guessed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from src.selection import MultiSFSSelector
from tests.unit.test_sklearn_api import TINY, make_table, pynative  # noqa: F401 (a fixture that every test uses)


@pytest.mark.parametrize("which", [["seconds"], [1], [False, True]])
def test_labels_that_are_numbers_are_named_and_never_guessed(which):
    table, labels = make_table()
    labels["seconds"] = 100 + 30 * (table["c"] - 2) + np.random.default_rng(0).normal(size=len(table))
    labels = labels.drop(columns="like")
    with pytest.raises(ValueError, match=r"task seconds has 600 classes.*numeric_labels=\['seconds'\] if they are"):
        MultiSFSSelector(k=1, **TINY).fit(table, labels)
    selector = MultiSFSSelector(k=1, numeric_labels=which, **TINY).fit(table, labels)
    assert selector.selection_.selected == {"click": ("a",), "seconds": ("c",)}
    assert selector.classes_[0].tolist() == [0, 1] and selector.classes_[1] is None
    labels.loc[labels.index[::3], "seconds"] = np.nan
    with pytest.raises(ValueError, match="task seconds has no label in 200 rows"):
        clone(selector).fit(table, labels)
    masked = clone(selector).set_params(missing_labels="masked").fit(table, labels)
    assert masked.selection_.selected["seconds"] == ("c",)


@pytest.mark.parametrize("labels, numbers, words", [
    (["x", "y"] * 10, "all", "task y0 is among numeric_labels and has labels that are no numbers, such as 'x'"),
    ([3.5] * 20, ["y0"], "has no two different labels"), ([np.inf, 1.0] * 10, [0], "has the label inf"),
    ([1.5, 2.5] * 10, ["watch"], "numeric_labels has 'watch'; y has the columns y0"), ([1, 2] * 10, "y0", "expected '"),
])
def test_labels_that_are_no_numbers(labels, numbers, words):
    with pytest.raises(ValueError, match=words):
        MultiSFSSelector(k=1, numeric_labels=numbers, **TINY).fit(np.arange(40).reshape(20, 2) % 3, labels)


def test_a_single_task_of_numbers():
    X = np.random.default_rng(0).integers(0, 4, (300, 3))
    selector = MultiSFSSelector(k=1, numeric_labels="all", backbone="single_task", **TINY)
    selector.fit(X, X[:, 2] * 2.5 + np.random.default_rng(1).normal(size=300))
    assert selector.get_support().tolist() == [False, False, True] and selector.classes_ is None

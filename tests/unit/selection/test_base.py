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
"""From scores to a Selection: exact k, ties, shared fields."""

import logging

import numpy as np
import pytest

from src.common.errors import UserError
from src.schema import Selection
from src.selection.base import (
    Selector,
    adapt_selection,
    all_fields,
    fields_to_keep,
    make_selection,
    top_fields,
    with_masks,
)
from src.selection.registry import check_request
from src.selection.shared import fields_read, shared_fields
from src.settings import load_settings
from tests.helpers import make_config, make_schema, toy_data

SCHEMA, DATA = make_schema(2), toy_data()


def fitted(scores, chance=None, levels=()):
    selector = Selector(make_config())
    selector.scores_, selector.chance_, selector.levels_ = np.array(scores, float), chance, levels
    selector.seconds_ = {}
    return selector


def test_exactly_k_with_ties_in_field_order():
    assert top_fields(np.array([1.0, 3, 1, 3, 1]), 3) == [1, 3, 0]
    assert top_fields(np.zeros(5), 2) == [0, 1]


@pytest.mark.parametrize("ratio, fields, k", [(0.5, 41, 20), (0.3, 10, 3), (0.01, 10, 1), (1.0, 7, 7)])
def test_ratio_rounds_down_and_keeps_one(ratio, fields, k):
    assert fields_to_keep(fields, ratio, "none", ["a", "b"]) == [k, k]


def test_number_of_fields():
    assert fields_to_keep(5, 0.5, 4, ["a"]) == [4]


def test_shared_fields():
    assert shared_fields("union", [[4, 1], [1, 2]], 6) == [1, 2, 4]
    assert shared_fields("intersection", [[4, 1], [1, 2]], 6) == [1]
    assert shared_fields(None, [[4], [1]], 6) == []


@pytest.mark.parametrize("backbone, read", [
    ("mmoe", [(1, 2, 4), (1, 2, 4)]), ("ple", [(1, 4), (1, 2)]), ("esmm", [(1, 4), (1, 2)])])
def test_what_every_task_reads(backbone, read):
    assert fields_read(make_config(backbone=backbone), [[4, 1], [1, 2]], 6) == read


def test_empty_intersection_takes_the_best_mean_ranks(caplog):
    with caplog.at_level(logging.WARNING):
        assert fields_read(make_config(backbone="ple", shared_fields="intersection"), [[5, 3], [2, 4]], 6) == [
            (2, 3, 5), (2, 4, 5)]
        assert not caplog.text  # only tried out
        assert shared_fields("intersection", [[5, 3], [2, 4]], 6) == [2, 5]
    assert "no field is kept by all tasks" in caplog.text


def test_selection_from_scores():
    selector = fitted([[0.1, 0.9, 0.5, 0, 0, 0.2], [3, 1, 2, 0, 0, 0]], chance=1.5)
    selection = make_selection(selector, DATA, ["t0", "t1"], make_config(backbone="ple", keep_ratio=0.5))
    assert selection.selected == {"t0": ("f1", "f2", "f5"), "t1": ("f0", "f2", "f1")}
    assert selection.shared == ("f1", "f2") and selection.k == {"t0": 3, "t1": 3}
    assert Selection.from_json(selection.to_json()).to_json() == selection.to_json()


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="field f1 for task t0 is not finite"):
        make_selection(fitted([[0, np.nan, 0, 0, 0, 0], [0] * 6]), DATA, ["t0", "t1"], make_config())


def test_all_fields():
    selection = all_fields(SCHEMA, ["t0", "t1"], make_config(backbone="aitm"))
    assert selection.k == {"t0": 6, "t1": 6} and selection.shared == () and selection.selector == "none"


def test_learned_masks_are_scores_and_order():
    selection = all_fields(SCHEMA, ["t0", "t1"], make_config(selector="mssm", end_to_end=True))
    masks = np.array([[0.1, 0.9, 0, 0, 0.5, 0], [1, 2, 3, 4, 5, 6]])
    learned = with_masks(selection, masks)
    assert learned.selector == "mssm" and learned.k == {"t0": 6, "t1": 6} and learned.shared == selection.shared
    assert learned.selected["t0"] == ("f1", "f4", "f0", "f2", "f3", "f5") and learned.scores["t1"]["f5"] == 6


@pytest.mark.parametrize("changes, message", [
    (["selector=chi2"], "end_to_end goes with the selectors .* mssm and cfs; selector is chi2"),
    (["selector=cfs", "selection=a.json"], "end_to_end learns its masks and takes no selection"),
    (["selector=cfs", "embedding_optimizer=lazy"], "embedding_optimizer lazy does not go with end_to_end"),
])
def test_what_cannot_be_trained_end_to_end_is_refused(changes, message):
    data = toy_data()
    with pytest.raises(UserError, match=message):
        check_request(data, data.schema.task_names, load_settings(["end_to_end=true", *changes]))


def test_a_selection_moves_to_another_backbone():
    selection = make_selection(fitted(np.eye(2, 6)), DATA, ["t0", "t1"], make_config(backbone="aitm"))
    moved = adapt_selection(selection, SCHEMA, ["t0", "t1"], make_config(backbone="mmoe"))
    assert moved.shared == ("f0", "f1", "f2") and moved.selected == selection.selected
    with pytest.raises(UserError, match="has no task 't9'"):
        adapt_selection(selection, SCHEMA, ["t9"], make_config())


def test_one_number_of_fields_per_task():
    config = make_config(backbone="ple", keep_fields={"t1": 1, "t0": 4})
    scores = fitted([[0.1, 0.9, 0.5, 0, 0, 0.2], [3, 1, 2, 0, 0, 0]])
    selection = make_selection(scores, DATA, ["t0", "t1"], config)
    assert selection.k == {"t0": 4, "t1": 1} and selection.selected["t1"] == ("f0",)
    assert Selection.from_json(selection.to_json()).settings["keep_fields"] == {"t1": 1, "t0": 4}


@pytest.mark.parametrize("keep_fields, message", [
    ({"t0": 2, "t3": 1}, "keep_fields names task 't3'; expected a number for each of t0, t1; did you mean t"),
    ({"t0": 2}, "keep_fields has no number for t1"),
    ({"t0": 2, "t1": 7}, "keep_fields is 7; the data set has 6 fields"),
    (7, "keep_fields is 7; the data set has 6 fields"),
])
def test_numbers_of_fields_that_do_not_fit_are_refused(keep_fields, message):
    data = toy_data()
    with pytest.raises(UserError, match=message):
        check_request(data, data.schema.task_names, make_config(keep_fields=keep_fields))

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
"""Selectors on a table with a pooled field: found where it decides, scored as finite differences say, or refused."""

import numpy as np
import pytest
from mindspore import Tensor

from src.common.errors import UserError
from src.data.memory import MemoryData, MemorySplit
from src.models import MaskedModel, fresh_model
from src.pooling import blocks
from src.selection.multisfs import MultiSFS
from src.selection.paper.relations import learn_relations
from src.selection.probe import blank_but, draw_parts
from src.selection.registry import SELECTORS, check_request
from tests.helpers import make_config, make_pooled_schema

COLUMNS = {"pools": [None, "mean", "sum"], "widths": [1, 3, 3]}


def planted(rows: int = 2400) -> MemoryData:
    """Tag 2 of the field "tags" decides both tasks; "more" and "plain" say nothing."""
    rng = np.random.default_rng(0)

    def lists():
        return rng.integers(1, 8, (rows, 3)) * (np.arange(3) < rng.integers(0, 4, (rows, 1)))

    tags = lists()
    ids = np.concatenate([rng.integers(0, 4, (rows, 1)), tags, lists()], 1).astype(np.int32)
    chance = np.where((tags == 2).any(1), 0.85, 0.3)[:, None]
    labels = (rng.random((rows, 2)) < chance).astype(np.uint8)
    part = {"train": slice(0, rows - 400), "valid": slice(rows - 400, rows - 200), "test": slice(rows - 200, rows)}
    return MemoryData("planted", ["plain", "tags", "more"], [4, 8, 8], ["t0", "t1"],
                      {split: (ids[own], labels[own]) for split, own in part.items()}, **COLUMNS)


def config_of(**changes):
    return make_config(**{"batch_size": 200, "search_epochs": 2, "epochs": 2, "learning_rate": 0.01, **changes})


@pytest.mark.parametrize("backbone", ["mmoe", "single_task"])
def test_the_papers_score_of_a_pooled_field_is_the_slope_of_the_loss(backbone, eager):
    data, config = planted(700), config_of(score="paper", score_batches=1, batch_size=300, relation="none",
                                           backbone=backbone)
    data._splits["train"].rows = 300
    scores = MultiSFS(config).fit(data, ["t0", "t1"]).scores_
    ids, labels = data.split("train").take(np.arange(300))
    plan, model = fresh_model(data.schema, ["t0", "t1"], config)
    masked, step = MaskedModel(model, plan), 2e-3
    masked.set_train()

    def loss(field, shift):
        masks = np.ones((len(plan.paths), 3), np.float32)
        masks[:, field] += shift
        logits = masked(Tensor(ids), Tensor(masks)).asnumpy().astype(np.float64)
        return np.mean(np.logaddexp(0, logits) - labels * logits, 0)

    slopes = np.stack([np.abs(loss(n, step) - loss(n, -step)) / (2 * step) for n in range(3)], 1)
    np.testing.assert_allclose(scores, slopes, atol=0.06 * slopes.max())  # a step may pass a corner of ReLU


def test_the_calibrated_score_finds_the_tags_that_decide_and_no_others(eager):
    scorer = MultiSFS(config_of()).fit(planted(), ["t0", "t1"])
    assert (scorer.scores_[:, 1] > scorer.chance_).all() and (scorer.scores_[:, [0, 2]] < scorer.chance_).all()


@pytest.mark.parametrize("selector", [
    "lasso", "permutation", "mssm", pytest.param("autofield", marks=pytest.mark.slow)])
def test_baselines_score_pooled_fields(selector):
    scores = SELECTORS[selector](config_of(selector=selector)).fit(planted(), ["t0", "t1"]).scores_
    assert scores.shape == (2, 3) and np.isfinite(scores).all()
    if selector == "lasso":
        assert (scores.argmax(1) == 1).all()


@pytest.mark.parametrize("selector", ["chi2", "chi2_z", "mutual_information"])
def test_counting_selectors_refuse_pooled_fields_before_any_work(selector):
    with pytest.raises(UserError, match=f"selector {selector} counts one value a row, and field 'tags' is pooled"):
        check_request(planted(), ["t0", "t1"], config_of(selector=selector))


def test_relations_are_learned_from_pooled_fields(eager):
    data = planted(600)
    found = learn_relations(data.split("train"), [0, 1], data.schema.cardinalities, 4, 1, 1, 100, 0, False, **COLUMNS)
    assert found.shape == (3, 2, 2) and np.isfinite(found).all()
    plain = learn_relations(data.split("train"), [0, 1], data.schema.cardinalities, 4, 1, 1, 100, 0, False, **COLUMNS)
    np.testing.assert_array_equal(found, plain)


def test_a_probe_reads_the_lists_of_its_rows():
    """Ids are numbered anew; of values that the rows to train on have not nothing is left, and blank fields are 0."""
    data = planted(460)
    rows = data.split("train")
    parts = draw_parts(rows, data.schema, ["t0", "t1"], 0)
    assert (parts.train.rows, parts.held.rows) == (48, 12) and parts.schema.widths == [1, 3, 3]
    for part in (parts.train, parts.held):
        for block, field in zip(blocks(part.ids, parts.schema.widths), parts.schema.fields):
            assert block.max() < field.cardinality
            assert (np.diff((block == 0).astype(int), axis=1) >= 0).all()  # values first
    lists, held = (blocks(part.ids, [1, 3, 3])[1] for part in (parts.train, parts.held))
    assert (lists > 0).sum() + (held > 0).sum() == (blocks(rows.ids, [1, 3, 3])[1] > 0).sum()
    blank = blank_but(parts.train, [1])
    assert not blank.ids[:, [0, 4, 5, 6]].any() and (blank.ids[:, 1:4] == lists).all() and blank.widths == [1, 3, 3]


def test_a_value_that_a_probe_does_not_know_leaves_no_gap():
    rows = MemorySplit(np.array([[1, 2, 0]] * 9 + [[5, 1, 2]], np.int32), np.zeros((10, 1), np.uint8), widths=[3])
    schema = make_pooled_schema(1, [6], ["sum"], 3)
    for seed in range(40):
        parts = draw_parts(rows, schema, ["t0"], seed)
        if parts.schema.cardinalities == [3]:  # the row of value 5 is held out
            assert [1, 2, 0] in parts.held.ids.tolist() and not (parts.held.ids == [0, 1, 2]).all(1).any()
            return
    raise AssertionError("no seed holds the row out")

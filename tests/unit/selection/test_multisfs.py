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
"""MultiSFS as a whole: which rows its scores see; the size of a batch does not matter to the calibrated one."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from src.data.memory import MemorySplit
from src.models import MaskedModel, fresh_model
from src.schema import UNKNOWN
from src.selection.multisfs import MultiSFS, draw_batches, scored_parts
from src.selection.paper.relations import merge_scores
from tests.helpers import hide_labels, toy_data
from tests.unit.selection.planted_data import trained_config


def test_the_calibrated_score_sees_every_row_of_a_small_table():
    data = toy_data(rows=700)
    (part,) = scored_parts(data, data.schema.task_names, trained_config("score_batches=auto", "batch_size=512"))
    assert part.used.all() and part.used.shape == (700, 2)
    seen = np.column_stack([part.ids, part.labels])
    rows = np.column_stack(data.split("train").take(slice(None)))
    assert sorted(seen.tolist()) == sorted(rows.tolist())


def test_the_papers_score_sees_whole_batches():
    data = toy_data(rows=700)
    batches = draw_batches(data.split("train"), [0, 1],
                              trained_config("score=paper", "score_batches=auto", "batch_size=200"))
    assert [len(ids) for ids, _ in batches] == [200, 200, 200]


@pytest.mark.parametrize("backbone", ["shared_bottom", "single_task"])
def test_batches_of_any_size_give_one_calibrated_score(eager, backbone):
    """Also where the last batch is smaller than the others."""
    data = toy_data(rows=700)
    scores = [MultiSFS(trained_config("score_batches=auto", f"batch_size={size}", f"backbone={backbone}"))
              .fit(data, data.schema.task_names).scores_ for size in (700, 256)]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-3, atol=1e-3)


def test_the_calibrated_score_of_a_task_is_that_of_the_rows_with_its_label(eager):
    """Where a label is known depends on field 3: neither is that field found for it, nor does the other task change."""
    config = trained_config("score_batches=auto", "batch_size=512", "relation=none")
    data = toy_data(rows=1500)
    hidden = hide_labels(data, 1, lambda ids, labels: ids[:, 3] + ids[:, 2] > 4)
    scorer = MultiSFS(config).fit(hidden, data.schema.task_names)
    np.testing.assert_array_equal(scorer.scores_[0], MultiSFS(config).fit(data, ["t0"]).scores_[0])
    ids, labels = hidden.split("train").read(0, 1500)
    known = labels[:, 1] != UNKNOWN
    alone = toy_data(rows=1500)
    alone._splits["train"] = MemorySplit(ids[known], data.split("train").labels[known])
    expected = MultiSFS(config).fit(alone, ["t1"]).scores_[0]
    np.testing.assert_allclose(scorer.scores_[1], expected, rtol=1e-3, atol=1e-3)
    assert np.argmax(scorer.scores_[1]) == 1 and (scorer.scores_[1][[2, 3]] < scorer.chance_).all()


def test_the_papers_score_is_the_gradient_of_the_known_labels_loss(eager):
    """One batch of all rows: the score of a task that only some rows have is that of a loss over these alone."""
    data = toy_data(rows=300)
    hidden = hide_labels(data, 1, lambda ids, labels: ids[:, 2] > 3)
    config = trained_config("score=paper", "score_batches=1", "batch_size=300", "relation=none", "dropout=0")
    scores = MultiSFS(config).fit(hidden, data.schema.task_names).scores_
    np.testing.assert_allclose(scores[0], MultiSFS(config).fit(data, data.schema.task_names).scores_[0], rtol=1e-4,
                               atol=1e-7)
    ids, labels = hidden.split("train").read(0, 300)
    plan, model = fresh_model(data.schema, data.schema.task_names, config)
    masked, step = MaskedModel(model, plan), 2e-3
    masked.set_train()
    known = labels[:, 1] != UNKNOWN

    def loss(field, shift):
        masks = np.ones((len(plan.paths), 6), np.float32)
        masks[:, field] += shift
        logits = masked(Tensor(ids), Tensor(masks)).asnumpy().astype(np.float64)[known, 1]
        return np.mean(np.logaddexp(0, logits) - labels[known, 1] * logits)

    slopes = [abs(loss(field, step) - loss(field, -step)) / (2 * step) for field in range(6)]
    np.testing.assert_allclose(scores[1], slopes, atol=0.01 * max(slopes))  # a step may pass a corner of ReLU


def test_relations_by_evidence_merge_the_papers_score_and_are_shared_by_the_calibrated_one(eager):
    data = toy_data(rows=1500)
    tasks = data.schema.task_names
    paper = ["score=paper", "score_batches=2", "batch_size=256"]
    plain = MultiSFS(trained_config(*paper, "relation=none")).fit(data, tasks)
    merged = MultiSFS(trained_config(*paper, "relation=evidence")).fit(data, tasks)
    assert plain.relations_ is None and merged.relations_.shape == (len(data.schema.fields), 2, 2)
    np.testing.assert_allclose(merged.scores_, merge_scores(plain.scores_, merged.relations_))
    shared = MultiSFS(trained_config("relation=auto", "batch_size=256")).fit(data, tasks)
    assert shared.relation == "evidence" and shared.relations_.shape == merged.relations_.shape
    assert shared.settings()["relation"] == "evidence"


def test_tasks_whose_labels_are_in_rows_of_their_own_share_and_are_related(eager):
    """A second task of the same law, in every second row; the relations are in the order of the run's tasks."""
    data = toy_data(rows=3000)
    train = data.split("train")
    train.labels[:, 1] = train.labels[np.random.default_rng(0).permutation(3000), 0]  # related to no field
    unrelated = hide_labels(data, 1, lambda ids, labels: np.arange(len(ids)) % 2 == 0)
    found = MultiSFS(trained_config("batch_size=256")).fit(unrelated, ["t1", "t0"])
    assert found.relations_[:, 0, 1].max() < 0.3
    train.labels[:, 1] = train.labels[:, 0]
    same = hide_labels(data, 1, lambda ids, labels: np.arange(len(ids)) % 2 == 0)
    config = trained_config("batch_size=256")
    found, turned = (MultiSFS(config).fit(same, tasks) for tasks in (["t0", "t1"], ["t1", "t0"]))
    np.testing.assert_allclose(turned.relations_, found.relations_[:, ::-1][:, :, ::-1])
    field = int(np.argmax(found.scores_[0]))
    assert found.relations_[field, 0, 1] > 0.8 and np.argmax(found.scores_[1]) == field
    paper = MultiSFS(trained_config("score=paper", "batch_size=256", "relation=evidence")).fit(same, ["t0", "t1"])
    np.testing.assert_allclose(paper.relations_, found.relations_)

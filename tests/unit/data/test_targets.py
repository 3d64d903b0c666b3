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
"""Labels as a loss takes them: the mean over the known entries of a batch, over all ranks, and never NaN."""

from __future__ import annotations

import numpy as np
import pytest

from src.data.loader import TrainLoader
from src.data.memory import MemorySplit
from src.data.targets import loss_targets
from src.schema import UNKNOWN

LABELS = np.array([[1, UNKNOWN, UNKNOWN], [0, 1, UNKNOWN], [1, UNKNOWN, UNKNOWN], [0, 0, UNKNOWN], [1, 1, UNKNOWN],
                   [0, UNKNOWN, UNKNOWN]], np.uint8)


def test_complete_labels_stay_as_they_are():
    targets = loss_targets(LABELS[:, :1], False)
    assert targets.dtype == np.float32 and targets.tolist() == [[1], [0], [1], [0], [1], [0]]


def test_an_unknown_label_where_none_is_expected_is_no_label():
    with pytest.raises(ValueError, match="a label is 255; expected 0 or 1"):
        loss_targets(LABELS, False)


def test_every_known_entry_has_its_share_in_the_mean_and_the_others_none():
    targets = loss_targets(LABELS, True)
    assert targets.shape == (6, 3, 2) and targets.dtype == np.float32
    assert targets[:, :, 0].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(targets[:, :, 1].T, [[1 / 6] * 6, [0, 1 / 3, 0, 1 / 3, 1 / 3, 0], [0] * 6], rtol=1e-6)


def test_ranks_count_the_labels_of_the_whole_batch():
    whole = loss_targets(LABELS, True)
    parts = [loss_targets(LABELS, True, slice(3 * rank, 3 * rank + 3)) for rank in (0, 1)]
    terms = np.random.default_rng(0).random((6, 3))
    losses = [(terms[3 * rank:3 * rank + 3] * part[:, :, 1]).sum(0) for rank, part in enumerate(parts)]
    np.testing.assert_allclose(np.mean(losses, 0), (terms * whole[:, :, 1]).sum(0), rtol=1e-6)
    np.testing.assert_allclose(np.mean(losses, 0), [terms[:, 0].mean(), terms[[1, 3, 4], 1].mean(), 0], rtol=1e-6)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_loaders_of_all_ranks_give_the_targets_of_one(ranks):
    rng = np.random.default_rng(1)
    labels = rng.choice([0, 1, UNKNOWN], (30, 2)).astype(np.uint8)
    split = MemorySplit(rng.integers(0, 5, (30, 2)).astype(np.int32), labels)

    def targets(**rank):
        return [found.asnumpy() for _, found, _ in TrainLoader(split, [0, 1], [1], 12, seed=2, **rank).epoch(1)]

    one, many = targets(), [targets(rank=rank, ranks=ranks) for rank in range(ranks)]
    assert len(one) == 2
    for step, whole in enumerate(one):
        joined = np.concatenate([batches[step] for batches in many]) / np.array([1, ranks])
        np.testing.assert_allclose(joined, whole, rtol=1e-6)


def test_tasks_with_labels_of_all_rows_have_the_targets_they_had():
    """Though another task of the data set has not."""
    split = MemorySplit(np.zeros((6, 1), np.int32), LABELS)
    (_, labels, _), = TrainLoader(split, [0], [0], 6, seed=0).epoch(1)
    assert labels.shape == (6, 1)


def test_weights_make_weighted_means():
    """As NumPy's averages over the known rows; a task whose known rows all weigh 0 has no share."""
    weights = np.array([0.5, 2, 0, 1, 4, 0.25], np.float32)
    targets, terms = loss_targets(LABELS, True, weights=weights), np.random.default_rng(0).random((6, 3))
    known = np.array([1, 3, 4])
    losses = (terms * targets[:, :, 1]).sum(0)
    expected = [np.average(terms[:, 0], weights=weights), np.average(terms[known, 1], weights=weights[known]), 0]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    parts = [loss_targets(LABELS, True, slice(2 * rank, 2 * rank + 2), weights) for rank in range(3)]
    np.testing.assert_allclose(np.concatenate(parts)[:, :, 1] / 3, targets[:, :, 1], rtol=1e-6)
    assert not loss_targets(LABELS, True, weights=weights * 0)[:, :, 1].any()
    equal = loss_targets(LABELS, True, weights=weights * 0 + 7)
    np.testing.assert_allclose(equal, loss_targets(LABELS, True), rtol=1e-6)


def test_the_loader_takes_the_weights_of_its_rows():
    """Row r has the weight r + 1; ids say which row it is."""
    weights = np.arange(1, 11, dtype=np.float32)
    split = MemorySplit(np.arange(10, dtype=np.int32)[:, None], LABELS[[0, 1] * 5][:, :1], weights)
    for ids, labels, _ in TrainLoader(split, [0], [0], 5, seed=0).epoch(1):
        weights = ids.asnumpy()[:, 0] + 1
        np.testing.assert_allclose(labels.asnumpy()[:, 0, 1], weights / weights.sum(), rtol=1e-6)

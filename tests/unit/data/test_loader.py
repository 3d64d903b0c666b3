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
"""Batches: every row once an epoch, the same from any starting step, shares that make up the whole."""

import numpy as np
import pytest

from src.common.errors import UserError
from src.data.loader import TrainLoader, eval_batches, prefetch
from src.data.memory import MemorySplit

IDS = np.stack([np.arange(103), np.arange(103) % 7, np.arange(103) % 5], 1).astype(np.int32)
SPLIT = MemorySplit(IDS, (IDS[:, :2] % 2).astype(np.uint8))


def loader(**changes):
    return TrainLoader(SPLIT, **{"columns": [0, 2], "tasks": [1], "batch_size": 10, "seed": 1, **changes})


def as_numpy(batches):
    return [[None if part is None else part.asnumpy() for part in batch] for batch in batches]


def test_an_epoch_visits_rows_once_and_keeps_fields_with_labels():
    batches = as_numpy(loader().epoch(1))
    assert len(batches) == 10
    rows = np.concatenate([ids[:, 0] for ids, _, _ in batches])
    assert len(set(rows)) == 100
    np.testing.assert_array_equal(np.concatenate([labels[:, 0] for _, labels, _ in batches]), rows % 7 % 2)
    assert not np.array_equal(rows, np.concatenate([ids.asnumpy()[:, 0] for ids, _, _ in loader().epoch(2)]))


def test_an_epoch_can_be_entered_at_any_step():
    whole = as_numpy(loader(mask_rows=6, dropout=0.25).epoch(3))
    rest = as_numpy(loader(mask_rows=6, dropout=0.25).epoch(3, 7))
    assert len(rest) == 3
    for a, b in zip(whole[7:], rest):
        for left, right in zip(a, b):
            np.testing.assert_array_equal(left, right)


def test_ranks_share_every_batch_and_its_mask():
    whole = as_numpy(loader(mask_rows=4, dropout=0.5).epoch(1))
    parts = [as_numpy(loader(mask_rows=4, dropout=0.5, rank=rank, ranks=2).epoch(1)) for rank in (0, 1)]
    for step, (ids, labels, keep) in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([part[step][0] for part in parts]), ids)
        np.testing.assert_array_equal(np.concatenate([part[step][1] for part in parts]), labels)
        np.testing.assert_array_equal(np.concatenate([part[step][2] for part in parts], 1), keep)


def test_words_of_masks_are_those_of_the_step_and_ranks_share_them(monkeypatch):
    monkeypatch.setattr("src.data.loader.masks_from_host", lambda: False)
    whole = as_numpy(loader(mask_rows=4, dropout=0.5).epoch(1))
    parts = [as_numpy(loader(mask_rows=4, dropout=0.5, rank=rank, ranks=2).epoch(1, 7)) for rank in (0, 1)]
    for step, (_, _, keep) in enumerate(whole[7:]):
        assert keep.dtype == np.int32 and keep.shape == (10 + 4,)
        np.testing.assert_array_equal(np.concatenate([part[step][2][:5] for part in parts]), keep[:10])
        for part in parts:
            np.testing.assert_array_equal(part[step][2][5:], keep[10:])
    assert not np.array_equal(whole[0][2], whole[1][2])


@pytest.mark.parametrize("ranks", [2, 5])
def test_ranks_take_as_many_equal_steps_and_every_row_once(ranks):
    parts = [loader(rank=rank, ranks=ranks) for rank in range(ranks)]
    assert {part.steps for part in parts} == {10} and {part.batch_size for part in parts} == {10}
    batches = [as_numpy(part.epoch(2)) for part in parts]
    assert {ids.shape for part in batches for ids, _, _ in part} == {(10 // ranks, 2)}
    rows = np.concatenate([ids[:, 0] for part in batches for ids, _, _ in part])
    assert len(set(rows)) == len(rows) == 100


def test_a_batch_that_cannot_be_shared_equally_is_refused():
    with pytest.raises(UserError, match="batch_size 10 cannot be shared equally by 3 processes; take 9"):
        loader(rank=0, ranks=3)


def test_masks_drop_the_given_share():
    keep = next(iter(loader(mask_rows=20000, dropout=51 / 256).epoch(1)))[2].asnumpy()
    assert keep.dtype == bool and keep.shape == (20000, 10)
    assert 1 - keep.mean() == pytest.approx(51 / 256, abs=0.005)


def test_a_small_split_gives_one_batch():
    small = loader(batch_size=4096)
    assert small.steps == 1 and small.batch_size == 103
    with pytest.raises(UserError, match="at least 2 rows"):
        TrainLoader(MemorySplit(IDS[:3], SPLIT.labels[:3]), [0], [0], 10, 1, ranks=2)


def test_evaluation_reads_every_row_in_order_and_pads_the_last_batch():
    batches = list(eval_batches(SPLIT, [0], [0, 1], 25))
    assert [ids.shape for ids, _ in batches] == [(25, 1)] * 5
    assert [len(labels) for _, labels in batches] == [25, 25, 25, 25, 3]
    ids = np.concatenate([ids.asnumpy()[:len(labels), 0] for ids, labels in batches])
    np.testing.assert_array_equal(ids, np.arange(103))
    assert (batches[-1][0].asnumpy()[3:] == 0).all()


def test_prefetch_keeps_order_and_hands_errors_on():
    assert list(prefetch(iter(range(20)))) == list(range(20))

    def broken():
        yield 1
        raise ValueError("bad shard")

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="bad shard"):
        next(items)

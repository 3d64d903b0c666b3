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
"""Whole batches from a prepared split, ready for a compiled step; the only module of src/data that imports MindSpore.

Everything random is a pure function of (seed, epoch, step): the order of rows and the dropout masks. So a run can stop
after any step and resume exactly there, and the ranks of a distributed run agree without communicating.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import mindspore as ms
import numpy as np
from mindspore import Tensor

from ..common.errors import UserError
from ..common.streams import Stream, entropy, generator
from .subsets import RowSource
from .targets import loss_targets


class TrainLoader:
    """Shuffled training batches of equal size; the rows left over at the end of an epoch are not used in it.

    Args:
        split: the rows.
        columns: indices of the fields to read.
        tasks: indices of the tasks to read.
        batch_size: rows of a batch over all ranks; a smaller split gives one batch of all its rows.
        seed: seed of row order and masks.
        mask_rows: hidden units under dropout; 0 for none.
        dropout: share of them to drop, a multiple of 1/256.
        rank: this process among ``ranks``, each of which takes its share of every batch.

    Raises:
        UserError: the split has fewer than two rows per rank, or the ranks cannot share a batch equally.
    """

    def __init__(self, split: RowSource, columns: Sequence[int], tasks: Sequence[int], batch_size: int, seed: int,
                 mask_rows: int = 0, dropout: float = 0.0, rank: int = 0, ranks: int = 1):
        self.split, self.columns, self.tasks, self.seed = split, list(columns), list(tasks), seed
        if batch_size % ranks:
            raise UserError(f"batch_size {batch_size} cannot be shared equally by {ranks} processes; take "
                            f"{max(2, round(batch_size / ranks)) * ranks}")
        share = min(batch_size, split.rows) // ranks
        if share < 2:
            raise UserError(f"the train split has {split.rows} rows for {ranks} processes; batch normalisation needs "
                            "at least 2 rows each")
        self.batch_size = share * ranks
        self.steps = split.rows // self.batch_size
        self.mask_rows, self.threshold = mask_rows, round(dropout * 256)
        self.mine = slice(rank * share, (rank + 1) * share)
        self.partial = split.weights is not None or any(split.partial[task] for task in self.tasks)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yields (ids, labels, keep) of every step from ``start`` on: int32 ``[rows, columns]``, labels as
        ``loss_targets`` makes them, and the dropout mask or None: bool ``[mask_rows, rows]`` on a CPU; elsewhere
        a random word for every row and unit, int32 ``[rows + mask_rows]``, from which the device makes it
        (src/models/layers.py)."""
        order = generator(self.seed, Stream.ROW_ORDER, epoch).permutation(self.split.rows)
        return prefetch(self._batch(order, epoch, step) for step in range(start, self.steps))

    def _batch(self, order: np.ndarray, epoch: int, step: int):
        rows = order[step * self.batch_size:(step + 1) * self.batch_size]
        ids, labels = self.split.take(rows[self.mine], self.columns, self.tasks)
        return Tensor(ids), Tensor(self._targets(labels, rows)), self._mask(epoch, step)

    def _targets(self, labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """What the loss takes of this rank's labels; its means are over the ``rows`` of all ranks."""
        weights = None if self.split.weights is None else self.split.weights[rows]
        if not self.partial or len(rows) == len(labels):
            return loss_targets(labels, self.partial, weights=weights)
        return loss_targets(self.split.take(rows, [], self.tasks)[1], True, self.mine, weights)

    def _mask(self, epoch: int, step: int) -> Tensor | None:
        if not self.mask_rows or not self.threshold:
            return None
        source = np.random.Generator(np.random.SFC64(entropy(self.seed, Stream.DROPOUT, epoch, step)))
        if not masks_from_host():
            words = source.integers(-2 ** 31, 2 ** 31, self.batch_size + self.mask_rows, np.int32)
            return Tensor(np.concatenate([words[self.mine], words[self.batch_size:]]))
        noise = np.frombuffer(source.bytes(self.mask_rows * self.batch_size), np.uint8)
        return Tensor(noise.reshape(self.mask_rows, self.batch_size)[:, self.mine] >= self.threshold)


def masks_from_host() -> bool:
    """Whether whole dropout masks are drawn here: on a CPU, where that is faster. A device would wait for them."""
    return ms.get_context("device_target") == "CPU"


def eval_batches(split: RowSource, columns: Sequence[int], tasks: Sequence[int], batch_size: int,
                 start: int = 0, stop: int | None = None) -> Iterator[tuple[Tensor, np.ndarray]]:
    """Yields (ids, labels) of all rows in order; ids of the last batch are padded with id 0 to ``batch_size``, so that
    one compiled graph serves all of them, and labels are not."""
    stop = split.rows if stop is None else stop

    def batches():
        for first in range(start, stop, batch_size):
            ids, labels = split.read(first, min(first + batch_size, stop), list(columns), list(tasks))
            missing = batch_size - len(ids)
            yield Tensor(np.pad(ids, ((0, missing), (0, 0))) if missing else ids, ms.int32), labels

    return prefetch(batches())


def prefetch(items: Iterable, depth: int = 2) -> Iterator:
    """Yields ``items`` while a thread prepares up to ``depth`` of them ahead; its errors are raised here."""
    source = iter(items)
    end = object()
    with ThreadPoolExecutor(max_workers=1) as worker:
        ahead = deque(worker.submit(next, source, end) for _ in range(depth))
        while True:
            item = ahead.popleft().result()
            if item is end:
                return
            ahead.append(worker.submit(next, source, end))
            yield item

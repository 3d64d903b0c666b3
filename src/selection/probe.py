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
"""The small network that ``keep_ratio=auto`` asks which fields it needs: trained for a few epochs, on train rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from mindspore import Tensor

from ..common.compat import graph_mode
from ..common.errors import UserError
from ..common.streams import Stream, generator
from ..data.loader import TrainLoader
from ..data.memory import MemorySplit
from ..data.subsets import RowSource
from ..data.targets import loss_targets
from ..models import fresh_model
from ..models.model import set_output_bias
from ..pooling import blocks, id_columns, packed
from ..schema import Schema
from ..settings import Settings
from ..training import BestWeights, make_step, predict_logits, run_epochs

MOST_ROWS = 200_000  # train rows that are looked at
HELD_OUT = 0.2  # share of them held out
STEPS = 64  # an epoch takes at least as many, and fewer than twice as many while batches can grow
BATCHES = (32, 1024)  # rows of the smallest and the largest batch
LEARNING_RATE = 3e-3
EPOCHS = 8
WIDEST = {"embedding_dim": 16, "bottom_dims": 32, "tower_dims": 16, "experts": 2}


@dataclass(frozen=True)
class Parts:
    """Train rows for a probe: those to train on and those held out, and the schema of their ids."""

    train: MemorySplit
    held: MemorySplit
    schema: Schema


def draw_parts(split: RowSource, schema: Schema, tasks: Sequence[str], seed: int) -> Parts:
    """Draws train rows by seed and divides them.

    Ids are numbered anew, by those that the rows to train on have: so the table of a probe is as large as its rows
    need, however many ids the data set has. An id that they do not have is 0, as unseen ones are everywhere.

    Args:
        split: the train split.
        schema: of the data set.
        tasks: names of the tasks to read.
        seed: of the draw.
    """
    count = min(split.rows, MOST_ROWS)
    rows = generator(seed, Stream.PROBED_ROWS).choice(split.rows, count, replace=False)
    held = int(count * HELD_OUT)
    numbers = np.sort(rows[held:]), np.sort(rows[:held])
    (ids, labels), (held_ids, held_labels) = (split.take(part, None, schema.task_indices(tasks)) for part in numbers)
    weights = [None if split.weights is None else split.weights[part] for part in numbers]
    fields = []
    for field, *own in zip(schema.fields, blocks(ids, schema.widths), blocks(held_ids, schema.widths)):
        known = np.unique(own[0] if field.pool is None else own[0][own[0] > 0])  # 0 fills up in pooled ones
        for block in own:
            block[:] = numbered(block, known) if field.pool is None else packed(numbered(block, known))
        fields.append(replace(field, cardinality=len(known) + 1))
    return Parts(MemorySplit(ids, labels, weights[0], schema.widths),
                 MemorySplit(held_ids, held_labels, weights[1], schema.widths), replace(schema, fields=tuple(fields)))


def numbered(ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The place of every id among the ``known`` ones (sorted), from 1; 0 for others."""
    if not len(known):
        return np.zeros_like(ids)
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[places] == ids, places + 1, 0).astype(np.int32)


class Probe:
    """One small network of all fields, which says what held-out rows lose when fields are blank.

    It is trained until the rows held out are predicted no better, at most EPOCHS. A blank field has id 0 in all rows,
    whose vector is made the mean over the rows to train on: so the network gets what the field says on average, and
    nothing of a row. What a field of noise says of a row is memorised and wrong for others; without it they are
    predicted better.

    Args:
        parts: of ``draw_parts``.
        tasks: names of the tasks.
        config: the run's Settings, whose network is cut down to the widths of WIDEST.

    Attributes:
        shares: what part a held-out row has in its task's mean loss, ``[rows, tasks]``; 0 where its label is unknown.
    """

    def __init__(self, parts: Parts, tasks: Sequence[str], config: Settings):
        self.parts, self.config, self.tasks = parts, small(config, parts.train.rows), list(range(len(tasks)))
        self.plan, self.model = fresh_model(parts.schema, tasks, self.config)
        targets = loss_targets(parts.train.labels, True, weights=parts.train.weights)
        # Begins at the positive rates, or a task of few positives would spend its few steps on getting there.
        rates = targets.prod(2, dtype=np.float64).sum(0)
        set_output_bias(self.model, self.model.backbone.rate_logits(rates, parts.train.rows))
        self.step = make_step(self.model, self.config)
        self.labels = loss_targets(parts.held.labels, True, weights=parts.held.weights)
        self.shares = self.labels[:, :, 1].astype(np.float64)

    @graph_mode()
    def train(self) -> None:
        """Trains with all fields.

        Raises:
            UserError: a loss is not finite.
        """
        loader = TrainLoader(self.parts.train, self.plan.columns, self.tasks, self.config.batch_size, self.config.seed,
                             self.model.mask_rows, self.model.dropout)
        best, found = BestWeights(self.model, 1), []

        def after_epoch(epoch: int) -> bool:
            found.append(self.losses(range(len(self.plan.columns))))
            return best.update(epoch, -relative_change(found[-1], found[0], self.shares)[0])

        run_epochs(self.step, loader, EPOCHS, "trying fields out: epoch", "give keep_ratio a number",
                   self.config.progress, after_epoch)
        if not best.epoch:
            raise UserError("the loss on held-out rows is never finite; give keep_ratio a number")
        best.restore()
        self._set_blanks()

    def _set_blanks(self) -> None:
        """Makes the vector of id 0 of every plain field the mean over the rows to train on."""
        table, ids = self.model.embedding.table.asnumpy().copy(), blocks(self.parts.train.ids, self.parts.schema.widths)
        for slot, first in zip(self.plan.slots, self.plan.offsets):
            column = self.plan.columns[slot]
            if self.parts.schema.fields[column].pool is None:  # a pooled field without values adds nothing already
                counts = np.bincount(ids[column].ravel())
                table[first] = counts @ table[first:first + len(counts)] / counts.sum()
        self.model.embedding.table.set_data(Tensor(table))

    @graph_mode()
    def losses(self, fields: Sequence[int]) -> np.ndarray:
        """Losses ``[rows, tasks]`` of the rows held out, with all fields blank but these."""
        held = blank_but(self.parts.held, fields)
        logits, _ = predict_logits(self.model, held, self.plan, self.tasks, self.config.batch_size)
        return self.step.network.losses.terms(Tensor(logits), Tensor(self.labels[:, :, 0])).asnumpy().astype(np.float64)


def blank_but(split: MemorySplit, fields: Sequence[int]) -> MemorySplit:
    """The rows with id 0 in all other fields."""
    ids = np.zeros_like(split.ids)
    columns = id_columns(split.widths, fields)
    ids[:, columns] = split.ids[:, columns]
    return MemorySplit(ids, split.labels, split.weights, split.widths)


def small(config: Settings, rows: int) -> Settings:
    """The settings of the probe's network: the run's, none of its widths above those of WIDEST; batches by the rows."""
    cut = {key: min(getattr(config, key), most) if isinstance(getattr(config, key), int)
           else [min(width, most) for width in getattr(config, key)] for key, most in WIDEST.items()}
    batch = int(np.clip(2 ** int(np.log2(max(1, rows / STEPS))), *BATCHES))
    return config.replace(**cut, batch_size=batch, learning_rate=LEARNING_RATE, embedding_optimizer="dense",
                          precision="float32")


def relative_change(losses: np.ndarray, reference: np.ndarray, shares: np.ndarray) -> tuple[float, float]:
    """By which share the tasks' losses exceed those of a reference, the mean over tasks; and its standard error.

    In shares, so that a task with few positives, whose loss is small, counts as much as the others.

    Args:
        losses, reference, shares: ``[rows, tasks]``; the shares of a task add up to 1, or to 0 where it has no label.
    """
    means = (reference * shares).sum(0)
    scale = np.where(means > 0, 1 / np.where(means > 0, means, 1), 0) / max(1, np.count_nonzero(means > 0))
    parts = ((losses - reference) * shares * scale).sum(1)
    return float(parts.sum()), float(parts.std() * np.sqrt(len(parts)))

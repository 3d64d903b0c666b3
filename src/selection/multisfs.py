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
"""MultiSFS: score every (task, field) before training, learn how tasks relate, merge the scores along the relations."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from mindspore import Tensor

from ..common.progress import progress
from ..data.subsets import DataSet, RowSource, label_groups, sample_by_weight
from ..data.targets import loss_targets
from ..models import InputPlan, MultiTaskModel, fresh_model
from ..models.model import set_output_bias
from ..schema import Schema
from ..settings import Settings
from .base import Selector
from .calibrated.sampling import POSITIVES, ScoredRows, draw_rows
from .calibrated.score import LEVELS, GradientEnergy, calibrated_scores
from .calibrated.sharing import CommonRows
from .paper.mask_scores import FieldGradients, field_gradients, mask_scores
from .paper.relation_file import field_relations, relation_settings
from .paper.relations import label_correlations, merge_scores

LOG = logging.getLogger(__name__)
PAPER_BATCHES = 5  # mini-batches scored where score_batches is auto
PROBE_DIM = 16  # widest embedding that gradient energy is measured on
CALIBRATED_ROWS = 25 * 2048  # as many as it takes to hold these many rows, whatever the batch size
RELATION = {"paper": "gnn", "calibrated": "evidence"}  # of relation=auto


class MultiSFS(Selector):
    """The paper's selector, with its own score or the calibrated one.

    Args:
        config: the run's Settings (score, score_batches, score_sign, relation, relations and relation_*, backbone
            and its sizes, batch_size, seed, progress).

    After ``fit``: ``scores_``, ``relations_``, ``chance_`` (calibrated only) and ``seconds_`` (score, relation,
    total; where a network learned the relations, relation_learning).
    """

    name = "multisfs"

    def score_fields(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        with self.timed("score"):
            if self.config.score == "calibrated":
                scores = self._score_calibrated(data, tasks)
                self.levels_ = LEVELS
            else:
                scores = self._score_paper(data, tasks)
        with self.timed("relation"):
            if self.config.score == "calibrated" and self.relation == "evidence":
                return scores  # what tasks tell each other is in them
            self.relations_ = self._find_relations(data, tasks)
            return scores if self.relations_ is None else merge_scores(scores, self.relations_)

    def _score_paper(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        """Eq. 10; a loss is the mean over the batch's rows whose label is known."""
        train, indices = sample_by_weight(data.split("train"), self.config.seed), data.schema.task_indices(tasks)
        plan, model = self.network(data, tasks)
        partial = any(train.partial[index] for index in indices)
        batches = draw_batches(train, indices, self.config)
        shown = progress("score", "batch", self.config.progress, batches)
        return mask_scores(model, plan, (to_tensors(*batch, partial) for batch in shown), len(tasks),
                           self.config.score_sign == "signed")

    def _score_calibrated(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        """Scores, and sets the chance level; with ``relation=evidence`` sets the relations, too."""
        schema, parts = data.schema, scored_parts(data, tasks, self.config)
        back = places_of_tasks(parts)
        parts = [replace(part, uz=_gradient_energy(schema, tasks, part, self.config)) for part in parts]
        found = calibrated_scores(parts, schema.cardinalities, schema.pools, schema.widths, self.relation == "evidence")
        self.chance_ = found.chance
        self.relations_ = None if found.relations is None else found.relations[:, back][:, :, back]
        return found.scores[back]

    def network(self, data: DataSet, tasks: Sequence[str]) -> tuple[InputPlan, MultiTaskModel]:
        """The plan of all fields, and the network that the paper's score is taken from: as initialised by the seed."""
        return fresh_model(data.schema, tasks, self.config)

    def _find_relations(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray | None:
        """What scores are merged along, ``[fields, tasks, tasks]``, or None.

        Notes the seconds that learning the network's relations took, now or in the run that wrote them to a file.
        """
        if self.relation == "gnn":
            relations, self.seconds_["relation_learning"] = field_relations(data, tasks, self.config)
            return relations
        if self.relation == "pearson":
            train = sample_by_weight(data.split("train"), self.config.seed)
            labels = train.read_labels(0, train.rows, data.schema.task_indices(tasks))
            return label_correlations(labels, len(data.schema.fields))
        return self._agreement(data, tasks) if self.relation == "evidence" else None

    def _agreement(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        """Relations of ``relation=evidence`` for the paper's score, on the rows of the calibrated one."""
        schema, parts = data.schema, scored_parts(data, tasks, self.config.replace(score="calibrated"))
        back = places_of_tasks(parts)
        relations = CommonRows(parts, schema.cardinalities, schema.pools, schema.widths).relations()
        return relations[:, back][:, :, back]

    @property
    def relation(self) -> str:
        return RELATION[self.config.score] if self.config.relation == "auto" else self.config.relation

    def settings(self):
        config = self.config
        names = ("batch_size", "embedding_dim", "bottom_dims", "tower_dims", "experts")
        found = {"score": config.score, "score_batches": batch_count(config), "relation": self.relation,
                 **{name: config.to_dict()[name] for name in names}}
        if config.score == "paper":
            found["score_sign"] = config.score_sign
        if self.relation == "gnn":
            found.update(relation_settings(config))
        return found


def scored_parts(data: DataSet, tasks: Sequence[str], config: Settings) -> list[ScoredRows]:
    """The rows of the calibrated score; a task that some rows have no label of has rows of its own."""
    train, indices = sample_by_weight(data.split("train"), config.seed), data.schema.task_indices(tasks)
    parts = []
    for split, places in label_groups(train, indices):
        numbers = data.schema.are_numbers([tasks[place] for place in places])
        own = [indices[place] for place in places]
        rows, used = draw_scored(split, own, config, numbers)
        known = rows if split is train else split.numbers[rows]
        parts.append(ScoredRows(tuple(places), known, *split.take(rows, None, own), used, numbers))
    return parts


def places_of_tasks(parts: Sequence[ScoredRows]) -> np.ndarray:
    """Where every task of the run is among the tasks of the parts in turn, ``[tasks]``."""
    return np.argsort(np.concatenate([part.tasks for part in parts]))


def batch_count(config: Settings) -> int:
    """Number of mini-batches the score asks for."""
    if config.score_batches != "auto":
        return config.score_batches
    return PAPER_BATCHES if config.score == "paper" else -(-CALIBRATED_ROWS // config.batch_size)


def draw_batches(split: RowSource, tasks: Sequence[int], config: Settings) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mini-batches of random rows without replacement, for the paper's score.

    It is a mean over batches, so all are whole: a train split smaller than asked for gives as many as it has, at least
    one of all its rows.

    Returns:
        ids int32 ``[batch, columns]`` and labels ``[batch, tasks]`` of every batch.
    """
    size = min(config.batch_size, split.rows)
    count = rows_wanted(split, config)
    rows, _ = draw_rows(split, tasks, count - count % size, config.seed, 0)
    return [split.take(rows[start:start + size], None, tasks) for start in range(0, len(rows), size)]


def draw_scored(split: RowSource, tasks: Sequence[int], config: Settings,
                numbers: Sequence[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Rows for the calibrated score, which adds up over rows: it sees all of a small split, and more positives of rare
    tasks; of every task, ``numbers`` says whether its label is a number. Returns what ``draw_rows`` does."""
    positives = [0 if number else POSITIVES for number in numbers]
    return draw_rows(split, tasks, rows_wanted(split, config), config.seed, positives)


def rows_wanted(split: RowSource, config: Settings) -> int:
    """Number of rows that the score asks for, as far as the split has them."""
    wanted = batch_count(config) * config.batch_size
    if split.rows < wanted:
        LOG.info("the train split has %d rows; the score asks for %d batches of %d", split.rows, batch_count(config),
                 config.batch_size)
    return min(wanted, split.rows)


def _gradient_energy(schema: Schema, tasks: Sequence[str], part: ScoredRows, config: Settings) -> np.ndarray:
    """The same pass refined to one mask per value, with the output biases at the tasks' rates, ``[tasks, fields]``.

    Args:
        schema: of the data set.
        tasks: all tasks of the network.
        part: rows, and which of the tasks they have labels of.
        config: the run's Settings.
    """
    probe = config.replace(embedding_dim=min(config.embedding_dim, PROBE_DIM))
    plan, model = fresh_model(schema, tasks, probe)
    places, numbers = list(part.tasks), np.array(schema.are_numbers(tasks))
    rates = np.full(len(tasks), 0.5)  # of tasks that are not scored here: no logit that is depends on them
    rates[places] = np.mean(part.labels, 0, np.float64, where=part.used)
    set_output_bias(model, np.where(numbers, rates, model.backbone.rate_logits(rates, len(part.labels))))
    network = FieldGradients(model, len(tasks))
    network.set_train(False)
    energy = GradientEnergy(schema.cardinalities, len(places), probe.embedding_dim, schema.pools, schema.widths)
    size = min(config.batch_size, len(part.ids))
    for start in progress("score", "batch", config.progress, range(0, len(part.ids), size)):
        rows = slice(start, start + size)
        # A smaller last batch repeats rows up to the size of the others, or its graph would be compiled again.
        filled = np.resize(np.arange(len(part.ids))[rows], size)
        wide = np.zeros((size, len(tasks)), part.labels.dtype)
        wide[:, places] = part.labels[filled]
        gradients = field_gradients(network, plan, *to_tensors(part.ids[filled], wide))
        own = gradients[places, :len(part.ids[rows])] * part.used[rows].T[:, :, None, None]
        energy.update(part.ids[rows], own)
    return energy.scores()


def to_tensors(ids: np.ndarray, labels: np.ndarray, partial: bool = False) -> tuple[Tensor, Tensor]:
    """Ids int32 and labels as a network's loss takes them; ``partial``: some may be unknown."""
    return Tensor(ids), Tensor(loss_targets(labels, partial))

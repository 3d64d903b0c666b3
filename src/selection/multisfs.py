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
from collections.abc import Iterator, Sequence

import numpy as np
from mindspore import Tensor

from ..common.progress import progress
from ..data.subsets import DataSet, RowSource, label_groups, sample_by_weight
from ..data.targets import loss_targets
from ..models import InputPlan, MultiTaskModel, fresh_model
from ..models.model import set_output_bias
from ..settings import Settings
from .base import Selector
from .calibrated.sampling import POSITIVES, draw_rows
from .calibrated.score import LEVELS, CalibratedScores, GradientEnergy, calibrated_scores
from .calibrated.sharing import evidence_relations
from .calibrated.value_sums import ValueTable
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
        batches, _ = draw_batches(train, indices, self.config)
        shown = progress("score", "batch", self.config.progress, batches)
        return mask_scores(model, plan, (to_tensors(*batch, partial) for batch in shown), len(tasks),
                           self.config.score_sign == "signed")

    def _score_calibrated(self, data: DataSet, tasks: Sequence[str]) -> np.ndarray:
        """Scores, and sets the chance level; with ``relation=evidence`` sets the relations, too."""
        scores, share = np.empty((len(tasks), len(data.schema.fields))), self.relation == "evidence"
        self.relations_ = no_relations(data, tasks) if share else None
        for places, batches, used in scored_groups(data, tasks, self.config):
            found = _score_group(data, tasks, places, batches, used, self.config, share)
            scores[places], self.chance_ = found.scores, found.chance
            if share:
                self.relations_[:, np.array(places)[:, None], places] = found.relations
        return scores

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
        schema, relations = data.schema, no_relations(data, tasks)
        for places, batches, used in scored_groups(data, tasks, self.config.replace(score="calibrated")):
            ids, labels = (np.concatenate(parts) for parts in zip(*batches))
            table = ValueTable(ids, schema.cardinalities, schema.pools, schema.widths)
            relations[:, np.array(places)[:, None], places] = evidence_relations(table, labels, np.concatenate(used))
        return relations

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


def no_relations(data: DataSet, tasks: Sequence[str]) -> np.ndarray:
    """Relations of tasks that have nothing to do with each other, ``[fields, tasks, tasks]``."""
    return np.tile(np.eye(len(tasks)), (len(data.schema.fields), 1, 1))


def scored_groups(data: DataSet, tasks: Sequence[str], config: Settings) -> Iterator[tuple]:
    """The rows of the calibrated score; a task that some rows have no label of has rows of its own.

    Yields:
        places of tasks in ``tasks``, and what ``draw_batches`` returns for them.
    """
    indices = data.schema.task_indices(tasks)
    for rows, places in label_groups(sample_by_weight(data.split("train"), config.seed), indices):
        numbers = data.schema.are_numbers([tasks[place] for place in places])
        yield places, *draw_batches(rows, [indices[place] for place in places], config, numbers)


def batch_count(config: Settings) -> int:
    """Number of mini-batches the score asks for."""
    if config.score_batches != "auto":
        return config.score_batches
    return PAPER_BATCHES if config.score == "paper" else -(-CALIBRATED_ROWS // config.batch_size)


def draw_batches(split: RowSource, tasks: Sequence[int], config: Settings,
                 numbers: Sequence[bool] = ()) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Mini-batches of random rows without replacement; the calibrated score gets more positives of rare tasks.

    The paper's score is a mean over batches, so all are whole: a train split smaller than asked for gives as many as it
    has, at least one of all its rows. The calibrated score adds up over rows: it sees every row of a small split, and
    its last batch may be smaller.

    Args:
        split: the train rows.
        tasks: positions of the tasks.
        config: the run's Settings.
        numbers: of every task, whether its label is a number; empty where all are binary.

    Returns:
        (ids int32 ``[batch, fields]``, labels ``[batch, tasks]``) of every batch, and which task a row is
        evidence for, bool ``[batch, tasks]`` of every batch.
    """
    size, calibrated = min(config.batch_size, split.rows), config.score == "calibrated"
    count = min(batch_count(config) * size, split.rows)
    if count < batch_count(config) * config.batch_size:
        LOG.info("the train split has %d rows; the score asks for %d batches of %d", split.rows, batch_count(config),
                 config.batch_size)
    count -= 0 if calibrated else count % size
    wanted = POSITIVES if calibrated else 0
    positives = [0 if number else wanted for number in numbers] if numbers else wanted
    rows, used = draw_rows(split, tasks, count, config.seed, positives)
    parts = [slice(start, start + size) for start in range(0, len(rows), size)]
    return [split.take(rows[part], None, tasks) for part in parts], [used[part] for part in parts]


def _score_group(data: DataSet, tasks: Sequence[str], places: Sequence[int], batches, used, config: Settings,
                 share: bool) -> CalibratedScores:
    """The same pass refined to one mask per value, with the output biases at the tasks' rates and chance taken out.

    Args:
        data: the data set.
        tasks: all tasks of the network.
        places: which of them the batches have labels of, and which are scored.
        batches, used: of ``draw_batches``, for these.
        config: the run's Settings.
        share: whether tasks tell each other which fields they found.
    """
    probe = config.replace(embedding_dim=min(config.embedding_dim, PROBE_DIM))
    plan, model = fresh_model(data.schema, tasks, probe)
    ids = np.concatenate([ids for ids, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    counted = np.concatenate(used)
    numbers = np.array(data.schema.are_numbers(tasks))
    rates = np.full(len(tasks), 0.5)  # of tasks that are not scored here: no logit that is depends on them
    rates[places] = np.mean(labels, 0, np.float64, where=counted)
    set_output_bias(model, np.where(numbers, rates, model.backbone.rate_logits(rates, len(labels))))
    network = FieldGradients(model, len(tasks))
    network.set_train(False)
    schema = data.schema
    energy = GradientEnergy(schema.cardinalities, len(places), probe.embedding_dim, schema.pools, schema.widths)
    shown = progress("score", "batch", config.progress, batches)
    for (batch, own_labels), own in zip(shown, used):
        # A smaller last batch repeats rows up to the size of the others, or its graph would be compiled again.
        filled = np.resize(np.arange(len(batch)), len(batches[0][0]))
        wide = np.zeros((len(filled), len(tasks)), labels.dtype)
        wide[:, places] = own_labels[filled]
        gradients = field_gradients(network, plan, *to_tensors(batch[filled], wide))[places, :len(batch)]
        energy.update(batch, gradients * own.T[:, :, None, None])
    return calibrated_scores(ids, labels, schema.cardinalities, energy.scores(), counted, schema.pools, schema.widths,
                             numbers[places], share)


def to_tensors(ids: np.ndarray, labels: np.ndarray, partial: bool = False) -> tuple[Tensor, Tensor]:
    """Ids int32 and labels as a network's loss takes them; ``partial``: some may be unknown."""
    return Tensor(ids), Tensor(loss_targets(labels, partial))

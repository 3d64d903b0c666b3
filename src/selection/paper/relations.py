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
"""Field-wise task relations (the paper's section 3.3): a network on the graph of rows and tasks, and the merge.

Nodes are the rows (data nodes, eqs. 11, 14) and the tasks (task nodes, eqs. 12, 15). An edge joins row i and task t
where y_t = 1 and t is in Aux(i). The network learns to predict the labels of Test(i) (eqs. 13, 16-22); the relations
are the cosines of the parameters z_n^t that it has learned (eq. 23), and eq. 24 merges scores along them.

Ours, where the paper is silent or misprinted (docs/COMPARISON.md): a label that is a number counts as 1 where it is
above its mean; eq. 21 as the mean of the sigmoids; eq. 22 with a
minus sign and as a mean; a node without neighbours gets a message of zeros; Aux and Test hold at least one task each;
initial values, learning rate and the rule that ends training.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ...common.compat import make_adam
from ...common.progress import progress
from ...common.streams import Stream, generator
from ...data.subsets import RowSource
from ...labels import known_labels
from ...models.pooled import PooledSlots
from ...pooling import Pool

LOG = logging.getLogger(__name__)
LEARNING_RATE = 0.01  # of the relation network's Adam
SETTLED = 0.01  # training ends when an epoch lowers its mean loss by no more than this share
EPSILON = 1e-7  # keeps the logarithms of eq. 22 finite


class RelationNetwork(nn.Cell):
    """Eqs. 11-20. Every field n has weights of its own; no biases, and no activation on states.

    ``construct(ids, edges)`` returns the states E_L ``[fields, batch, D]`` and Z_L ``[fields, tasks, D]``; ids is int32
    ``[batch, columns]``, edges 0/1 float32 ``[batch, tasks]``: label 1 and in Aux.

    Parameters, in the paper's symbols; vectors are columns, so layer l maps a state h and its message m to
    U[l, n] · [m, h]: columns 0 to D - 1 of U act on the message, columns D to 2D - 1 on the state.

    - ``table`` ``[sum of cardinalities, D]``: V′, field after field; value v of field n is row offset_n + v;
    - ``z`` ``[fields, tasks, D]``: z_n^t;
    - ``w_task`` and ``w_data`` ``[layers, fields, D, D]``: W^t, for messages from tasks, and W^d, from rows;
    - ``u`` ``[layers, fields, D, 2D]``: U, one for both kinds of node.

    They are drawn in this order from ``default_rng([seed, 0x6E4])``: normal with standard deviation 1/√D, and 1/√(2D)
    for ``u``.

    Args:
        cardinalities: ids of every field.
        tasks: number of tasks.
        dim: D.
        layers: L.
        seed: seed of the initial values.
        pools: of every field None, or how the vectors of its values are pooled to one; None for no pooled field.
        widths: columns of ids of every field; None for one each.
    """

    def __init__(self, cardinalities: Sequence[int], tasks: int, dim: int, layers: int, seed: int,
                 pools: Sequence[Pool | None] | None = None, widths: Sequence[int] | None = None):
        super().__init__()
        rng = generator(seed, Stream.RELATION_WEIGHTS)
        fields = len(cardinalities)

        def normal(name, *shape):
            return Parameter(Tensor((rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)), name=name)

        self.table = normal("table", sum(cardinalities), dim)
        self.z = normal("z", fields, tasks, dim)
        self.w_task = normal("w_task", layers, fields, dim, dim)
        self.w_data = normal("w_data", layers, fields, dim, dim)
        self.u = normal("u", layers, fields, dim, 2 * dim)
        self.layers, self.fields, self.dim = layers, fields, dim
        offsets = np.concatenate([[0], np.cumsum(cardinalities)[:-1]])
        self.offsets = Tensor(np.repeat(offsets, widths or 1).astype(np.int32).reshape(1, -1))
        self.pooled = any(pools or ())
        if self.pooled:
            self.pool = PooledSlots(widths, pools)
        self.product, self.times = ops.BatchMatMul(), ops.BatchMatMul(transpose_b=True)  # A B, and A Bᵀ
        self.transposed = ops.BatchMatMul(transpose_a=True)  # Aᵀ B
        self.gather, self.relu, self.tile = ops.Gather(), ops.ReLU(), ops.Tile()

    def construct(self, ids, edges):
        if self.pooled:
            data = self.pool(ids, self.gather(self.table, ids + self.offsets, 0)).transpose(1, 0, 2)
        else:
            data = self.gather(self.table, (ids + self.offsets).T, 0)
        tasks = self.z
        links = self.tile(edges.reshape(1, edges.shape[0], edges.shape[1]), (self.fields, 1, 1))
        # The mean over neighbours; a node without any divides by 1 and so gets a message of zeros.
        to_data = links / ops.maximum(edges.sum(1), ops.ones_like(edges[:, 0])).reshape(1, -1, 1)
        to_tasks = links / ops.maximum(edges.sum(0), ops.ones_like(edges[0])).reshape(1, 1, -1)
        for i in range(self.layers):
            of_message, of_state = self.u[i][:, :, :self.dim], self.u[i][:, :, self.dim:]
            from_tasks = self.relu(self.times(tasks, self.w_task[i]))
            from_data = self.relu(self.times(data, self.w_data[i]))
            # U is linear: applied to the tasks' messages before their mean, it costs tasks products, not rows.
            data = self.product(to_data, self.times(from_tasks, of_message)) + self.times(data, of_state)
            tasks = self.times(self.transposed(to_tasks, from_data), of_message) + self.times(tasks, of_state)
        return data, tasks


class RelationLoss(nn.Cell):
    """Eqs. 21 and 22 on a batch: the mean cross-entropy of the labels in Test.

    The chance of a label is the *mean* over fields of Sigmoid(e_{L,n} · z_{L,n}), not their sum, which can exceed 1.
    ``construct(ids, labels, auxiliary)``: int32 ``[batch, fields]``, float32 ``[batch, tasks]`` twice.
    """

    def __init__(self, network: RelationNetwork):
        super().__init__(auto_prefix=False)
        self.network = network
        self.times, self.sigmoid = ops.BatchMatMul(transpose_b=True), ops.Sigmoid()

    def construct(self, ids, labels, auxiliary):
        data, tasks = self.network(ids, labels * auxiliary)
        chance = self.sigmoid(self.times(data, tasks)).mean(0)
        terms = labels * ops.log(chance + EPSILON) + (1 - labels) * ops.log(1 - chance + EPSILON)
        test = 1 - auxiliary
        return -(terms * test).sum() / ops.maximum(test.sum(), 1.0)


def relation_loss(network: RelationNetwork, ids: np.ndarray, labels: np.ndarray, auxiliary: np.ndarray) -> float:
    """L_G of one batch in one forward pass (eqs. 11-22).

    Args:
        network: the network.
        ids: ``[batch, fields]``.
        labels: 0/1 ``[batch, tasks]``.
        auxiliary: 0/1 ``[batch, tasks]``, 1 for tasks in Aux, 0 for tasks in Test.
    """
    return float(RelationLoss(network)(*_tensors(ids, labels, auxiliary)).asnumpy())


def draw_auxiliary(rows: int, tasks: int, seed: int) -> np.ndarray:
    """Aux and Test of every row (eq. 13): bool ``[rows, tasks]``, true for Aux.

    The number of tasks in Aux is uniform from 1 to tasks - 1, which tasks is random: with two tasks, one each.
    """
    rng = generator(seed, Stream.RELATION_LABELS)
    sizes = rng.integers(1, tasks, rows, dtype=np.int16)
    places = rng.permuted(np.tile(np.arange(tasks, dtype=np.int16), (rows, 1)), axis=1)
    return places < sizes[:, None]


def learn_relations(split, tasks: Sequence[int], cardinalities: Sequence[int], dim: int, layers: int, epochs: int,
                    batch_size: int, seed: int, show: bool = False, pools: Sequence[Pool | None] | None = None,
                    widths: Sequence[int] | None = None) -> np.ndarray:
    """Algorithm 1: relations r ``[fields, tasks, tasks]`` (eq. 23) from all rows of a split; 1 on the diagonal.

    One task has nothing to relate to: nothing is learned, and r is 1.

    Args:
        split: a Split.
        tasks: positions of its tasks.
        cardinalities, dim, layers, seed, pools, widths: as for RelationNetwork.
        epochs, batch_size, show: as for train_relations.
    """
    if len(tasks) == 1:
        return np.ones((len(cardinalities), 1, 1))
    network = RelationNetwork(cardinalities, len(tasks), dim, layers, seed, pools, widths)
    train_relations(network, split, tasks, epochs, batch_size, seed, show)
    return task_cosines(network.z.asnumpy())


def train_relations(network: RelationNetwork, split: RowSource, tasks: Sequence[int], epochs: int, batch_size: int,
                    seed: int, show: bool = False) -> list[float]:
    """Trains the network on all rows of a split and returns the mean loss of every epoch.

    Aux and Test are drawn once, before training, by ``draw_auxiliary``. Epoch e = 0, 1, .. goes through the rows in the
    order ``default_rng([seed, 0x0DE, e]).permutation(rows)``, ``batch_size`` at a time, the last batch with what is
    left; a step is one of Adam (MindSpore's defaults, LEARNING_RATE) on the batch's loss. Training ends after
    ``epochs``, or after one whose mean loss over its batches is above 1 - SETTLED times that of the one before.
    """
    auxiliary = draw_auxiliary(split.rows, len(tasks), seed)
    step = nn.TrainOneStepCell(RelationLoss(network), make_adam(network.trainable_params(), LEARNING_RATE))
    step.set_train()
    losses: list[float] = []
    bar = progress("relations", "epoch", show, range(epochs))
    for epoch in bar:
        order = generator(seed, Stream.RELATION_ROWS, epoch).permutation(split.rows)
        found = [float(step(*batch).asnumpy()) for batch in _batches(split, tasks, auxiliary, order, batch_size)]
        losses.append(float(np.mean(found)))
        bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
        if epoch and losses[-1] > losses[-2] * (1 - SETTLED):
            break
    LOG.debug("relations: %d epochs, loss %.4f", len(losses), losses[-1])
    return losses


def _batches(split, tasks: Sequence[int], auxiliary: np.ndarray, order: np.ndarray,
             batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Batches of one size, for one compiled graph: rows that fill up the last one have no edge and no Test label.

    Nor have labels that are not known: as 0 in Aux they are in no sum. A number, in units of its train split's
    deviation, counts as 1 where it is above the mean.
    """
    size = min(batch_size, len(order))
    for start in range(0, len(order), size):
        rows = order[start:start + size]
        missing = ((0, size - len(rows)), (0, 0))
        ids, labels = split.take(rows, None, tasks)
        known = known_labels(labels)
        yield _tensors(np.pad(ids, missing), np.pad((labels > 0) & known, missing),
                       np.pad(auxiliary[rows] | ~known, missing, constant_values=True))


def _tensors(ids: np.ndarray, labels: np.ndarray, auxiliary: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    return Tensor(ids.astype(np.int32)), Tensor(labels.astype(np.float32)), Tensor(auxiliary.astype(np.float32))


def task_cosines(z: np.ndarray) -> np.ndarray:
    """Eq. 23: cosines between the tasks' vectors of every field, ``[fields, tasks, D]`` to ``[fields, tasks, tasks]``.
    """
    z = z.astype(np.float64)
    z = z / np.maximum(np.linalg.norm(z, axis=2, keepdims=True), 1e-12)
    cosines = z @ z.transpose(0, 2, 1)
    index = np.arange(z.shape[1])
    cosines[:, index, index] = 1.0
    return cosines


def label_correlations(labels: np.ndarray, fields: int) -> np.ndarray:
    """Pearson correlation of labels, the same for every field: ``[rows, tasks]`` to ``[fields, tasks, tasks]``.

    Two labels are compared on the rows where both are known. A label that is constant there correlates with nothing but
    itself. (The paper's ablation MultiSFS-2.)
    """
    if labels.dtype.kind == "f":
        matrix = np.array([[_correlation(*pair) for pair in ((one, other) for other in labels.T)] for one in labels.T])
        np.fill_diagonal(matrix, 1.0)
        return np.repeat(matrix[None], fields, 0)
    positive, known = (labels == 1).T, known_labels(labels).T
    rows, both, ones = (_meetings(*pair) for pair in ((known, known), (positive, positive), (positive, known)))
    covariance = rows * both - ones * ones.T  # times rows squared, exact
    variance = ones * (rows - ones)  # of the label in front, on the rows where the other one is known, too
    scale = np.sqrt(variance) * np.sqrt(variance.T)
    matrix = np.divide(covariance, scale, out=np.zeros(both.shape), where=scale > 0)
    np.fill_diagonal(matrix, 1.0)
    return np.repeat(matrix[None], fields, 0)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of two labels, float ``[rows]``, on the rows where both are known; 0 where one is constant.
    """
    both = known_labels(one) & known_labels(other)
    pair = np.stack([one[both], other[both]]).astype(np.float64)
    if not both.any() or (pair == pair[:, :1]).all(1).any():
        return 0.0
    return float(np.corrcoef(pair)[0, 1])


def _meetings(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """In how many rows one of ``these`` and one of ``those`` are both true: bool ``[n, rows]`` to int64 ``[n, n]``."""
    return np.array([[np.count_nonzero(one & other) for other in those] for one in these], np.int64)


def merge_scores(scores: np.ndarray, relations: np.ndarray) -> np.ndarray:
    """Eq. 24 as its text says, a sum over tasks: s′_tn = Σ_i r_n^{t,i} s_in, where the print has s_tn; ``[tasks,
    fields]``."""
    return np.einsum("nti,in->tn", relations, scores)

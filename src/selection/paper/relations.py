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
"""Field-wise task relations: the network on the data-task graph (eqs. 11-23), label correlation, the merge (eq. 24).

For every field n on its own: a data node is a row b, a task node a task t, and an edge joins them where the row's label
of the task is 1 and known. Labels are split at random into auxiliary ones, which are edges, and test ones, which the
network learns to predict; so task nodes come to lie close where one task's labels tell about the other's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from tqdm import tqdm

LOG = logging.getLogger(__name__)
LEARNING_RATE = 0.01  # of the relation network's Adam
CHECK_EVERY, SETTLED = 5, 0.002  # epochs, and the movement of a relation, or share of the loss, that counts as none


class RelationNetwork(nn.Cell):
    """Message passing between rows and tasks, with weights of its own for every field.

    ``construct(ids, edges)`` returns the final data nodes ``[fields, batch, dim]`` and task nodes
    ``[fields, tasks, dim]``; edges is 0/1 ``[batch, tasks]``: label 1 and auxiliary.

    Args:
        cardinalities: ids of every field; the network has an embedding table of its own (V′).
        tasks: number of tasks.
        dim: width of the nodes.
        layers: rounds of message passing (L).
        seed: seed of the initial values.
    """

    def __init__(self, cardinalities: Sequence[int], tasks: int, dim: int, layers: int, seed: int):
        super().__init__()
        rng = np.random.default_rng([seed, 0x6E4])
        fields, width = len(cardinalities), 1 / np.sqrt(dim)

        def normal(name, *shape, scale=width):
            return Parameter(Tensor((rng.standard_normal(shape) * scale).astype(np.float32)), name=name)

        self.layers, self.dim = layers, dim
        self.table = normal("table", sum(cardinalities), dim)
        self.tasks = normal("tasks", fields, tasks, dim)
        self.task_weight = normal("task_weight", layers, fields, 2 * dim, dim, scale=width / np.sqrt(2))
        self.data_weight = normal("data_weight", layers, fields, 2 * dim, dim, scale=width / np.sqrt(2))
        self.task_bias = Parameter(Tensor(np.zeros((layers, fields, 1, dim), np.float32)), name="task_bias")
        self.data_bias = Parameter(Tensor(np.zeros((layers, fields, 1, dim), np.float32)), name="data_bias")
        offsets = np.concatenate([[0], np.cumsum(cardinalities)[:-1]])
        self.offsets = Tensor(offsets.astype(np.int32).reshape(1, -1))
        self.product, self.product_t = ops.BatchMatMul(), ops.BatchMatMul(transpose_a=True)
        self.gather, self.concat, self.tanh, self.tile = ops.Gather(), ops.Concat(2), ops.Tanh(), ops.Tile()
        self.fields = fields

    def construct(self, ids, edges):
        data = self.gather(self.table, (ids + self.offsets).T, 0)
        tasks = self.tasks
        links = self.tile(edges.reshape(1, edges.shape[0], edges.shape[1]), (self.fields, 1, 1))
        # A node without neighbours divides by 1 and so gets a message of zeros.
        to_task = links / ops.maximum(edges.sum(0), ops.ones_like(edges[0])).reshape(1, 1, -1)
        to_data = links / ops.maximum(edges.sum(1), ops.ones_like(edges[:, 0])).reshape(1, -1, 1)
        for i in range(self.layers):
            task_message = self.product_t(to_task, data)
            # A row's message is a mean of a few task nodes: the weights are applied to these, not to every row.
            own, other = self.data_weight[i][:, :self.dim], self.data_weight[i][:, self.dim:]
            data_message = self.product(to_data, self.product(tasks, other))
            tasks = self.tanh(self.product(self.concat((tasks, task_message)), self.task_weight[i]) + self.task_bias[i])
            data = self.tanh(self.product(data, own) + data_message + self.data_bias[i])
        return data, tasks


class RelationLoss(nn.Cell):
    """Mean cross-entropy of the test labels (eqs. 21, 22): p is the *mean* of the fields' sigmoids.

    The paper's eq. 21 sums them, which can exceed 1, and its eq. 22 lacks the minus sign.
    """

    def __init__(self, network: RelationNetwork):
        super().__init__(auto_prefix=False)
        self.network = network
        self.product = ops.BatchMatMul(transpose_b=True)
        self.sigmoid = ops.Sigmoid()

    def construct(self, ids, labels, auxiliary):
        data, tasks = self.network(ids, labels * auxiliary)
        chance = self.sigmoid(self.product(data, tasks)).mean(0)
        terms = labels * ops.log(chance + 1e-7) + (1 - labels) * ops.log(1 - chance + 1e-7)
        test = 1 - auxiliary
        return -(terms * test).sum() / test.sum()


def draw_auxiliary(rng: np.random.Generator, rows: int, tasks: int) -> np.ndarray:
    """A random split of every row's labels: 1 for auxiliary, 0 for test, float32 ``[rows, tasks]``.

    Every row keeps at least one of each, so two tasks give one each (paper, section 3.3).
    """
    sizes = rng.integers(1, tasks, rows)  # 1 to tasks - 1
    ranks = np.argsort(np.argsort(rng.random((rows, tasks)), 1), 1)
    return (ranks < sizes[:, None]).astype(np.float32)


def learn_relations(batches: Sequence[tuple[Tensor, Tensor]], cardinalities: Sequence[int], dim: int, layers: int,
                    epochs: int, seed: int, show: bool = False) -> np.ndarray:
    """Trains the relation network on the batches and returns r ``[fields, tasks, tasks]`` (eq. 23).

    r is the cosine between task nodes that see every label as auxiliary, averaged over the batches; 1 on the diagonal.
    Training ends after ``epochs`` passes, or when in CHECK_EVERY of them no r has moved by more than SETTLED and the
    mean loss has not fallen by more than that share.
    """
    tasks = batches[0][1].shape[1]
    if tasks == 1:
        return np.ones((len(cardinalities), 1, 1))
    network = RelationNetwork(cardinalities, tasks, dim, layers, seed)
    step = nn.TrainOneStepCell(RelationLoss(network), nn.Adam(network.trainable_params(), LEARNING_RATE))
    step.set_train()
    rng = np.random.default_rng([seed, 0xA0B])
    bar = tqdm(range(epochs), desc="relations", unit="epoch", leave=False, disable=not show)

    def relations() -> np.ndarray:
        return np.mean([task_cosines(network(ids, labels)[1].asnumpy()) for ids, labels in batches], 0)

    losses, before, last = [], None, 0.0
    for epoch in bar:
        losses += [float(step(ids, labels, Tensor(draw_auxiliary(rng, *labels.shape))).asnumpy())
                   for ids, labels in batches]
        bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
        if epoch % CHECK_EVERY == CHECK_EVERY - 1:
            now, loss = relations(), np.mean(losses)
            if before is not None and np.abs(now - before).max() <= SETTLED and loss > last * (1 - SETTLED):
                LOG.debug("relations settled after %d epochs", epoch + 1)
                return now
            losses, before, last = [], now, loss
    return relations()


def task_cosines(nodes: np.ndarray) -> np.ndarray:
    """Cosines between the task nodes of every field: ``[fields, tasks, dim]`` to ``[fields, tasks, tasks]``."""
    nodes = nodes.astype(np.float64)
    nodes = nodes / np.maximum(np.linalg.norm(nodes, axis=2, keepdims=True), 1e-12)
    cosines = nodes @ nodes.transpose(0, 2, 1)
    index = np.arange(nodes.shape[1])
    cosines[:, index, index] = 1.0
    return cosines


def label_correlations(labels: np.ndarray, fields: int) -> np.ndarray:
    """Pearson correlation of the labels, the same for every field: ``[rows, tasks]`` to ``[fields, tasks, tasks]``.

    A constant label correlates with nothing but itself. (The paper's ablation MultiSFS-2.)
    """
    centred = labels - labels.mean(0)
    norms = np.sqrt((centred ** 2).sum(0))
    safe = np.where(norms > 0, norms, 1.0)
    matrix = (centred / safe).T @ (centred / safe)
    np.fill_diagonal(matrix, 1.0)
    return np.repeat(matrix[None], fields, 0)


def merge_scores(scores: np.ndarray, relations: np.ndarray) -> np.ndarray:
    """s′_tn = Σ_i r_n^{t,i} s_in (eq. 24, whose print mixes up the indices); ``[tasks, fields]``."""
    return np.einsum("nti,in->tn", relations, scores)

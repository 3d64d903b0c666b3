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
"""Training a reference model on a prepared data set: nothing in it is of this project's own networks or training."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from pytorch_reference.networks.models import BACKBONES, Shape, total_loss
from src.common.errors import UserError
from src.settings import Settings


class Prepared:
    """A prepared set's arrays: ``ids[split]`` ``[rows, N]`` and ``labels[split]`` ``[rows, T]``."""

    def __init__(self, folder: Path):
        schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
        self.fields = [field["name"] for field in schema["fields"]]
        self.cardinalities = tuple(field["cardinality"] for field in schema["fields"])
        pooled = [field["name"] for field in schema["fields"] if field.get("pool")]
        if pooled:
            raise UserError(f"field {pooled[0]!r} of {folder} is pooled over several values, and this training reads "
                            "one value a row; prepare the data set without pool")
        self.tasks = [task["name"] for task in schema["tasks"]]
        partial = [task["name"] for task in schema["tasks"] if "known" in task]
        if partial:
            raise UserError(f"{folder} has rows without a label of {', '.join(partial)}, which this training does not "
                            "take; prepare labels of all rows")
        self.ids, self.labels = {}, {}
        for split, shards in schema["shards"].items():
            self.ids[split] = self._join(folder, shards, "ids")
            self.labels[split] = self._join(folder, shards, "labels")

    @staticmethod
    def _join(folder, shards, key):
        return torch.from_numpy(np.concatenate([np.load(folder / shard[key]) for shard in shards]))


def predict(model, ids, batch_size):
    """Probabilities ``[rows, T]``, in float64."""
    model.eval()
    with torch.no_grad():
        return torch.cat([torch.sigmoid(model(part).double()) for part in ids.split(batch_size)]).numpy()


def evaluate(model, data, split, batch_size):
    """AUC and mean log loss of every task."""
    probabilities, labels = predict(model, data.ids[split], batch_size), data.labels[split].numpy()
    aucs = [roc_auc_score(labels[:, task], probabilities[:, task]) for task in range(labels.shape[1])]
    clipped = probabilities.clip(1e-15, 1 - 1e-15)
    losses = -(labels * np.log(clipped) + (1 - labels) * np.log(1 - clipped)).mean(axis=0)
    return aucs, losses.tolist()


def train_epoch(model, optimizer, data, options, random):
    """One pass over the train split in random order; rows that fill no batch are left out. Returns the mean loss."""
    model.train()
    ids, labels = data.ids["train"], data.labels["train"]
    total, size = 0.0, min(options.batch_size, len(ids))
    batches = torch.from_numpy(random.permutation(len(ids))[:len(ids) // size * size]).reshape(-1, size)
    for rows in batches:
        optimizer.zero_grad()
        loss = total_loss(model(ids[rows]), labels[rows], options.loss_reduction)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)


def fit(model, data, options):
    """Trains until the valid split has not improved for ``patience`` epochs; leaves the best weights in the model."""
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    random = np.random.default_rng(options.seed)
    best, best_epoch, weights = -1.0, 0, None
    for epoch in range(1, options.epochs + 1):
        loss = train_epoch(model, optimizer, data, options, random)
        value = float(np.mean(evaluate(model, data, "valid", options.batch_size)[0]))
        print(f"epoch {epoch}: loss {loss:.4f}, valid mean AUC {value:.5f}", flush=True)
        if value > best:
            best, best_epoch, weights = value, epoch, copy.deepcopy(model.state_dict())
        elif epoch - best_epoch >= options.patience:
            break
    model.load_state_dict(weights)
    print(f"best epoch {best_epoch}, valid mean AUC {best:.5f}")


def chosen_fields(data, path):
    """(fields per task, shared fields) as positions, from a selection.json; (None, None) without one."""
    if path is None:
        return None, None
    selection = json.loads(Path(path).read_text(encoding="utf-8"))
    place = {name: index for index, name in enumerate(data.fields)}
    per_task = [[place[name] for name in selection["selected"][task]] for task in data.tasks]
    return per_task, [place[name] for name in selection["shared"]]


def train(config: Settings) -> None:
    """Trains, and prints MTReclib's result lines of the test split."""
    torch.manual_seed(config.seed)
    data = Prepared(config.data_path)
    task_fields, shared_fields = chosen_fields(data, None if config.selection == "none" else config.selection)
    model = BACKBONES[config.backbone](Shape(
        data.cardinalities, len(data.tasks), config.embedding_dim, config.bottom_dims, config.tower_dims,
        config.experts, config.dropout, task_fields, shared_fields))
    fit(model, data, config)
    for task, (auc, loss) in enumerate(zip(*evaluate(model, data, "test", config.batch_size))):
        print(f"task {task}, AUC {auc}, Log-loss {loss}")

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
"""Trains one model in MindSpore and in PyTorch side by side: same start, same batches, same dropout masks.

PyTorch steps with its own Adam, whose epsilon differs from MindSpore's (docs/COMPARISON.md), or with one that has
MindSpore's.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from pytorch_reference.compare import load_reference, make_reference, parameters_of
from pytorch_reference.mtreclib import pytorch_name, to_pytorch
from pytorch_reference.networks.models import total_loss
from pytorch_reference.optimizer import MindSporeAdam
from src.common.errors import UserError
from src.data.loader import TrainLoader
from src.evaluation import mean_auc, task_metrics
from src.models import MultiTaskModel, plan_inputs
from src.models.layers import MLPs
from src.selection.base import all_fields
from src.settings import Settings, load_settings
from src.training import choose_device, make_step, predict_logits
from src.workflow import choose_tasks, open_data

ADAMS = {"pytorch": torch.optim.Adam, "mindspore": MindSporeAdam}


class GivenDropout(nn.Module):
    """Dropout by rows ``start`` to ``stop`` of a mask that is handed in."""

    def __init__(self, start: int, stop: int, share: float):
        super().__init__()
        self.rows, self.scale, self.keep = slice(start, stop), 1 / (1 - share), torch.empty(0)

    def forward(self, x):
        return x * self.keep[self.rows].T * self.scale if self.training and len(self.keep) else x


def share_masks(model: MultiTaskModel, reference: nn.Module, backbone: str, tower_layers: int) -> list[GivenDropout]:
    """Puts into every dropout's place one that takes the rows our layer takes; returns them."""
    found = []
    for mlps in (cell for _, cell in model.cells_and_names() if isinstance(cell, MLPs)):
        for e, name in enumerate(mlps.names):
            for i, (hidden, width) in enumerate(zip(mlps.hidden, mlps.widths)):
                linear = pytorch_name(f"backbone.{name}.hidden.{i}.dense.weight", backbone, tower_layers)
                block, index = re.fullmatch(r"(.+\.mlp)\.(\d+)\.weight", linear).groups()
                start = hidden.start + e * width
                found.append(GivenDropout(start, start + width, model.dropout))
                reference.get_submodule(block)[int(index) + 3] = found[-1]
    return found


def draw_curves(given: SimpleNamespace) -> None:
    """Trains in both, writes the plot, and prints the figures.

    Args:
        given: the options of ``python -m pytorch_reference``.
    """
    config = load_settings(given.settings)
    data = open_data(config)
    tasks = choose_tasks(data, config)
    partial = [task.name for task in data.schema.tasks if task.partial and task.name in tasks]
    if partial:
        raise UserError(f"the curves are of tasks with a label in every row; {', '.join(partial)} has none in some; "
                        "name other tasks")
    numbers = [task for task, number in zip(tasks, data.schema.are_numbers(tasks)) if number]
    if numbers:
        raise UserError(f"the curves are of binary tasks; {', '.join(numbers)} is of kind regression; name other tasks")
    choose_device(config.device_target, config.device_id)
    plan = plan_inputs(config.backbone, data.schema, tasks)
    model = MultiTaskModel(plan, config.backbone, len(tasks), config)
    reference = make_reference(config, data.schema, all_fields(data.schema, tasks, config))
    load_reference(reference, to_pytorch(parameters_of(model), config.backbone, plan))
    history = train_both(model, reference, plan, data, tasks, config, ADAMS[given.adam])
    draw(Path(given.curves), history, f"{config.dataset}, {config.backbone}, all fields, seed {config.seed}")
    print_figures(history)


def train_both(model, reference, plan, data, tasks, config: Settings, adam) -> dict[str, np.ndarray]:
    """Both frameworks step by step: arrays ``[steps, 2]`` of losses and ``[epochs, 2]`` of mean AUC on valid."""
    indices = data.schema.task_indices(tasks)
    loader = TrainLoader(data.split("train"), plan.columns, indices, config.batch_size, config.seed, model.mask_rows,
                         model.dropout)
    masks = share_masks(model, reference, config.backbone, len(config.tower_dims))
    step = make_step(model, config)
    optimizer = adam(reference.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    losses, aucs = [], []
    for epoch in range(1, config.epochs + 1):
        step.set_train()
        reference.train()
        for ids, labels, keep in loader.epoch(epoch):
            ours = float(step(ids, labels, keep).asnumpy())
            for mask in masks:
                mask.keep = torch.empty(0) if keep is None else torch.tensor(keep.asnumpy())
            optimizer.zero_grad()
            loss = total_loss(reference(torch.tensor(ids.asnumpy())), torch.tensor(labels.asnumpy()),
                              config.loss_reduction)
            loss.backward()
            optimizer.step()
            losses.append((ours, loss.item()))
        aucs.append(valid_aucs(model, reference, plan, data, tasks, indices, config))
        print(f"epoch {epoch}: loss {np.mean(losses[-loader.steps:], 0)}, valid mean AUC {aucs[-1]}", flush=True)
    return {"losses": np.array(losses), "aucs": np.array(aucs)}


def valid_aucs(model, reference, plan, data, tasks, indices, config: Settings) -> tuple:
    split = data.split("valid")
    ours, labels = predict_logits(model, split, plan, indices, config.batch_size)
    reference.eval()
    with torch.no_grad():
        theirs = reference(torch.tensor(split.read(0, split.rows, list(plan.columns), indices)[0])).numpy()
    return tuple(mean_auc(task_metrics(logits, labels, tasks)) for logits in (ours, theirs))


def draw(path: Path, history: dict[str, np.ndarray], title: str) -> None:
    """Losses of every step above their difference, AUC of every epoch next to them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    losses, aucs = history["losses"], history["aucs"]
    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    figure.suptitle(title)
    for column, (name, style) in enumerate((("MindSpore", "-"), ("PyTorch", "--"))):
        left.plot(losses[:, column], style, label=name, linewidth=1)
        right.plot(range(1, len(aucs) + 1), aucs[:, column], style, label=name, marker="o", markersize=3)
    middle.semilogy(np.maximum(np.abs(losses[:, 0] - losses[:, 1]), 1e-9), linewidth=0.7, color="tab:grey")
    for axes, name, words in ((left, "training loss", "step"), (middle, "difference of the losses", "step"),
                              (right, "mean AUC, valid split", "epoch")):
        axes.set(title=name, xlabel=words)
        axes.grid(alpha=0.3)
    left.legend()
    figure.savefig(path, dpi=110)


def print_figures(history: dict[str, np.ndarray]) -> None:
    losses, aucs = history["losses"], history["aucs"]
    apart = np.abs(losses[:, 0] - losses[:, 1])
    for count in (1, 10, 100, len(apart)):
        print(f"largest difference of the loss in the first {count} steps: {apart[:count].max():.2e}")
    print(f"best mean AUC on valid: MindSpore {aucs[:, 0].max():.5f}, PyTorch {aucs[:, 1].max():.5f}; "
          f"largest difference in an epoch {np.abs(aucs[:, 0] - aucs[:, 1]).max():.5f}")

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
"""A run's model and the same weights in PyTorch: logits, losses, metrics and gradients next to each other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from pytorch_reference.agreement import Agreement, auc_slack
from pytorch_reference.mtreclib import from_pytorch, to_pytorch
from src.common.errors import UserError
from src.common.files import write_json
from src.evaluation import loss_of, task_metrics
from src.models import InputPlan, MultiTaskModel, NetWithLoss, natural_values, set_natural
from src.pooling import id_columns
from src.schema import Schema, Selection
from src.settings import Settings
from src.training import choose_device, predict_logits
from src.training.checkpoint import save_checkpoint
from src.workflow import load_model, load_run, open_data, refuse_learned_masks

GRADIENT_ROWS = 64  # rows of the batch whose gradients are compared
WINDOWS = 50  # batches it is chosen from


def compare_run(given: SimpleNamespace) -> bool:
    """Loads a run, converts its weights, compares and prints; returns whether both agree.

    Args:
        given: the options of ``python -m pytorch_reference``.
    """
    torch = import_torch()
    run, config = load_run(given.run_dir, given.settings)
    refuse_learned_masks(run, config)
    data = open_data(config)
    choose_device(config.device_target, config.device_id)
    model, plan, selection = load_model(run, config, data)
    if given.from_pytorch:
        weights = read_state(torch, given.from_pytorch, config.backbone, plan, model)
        if given.to_checkpoint:
            set_natural(model, weights)
            save_checkpoint(model, Path(given.to_checkpoint))
    else:
        weights = parameters_of(model)
    if given.to_pytorch:
        write_state(torch, given.to_pytorch, weights, config.backbone, plan, data.schema, selection, given.numerical)
    reference = make_reference(config, data.schema, selection)
    load_reference(reference, to_pytorch(weights, config.backbone, plan))
    found = compare(model, reference, plan, selection, data, config, given.split, given.tolerance)
    print(found.table())
    verdict = "agrees with PyTorch within" if found.holds else "differs from PyTorch beyond"
    print(f"{run.path.name} {verdict} {given.tolerance:g}")
    return found.holds


def import_torch():
    """PyTorch, or one line that says how to get it."""
    try:
        import torch
    except ImportError:
        raise UserError("PyTorch is not installed; pip install -r requirements/pytorch.txt") from None
    return torch


def parameters_of(model: MultiTaskModel) -> dict[str, np.ndarray]:
    """Every parameter by its natural name, moving statistics included."""
    return natural_values(model)


def make_reference(config: Settings, schema: Schema, selection: Selection):
    """The PyTorch model a run's settings and fields describe, with fresh weights."""
    from pytorch_reference.networks.models import BACKBONES, Shape

    return BACKBONES[config.backbone](Shape(
        tuple(schema.cardinalities), len(selection.tasks), config.embedding_dim, tuple(config.bottom_dims),
        tuple(config.tower_dims), config.experts, config.dropout,
        [schema.field_indices(selection.selected[task]) for task in selection.tasks],
        schema.field_indices(selection.shared), pools=schema.pools, widths=schema.widths))


def load_reference(reference, state: dict[str, np.ndarray]) -> None:
    """Loads numpy weights into a PyTorch model, strictly."""
    torch = import_torch()
    reference.load_state_dict({name: torch.tensor(value) for name, value in state.items()}, strict=True)


def read_state(torch, path: str, backbone: str, plan: InputPlan, model: MultiTaskModel) -> dict[str, np.ndarray]:
    """Our parameters from a state_dict on disk, of the reference's form or MTReclib's."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        arrays = {name: value.numpy() for name, value in state.items()}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except OSError:
        raise
    except Exception as error:  # torch.load raises whatever its unpickler meets
        raise UserError(f"{path} is no state_dict ({type(error).__name__}); write it with "
                        "torch.save(model.state_dict(), FILE)") from None
    shapes = {name: value.shape for name, value in natural_values(model).items()}
    return from_pytorch(arrays, backbone, plan, shapes, path)


def write_state(torch, path: str, weights, backbone: str, plan: InputPlan, schema: Schema, selection: Selection,
                numerical: int) -> None:
    """Writes the state_dict of MTReclib's class, and in a second file what that class has to be built with.

    MTReclib's classes read all of their fields on every path; where a path of ours reads fewer, the others' weights are
    zeros. MTReclib has no ESMM; its state_dict fits the one of pytorch_reference.

    Raises:
        UserError: a field is pooled, which MTReclib does not know.
    """
    pooled = [schema.fields[column].name for column in plan.columns if schema.fields[column].pool]
    if pooled:
        raise UserError(f"field {pooled[0]!r} is pooled over several values, and MTReclib reads one value a row; "
                        "select other fields, or prepare the data set without pool")
    state = to_pytorch(weights, backbone, plan, numerical)
    torch.save({name: torch.tensor(value) for name, value in state.items()}, path)
    fields = [schema.fields[column] for column in plan.columns]
    write_json(Path(f"{path}.json"), {
        "backbone": backbone, "tasks": list(selection.tasks), "fields": [field.name for field in fields],
        "categorical_field_dims": [field.cardinality for field in fields], "numerical_num": numerical,
    })


class ParameterGradients(nn.Cell):
    """``construct(ids, labels)`` gives the gradient of a loss by every trained parameter."""

    def __init__(self, network: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network
        self.weights = ms.ParameterTuple(network.trainable_params())
        self.gradient = ops.GradOperation(get_by_list=True)

    def construct(self, ids, labels):
        return self.gradient(self.network, self.weights)(ids, labels)


def mindspore_gradients(model: MultiTaskModel, ids: np.ndarray, labels: np.ndarray,
                        reduction: str) -> dict[str, np.ndarray]:
    """Gradients by natural name; BatchNorm in training mode, dropout off. The moving statistics are changed."""
    network = NetWithLoss(model, reduction)
    gradients = ParameterGradients(network)
    gradients.set_train()
    values = gradients(Tensor(ids), Tensor(labels.astype(np.float32)))
    named = {weight.name: value.asnumpy() for weight, value in zip(network.trainable_params(), values)}
    return natural_values(model, named)


def smooth_rows(reference, split, size: int = GRADIENT_ROWS, windows: int = WINDOWS) -> np.ndarray:
    """The batch, of several random ones, whose hidden units stay farthest from ReLU's corner.

    At the corner the derivative jumps: a unit within rounding of it may fall on either side, in any two programs.
    """
    from pytorch_reference.gradients import smallest_unit
    from pytorch_reference.scores import scoring_mode

    torch = import_torch()
    rng = np.random.default_rng(0)
    best, margin = None, -1.0
    with scoring_mode(reference, training=True), torch.no_grad():
        for _ in range(windows):
            rows = np.sort(rng.permutation(split.rows)[:size])
            found = smallest_unit(reference, torch.tensor(split.take(rows, None, None)[0]))
            if found > margin:
                best, margin = rows, found
    return best


def compare(model: MultiTaskModel, reference, plan: InputPlan, selection: Selection, data, config: Settings,
            split_name: str, tolerance: float) -> Agreement:
    """Logits, losses and AUC over a whole split, gradients of one batch; the model's moving statistics are changed."""
    torch, split = import_torch(), data.split(split_name)
    task_indices = data.schema.task_indices(selection.tasks)
    ours, labels = predict_logits(model, split, plan, task_indices, config.batch_size)
    reference.eval()
    with torch.no_grad():
        parts = [reference(torch.tensor(split.read(first, min(first + config.batch_size, split.rows), None, None)[0]))
                 for first in range(0, split.rows, config.batch_size)]
    theirs = torch.cat(parts).numpy()
    found = Agreement(tolerance)
    scales = data.schema.scales_of(selection.tasks)
    mine, others = (task_metrics(logits, labels, selection.tasks, split_name, scales) for logits in (ours, theirs))
    for index, task in enumerate(selection.tasks):
        found.add("logits", task, ours[:, index], theirs[:, index])
        found.add("loss", task, np.array(loss_of(mine[task])), np.array(loss_of(others[task])))
        if scales[index] is not None:
            found.add("RMSE", task, np.array(mine[task]["rmse"]), np.array(others[task]["rmse"]))
        elif mine[task]["auc"] is not None:
            rounding = float(np.abs(ours[:, index] - theirs[:, index]).max())
            slack = auc_slack(theirs[:, index].astype(np.float64), labels[:, index], rounding)
            found.add("AUC", task, np.array(mine[task]["auc"]), np.array(others[task]["auc"]), slack=slack)
    compare_gradients(found, model, reference, plan, split, task_indices, config)
    return found


def compare_gradients(found: Agreement, model: MultiTaskModel, reference, plan: InputPlan, split, task_indices,
                      config: Settings) -> None:
    """Adds the gradients of one batch by every parameter."""
    from pytorch_reference.gradients import loss_gradients

    torch = import_torch()
    ids, labels = split.take(smooth_rows(reference, split), None, task_indices)
    numbers = np.array(plan.numbers or [False] * len(task_indices))  # unknown ones count as 0 in both frameworks
    labels = np.where(numbers, np.nan_to_num(labels), labels == 1).astype(np.float32)
    wanted, scales = loss_gradients(reference, torch.tensor(ids), torch.tensor(labels), config.loss_reduction,
                                    plan.numbers)
    given = to_pytorch(mindspore_gradients(model, ids[:, id_columns(split.widths, plan.columns)], labels,
                                          config.loss_reduction),
                       config.backbone, plan)
    for name in wanted:
        found.add("gradient", name, given[name], wanted[name], scales[name])

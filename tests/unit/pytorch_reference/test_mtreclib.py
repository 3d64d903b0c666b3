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
"""Conversion to MTReclib's names and back: strict both ways, and the classes' extra inputs never count."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: pip install -r requirements/pytorch.txt")

from pytorch_reference.compare import load_reference, make_reference, parameters_of  # noqa: E402
from pytorch_reference.mtreclib import from_pytorch, to_pytorch  # noqa: E402
from pytorch_reference.networks.models import BACKBONES, Shape  # noqa: E402
from src.common.errors import UserError  # noqa: E402
from src.models import TRAITS  # noqa: E402
from src.selection.base import all_fields  # noqa: E402
from tests.helpers import make_batch, make_config, make_model, make_schema, make_selection  # noqa: E402

KEPT = {"t0": ("f1", "f3", "f2"), "t1": ("f5", "f2")}  # f0 and f4 are not kept
SHARED = {"union": ("f1", "f2", "f3", "f5"), "intersection": ("f2",), None: ()}


def make(backbone, pruned=True):
    schema = make_schema(2)
    selection = (make_selection(schema, KEPT, SHARED[TRAITS[backbone].shared], backbone) if pruned
                 else all_fields(schema, schema.task_names, make_config(backbone=backbone)))
    model, plan = make_model(backbone, schema, selection)
    return parameters_of(model), plan, schema, selection


def shapes_of(parameters):
    return {name: value.shape for name, value in parameters.items()}


@pytest.mark.parametrize("numerical", [0, 1, 5])
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("backbone", TRAITS)
def test_there_and_back(backbone, pruned, numerical):
    parameters, plan, _, _ = make(backbone, pruned)
    state = to_pytorch(parameters, backbone, plan, numerical)
    back = from_pytorch(state, backbone, plan, shapes_of(parameters))
    assert list(back) == list(parameters)
    assert all(np.array_equal(back[name], value) for name, value in parameters.items())


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("backbone", TRAITS)
def test_loads_strictly_into_classes_that_read_everything_on_every_path(backbone, pruned):
    parameters, plan, schema, selection = make(backbone, pruned)
    plain = make_reference(make_config(backbone=backbone), schema, selection)
    load_reference(plain, to_pytorch(parameters, backbone, plan))
    cardinalities = tuple(schema.cardinalities[column] for column in plan.columns)
    wide = BACKBONES[backbone](Shape(cardinalities, 2, 4, (8, 6), (5,), 4, 0.0, numerical=7))
    wide.load_state_dict({name: torch.tensor(value) for name, value in
                          to_pytorch(parameters, backbone, plan, 7).items()}, strict=True)
    ids = torch.tensor(make_batch(40, schema)[0])
    numbers = torch.randn(40, 7)
    for training in (False, True):
        plain.train(training), wide.train(training)
        expected = plain(ids).detach()
        found = wide(ids[:, list(plan.columns)], numerical=numbers).detach()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_names_are_those_of_mtreclib():
    made = {backbone: make(backbone) for backbone in TRAITS}
    names = {backbone: set(to_pytorch(parts[0], backbone, parts[1], 1)) for backbone, parts in made.items()}
    assert {"embedding.embedding.weight", "numerical_layer.bias", "expert.0.mlp.0.weight", "gate.1.0.weight",
            "expert.3.mlp.5.running_mean", "tower.1.mlp.4.bias"} <= names["mmoe"]
    assert {"gate.0.weight", "gate.0.bias"} <= names["omoe"]
    assert {"task_experts.0.1.1.mlp.0.weight", "share_experts.1.0.mlp.1.num_batches_tracked", "share_gates.1.0.bias",
            "task_gates.1.1.0.weight"} <= names["ple"]
    assert {"g.0.weight", "h1.bias", "h2.weight", "h3.weight", "bottom.1.mlp.4.weight"} <= names["aitm"]
    assert {"embedding.1.embedding.weight", "numerical_layer.0.weight"} <= names["single_task"]


@pytest.mark.parametrize("backbone, name, change, message", [
    ("mmoe", "expert.0.mlp.0.weight", None, "has no expert.0.mlp.0.weight"),
    ("mmoe", "expert.4.mlp.0.weight", np.zeros((8, 16)), "entries that this model does not have"),
    ("mmoe", "tower.0.mlp.0.weight", np.zeros((5, 7)), "has shape (5, 7)"),
    ("single_task", "embedding.1.embedding.weight", np.zeros((3, 4)), "has shape (3, 4)"),
    ("ple", "embedding.embedding.weight", np.zeros((30, 4)), "has shape (30, 4)"),
])
def test_what_does_not_fit_is_named(backbone, name, change, message):
    parameters, plan, _, _ = make(backbone)
    state = to_pytorch(parameters, backbone, plan)
    if change is None:
        del state[name]
    else:
        state[name] = change
    with pytest.raises(UserError) as error:
        from_pytorch(state, backbone, plan, shapes_of(parameters), "weights.pt")
    assert message in str(error.value) and "weights.pt" in str(error.value)


def test_weights_on_inputs_that_our_model_lacks_are_refused():
    parameters, plan, _, _ = make("ple")
    shapes = shapes_of(parameters)
    state = to_pytorch(parameters, "ple", plan, 3)
    state["task_gates.0.1.0.weight"][0, -1] = 1  # reads numerical_layer, which gives zeros
    from_pytorch(state, "ple", plan, shapes)
    state["numerical_layer.bias"][0] = 1
    with pytest.raises(UserError, match="task_gates.0.1.0.weight in the state_dict gives weight to"):
        from_pytorch(state, "ple", plan, shapes)
    state = to_pytorch(parameters, "ple", plan, 3)
    state["task_experts.0.1.0.mlp.0.weight"][0, 0] = 1  # field f1, which task t1 does not read
    with pytest.raises(UserError, match="task_experts.0.1.0.mlp.0.weight in the state_dict gives weight to"):
        from_pytorch(state, "ple", plan, shapes)
    state = to_pytorch(parameters, "ple", plan, 3)
    state["share_experts.0.0.mlp.0.weight"] = np.zeros((8, 4))
    with pytest.raises(UserError, match="expected 20 columns"):
        from_pytorch(state, "ple", plan, shapes)

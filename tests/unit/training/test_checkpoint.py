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
"""Checkpoints: what is written is what is read, and damage is named."""

import numpy as np
import pytest

from src.errors import UserError
from src.training.checkpoint import load_checkpoint, load_latest, pop_state, restore, save_checkpoint
from tests.helpers import make_model, make_schema


def test_round_trip_with_state(tmp_path):
    model, other = (make_model("mmoe", make_schema(2), seed=seed)[0] for seed in (1, 2))
    state = {"epoch": 3, "best": 0.123456789012345678, "history": [{"a": None}]}
    save_checkpoint(model, tmp_path / "last.ckpt", state)
    parameters = load_checkpoint(tmp_path / "last.ckpt")
    assert pop_state(parameters) == state
    restore(other, parameters, "last.ckpt")
    for a, b in zip(model.get_parameters(), other.get_parameters()):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
    assert not list(tmp_path.glob("tmp-*"))


@pytest.mark.parametrize("damage", [
    lambda data: data[:-7], lambda data: data[:50] + b"x" + data[51:], lambda data: b"",
])
def test_damage_is_named(tmp_path, damage):
    path = tmp_path / "best.ckpt"
    save_checkpoint(make_model("mmoe", make_schema(2))[0], path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="best.ckpt is damaged"):
        load_checkpoint(path)
    assert load_latest(path) is None


def test_missing_and_foreign_checkpoints(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        load_checkpoint(tmp_path / "best.ckpt")
    save_checkpoint(make_model("mmoe", make_schema(2))[0], tmp_path / "best.ckpt")
    parameters = load_checkpoint(tmp_path / "best.ckpt")
    with pytest.raises(UserError, match="does not fit this model"):
        restore(make_model("ple", make_schema(2))[0], parameters, "best.ckpt")
    with pytest.raises(UserError, match="expected"):
        restore(make_model("mmoe", make_schema(2), embedding_dim=6)[0], parameters, "best.ckpt")

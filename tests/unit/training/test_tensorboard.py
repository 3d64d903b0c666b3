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
"""TensorBoard files: the curves of the history, on request only."""

import importlib.util
import struct

import pytest

from src.errors import UserError
from src.training.tensorboard import SummaryLog
from tests.unit.training.test_trainer import make_trainer


def scalars(path):
    """Every scalar of an event file by name: records of a length, its checksum, an Event, and its checksum."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    content, found = path.read_bytes(), {}
    while content:
        length, = struct.unpack("<Q", content[:8])
        event = event_pb2.Event.FromString(content[12:12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, {})[event.step] = value.simple_value
        content = content[12 + length + 4:]
    return found


def test_curves_are_those_of_the_history(tmp_path):
    pytest.importorskip("tensorboardX")
    trainer = make_trainer(tmp_path, None, "summary=true")
    trainer.fit()
    path, = (tmp_path / "run" / "summary").iterdir()
    found = scalars(path)
    assert set(found) == {"train/loss", "valid/t0/auc", "valid/t0/logloss", "valid/t1/auc", "valid/t1/logloss"}
    assert found["train/loss"] == pytest.approx({r["epoch"]: r["train_loss"] for r in trainer.history})
    assert found["valid/t1/auc"] == pytest.approx({r["epoch"]: r["valid"]["t1"]["auc"] for r in trainer.history})


def test_nothing_is_written_by_default(tmp_path):
    make_trainer(tmp_path, None, "epochs=1").fit()
    assert not (tmp_path / "run" / "summary").exists()


def test_without_tensorboardx_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install -r requirements/tensorboard.txt"):
        SummaryLog(tmp_path / "summary")
    assert not list(tmp_path.iterdir())

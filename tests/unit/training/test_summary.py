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
"""MindSpore summary files: the curves of the history, on request only."""

import struct

import pytest
from mindspore.train import summary_pb2

from tests.unit.training.test_trainer import make_trainer


def scalars(path):
    """Every scalar of a summary file by name: records of a length, its checksum, an Event, and its checksum."""
    content, found = path.read_bytes(), {}
    while content:
        length, = struct.unpack("<Q", content[:8])
        event = summary_pb2.Event.FromString(content[12:12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, {})[event.step] = value.scalar_value
        content = content[12 + length + 4:]
    return found


def test_curves_are_those_of_the_history(tmp_path):
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

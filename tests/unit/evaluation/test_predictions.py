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
"""predictions.npz: what is written is what is read, and a damaged or foreign one is refused."""

from __future__ import annotations

import numpy as np
import pytest

from src.common.errors import UserError
from src.evaluation import predictions
from src.evaluation.predictions import FILE, Predictions, read_predictions, write_predictions


def made(rows: int, tasks: int = 2) -> Predictions:
    logits = np.arange(rows * tasks, dtype=np.float32).reshape(rows, tasks)
    return Predictions(logits, (logits % 3 == 0).astype(np.uint8))


def test_there_and_back(tmp_path):
    assert read_predictions(tmp_path, ["a", "b"]) == {}
    write_predictions(tmp_path, {"valid": made(5), "test": made(0)})
    found = read_predictions(tmp_path, ["a", "b"])
    np.testing.assert_array_equal(found["valid"].logits, made(5).logits)
    np.testing.assert_array_equal(found["valid"].labels, made(5).labels)
    assert found["test"].logits.shape == (0, 2) and [path.name for path in tmp_path.iterdir()] == [FILE]


def test_of_a_long_split_evenly_spaced_rows_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "MOST_ROWS", 5)
    write_predictions(tmp_path, {"valid": made(9, 1), "test": made(9, 1)})
    assert read_predictions(tmp_path, ["a"])["test"].logits[:, 0].tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("at", [0, 40, 200])
def test_a_flipped_bit_is_refused(tmp_path, at):
    write_predictions(tmp_path, {"valid": made(50), "test": made(50)})
    content = bytearray((tmp_path / FILE).read_bytes())
    content[at] ^= 4
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(UserError, match="predictions.npz is damaged"):
        read_predictions(tmp_path, ["a", "b"])


def test_other_tasks_and_a_cut_file_are_refused(tmp_path):
    write_predictions(tmp_path, {"valid": made(5), "test": made(5)})
    with pytest.raises(UserError, match="not of the tasks a"):
        read_predictions(tmp_path, ["a"])
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:100])
    with pytest.raises(UserError, match="damaged"):
        read_predictions(tmp_path, ["a", "b"])

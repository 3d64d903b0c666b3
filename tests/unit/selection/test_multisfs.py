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
"""MultiSFS as a whole: which rows its scores see; the size of a batch does not matter to the calibrated one."""

from __future__ import annotations

import numpy as np
import pytest

from src.selection.multisfs import MultiSFS, draw_batches
from tests.helpers import toy_data
from tests.unit.selection.planted_data import trained_config


def test_the_calibrated_score_sees_every_row_of_a_small_table():
    data = toy_data(rows=700)
    batches, used = draw_batches(data, data.schema.task_names, trained_config("score_batches=auto", "batch_size=512"))
    assert [len(ids) for ids, _ in batches] == [512, 188] == [len(own) for own in used]
    seen = np.concatenate([np.column_stack(batch) for batch in batches])
    rows = np.column_stack(data.split("train").take(slice(None)))
    assert sorted(seen.tolist()) == sorted(rows.tolist())


def test_the_papers_score_sees_whole_batches():
    data = toy_data(rows=700)
    batches, _ = draw_batches(data, data.schema.task_names,
                              trained_config("score=paper", "score_batches=auto", "batch_size=200"))
    assert [len(ids) for ids, _ in batches] == [200, 200, 200]


@pytest.mark.parametrize("backbone", ["shared_bottom", "single_task"])
def test_batches_of_any_size_give_one_calibrated_score(eager, backbone):
    """Also where the last batch is smaller than the others."""
    data = toy_data(rows=700)
    scores = [MultiSFS(trained_config("score_batches=auto", f"batch_size={size}", f"backbone={backbone}"))
              .fit(data, data.schema.task_names).scores_ for size in (700, 256)]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-3, atol=1e-3)

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
"""feature_rank.npy as ERASE reads it."""

import dataclasses

import numpy as np
import pytest

from src.common.errors import UserError
from src.report.feature_rank import write_feature_ranks
from src.schema import Selection

SELECTION = Selection("multisfs", "mmoe", 0, ("click", "like"), ("a", "b", "long name", "d"),
                      {"click": ("b", "d"), "like": ("a", "b")}, (),
                      {"click": {"a": 0.1, "b": 2.0, "long name": -1.0, "d": 0.30000000000000004},
                       "like": {"a": 1.0, "b": 1.0, "long name": 1e-30, "d": 0.0}})


def test_one_file_per_task_names_and_importances_best_first(tmp_path):
    files = write_feature_ranks(SELECTION, tmp_path / "new")
    assert files == [tmp_path / "new" / task / "feature_rank.npy" for task in ("click", "like")]
    names, scores = np.load(files[0])
    assert names.tolist() == ["b", "d", "a", "long name"]
    assert scores.astype(float).tolist() == [2.0, 0.30000000000000004, 0.1, -1.0]
    assert np.load(files[1]).shape == (2, 4)
    assert np.load(files[1])[0].tolist() == ["a", "b", "long name", "d"]  # equal scores keep the order of fields


def test_a_selection_without_scores_is_refused(tmp_path):
    with pytest.raises(UserError, match="no scores"):
        write_feature_ranks(dataclasses.replace(SELECTION, selector="none", scores=None), tmp_path)
    assert not list(tmp_path.iterdir())

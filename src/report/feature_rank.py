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
"""ERASE's ``feature_rank.npy``: a 2 × F array of field names and importances, best first, one per task."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..common.errors import UserError
from ..schema import Selection


def write_feature_ranks(selection: Selection, folder: Path) -> list[Path]:
    """Writes ``<folder>/<task>/feature_rank.npy`` for every task; returns the files.

    Both rows are text, as in ERASE: ``names, scores = numpy.load(file)``, ``scores.astype(float)``. All fields
    are in it, those with equal scores in field order, so its first k names are what the selection keeps.

    Raises:
        UserError: the selection has no scores.
    """
    if selection.scores is None:
        raise UserError(f"the selection of selector {selection.selector} has no scores to rank fields by; take another "
                        "selector")
    files = []
    for task in selection.tasks:
        scores = selection.scores[task]
        names = sorted(selection.fields, key=scores.__getitem__, reverse=True)  # equal scores keep their order
        files.append(Path(folder) / task.replace(os.sep, "_") / "feature_rank.npy")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        np.save(files[-1], np.array([names, [repr(float(scores[name])) for name in names]]))
    return files

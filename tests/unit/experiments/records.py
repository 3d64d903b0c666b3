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
"""Records of runs that nobody made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LABELS = {"none": "all fields", "chi2": "chi-squared", "random": "random", "multisfs-paper": "MultiSFS (paper)"}


def record(method: str, seed: int, auc: float | None, keep: str | None = None, valid: float | None = None,
           backbone: str = "mmoe", select: float = 1.0, **changes) -> dict:
    """A run whose two tasks have one AUC; ``changes`` replace what a record has."""
    kept = 4 if method == "none" else 2
    of_tasks = {task: {"auc": auc, "logloss": 0.5} for task in ("x", "y")}
    return {"dataset": "toy", "set": "toy", "task_set": "auto", "backbone": backbone, "method": method, "seed": seed,
            "tasks": of_tasks, "mean_auc": auc, "keep": keep or ("1" if method == "none" else "0.5"),
            "valid_mean_auc": valid, "valid": {task: {"auc": valid, "logloss": 0.5} for task in of_tasks},
            "fields": {"x": kept, "y": kept}, "select": select, "train": 2.0, "compile": 0.5,
            "parts": {"total": select}, "epochs": 3, "parameters": 10,
            "selected": {"x": list("abcd")[:kept], "y": list("dcba")[:kept]}, **changes}


def records_of(aucs: Mapping[str, Sequence[float]], backbone: str = "mmoe", **changes) -> list[dict]:
    """Runs of methods, by their AUC with seed 1, 2, ..."""
    return [record(method, seed, float(auc), backbone=backbone, **changes) for method, values in aucs.items()
            for seed, auc in enumerate(values, 1)]

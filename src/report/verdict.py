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
"""A run's result in a sentence or two, and how sure its numbers are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..evaluation import Predictions, half_width, metric_parts
from ..labels import same_labels
from ..schema import Selection
from .facts import Facts, keeps_all
from .page import number

INTERVALS = ("± is half of the 95 % interval over the rows: DeLong's for the AUC; of a change, both runs on the same "
             "rows. Another seed of training adds its own.")
Parts = Mapping[str, Mapping[str, np.ndarray]]


class Errors:
    """Half 95 % intervals of a run's metrics and of their changes from another run; None where they are not known.

    Args:
        mine: predictions of the run, by split.
        theirs: those of the other run; changes are known where they are of the same rows.
    """

    def __init__(self, mine: Mapping[str, Predictions], theirs: Mapping[str, Predictions] | None = None):
        self.mine = {split: metric_parts(*found) for split, found in mine.items()}
        self.change = {}
        for split, found in (theirs or {}).items():
            if split in mine and same_labels(found.labels, mine[split].labels):
                parts = metric_parts(*found)
                self.change[split] = {key: values - parts[key] for key, values in self.mine[split].items()}

    @staticmethod
    def of(parts: Parts, split: str, key: str, task: int | None = None) -> float | None:
        """The error of a task's metric, or of its mean over tasks."""
        if split not in parts:
            return None
        return half_width(parts[split][key].mean(1) if task is None else parts[split][key][:, task])


def verdict(facts: Facts, errors: Errors) -> str:
    """What the selection costs or gains, whether the test rows can tell, and what to try next."""
    selection, mean = facts.selection, facts.metrics["mean_auc"]
    scales = facts.schema.scales_of(selection.tasks)
    what = "XAUC" if all(scales) else "AUC (XAUC of numbers)" if any(scales) else "AUC"
    kept = _counts(selection)
    if mean is None:
        return f"{kept}. The mean test {what} cannot be computed: a task has one class or number in the test split."
    own = number(mean, error=Errors.of(errors.mine, "test", "auc")).text
    if keeps_all(selection):
        return f"All {len(selection.fields)} fields reach a mean test {what} of {own}."
    other = facts.all_fields and facts.all_fields.metrics["mean_auc"]
    if other is None:
        words = f"{kept} reach a mean test {what} of {own}; no run with all fields to compare with."
    else:
        error = Errors.of(errors.change, "test", "auc")
        words = (f"{kept} keep {mean:.4f} of the {other:.4f} mean test {what} of all fields: change "
                 f"{number(mean - other, '+.4f', error=error).text}{_meaning(mean - other, error)}.")
    return words + _advice(selection, facts.config)


def _counts(selection: Selection) -> str:
    low, high = min(selection.k.values()), max(selection.k.values())
    return f"{low if low == high else f'{low} to {high}'} of {len(selection.fields)} fields"


def _meaning(change: float, error: float | None) -> str:
    if error is None:
        return ""
    if abs(change) <= error:
        return ", which these test rows cannot tell from none"
    return ", a loss" if change < 0 else ", a gain"


def _advice(selection: Selection, config: Mapping) -> str:
    """Fields on the wrong side of chance, and the setting that puts them right."""
    chance, scores = selection.settings.get("chance"), selection.scores or {}
    if chance is None or config.get("keep_ratio") == "auto":
        return ""
    below = [name for name in selection.fields
             if any(name in selection.selected[task] and scores[task][name] <= chance for task in scores)]
    above = [name for name in selection.fields
             if any(name not in selection.selected[task] and scores[task][name] > chance for task in scores)]
    kinds = ((below, "Fields a task keeps although not above chance"), (above, "Fields a task drops although above it"))
    found = [f" {what}: {len(names)} ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})."
             for names, what in kinds if names]
    return "".join([*found, " Try keep_ratio=auto."]) if found else ""

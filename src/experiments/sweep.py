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
"""How many fields to keep, chosen on the validation split. No MindSpore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..common.errors import UserError
from ..evaluation import standard_error
from ..schema import Selection
from .records import Record
from .tables import Table

Curve = list[tuple[float, float, float]]  # share of the fields, mean, standard error; rising


def curves(records: Sequence[Record]) -> dict[str, Curve]:
    """Validation AUC against the share of fields: of every task, and of their mean under "mean AUC".

    Raises:
        UserError: a validation AUC cannot be computed.
    """
    tasks = list(records[0]["valid"])
    values: dict[str, dict[float, list[float]]] = {name: {} for name in ("mean AUC", *tasks)}
    for record in records:
        for name in values:
            value = record["valid_mean_auc"] if name == "mean AUC" else record["valid"][name]["auc"]
            if value is None:
                raise UserError(f"the validation AUC of {name} cannot be computed: a task has one class there")
            values[name].setdefault(float(record["keep"]), []).append(value)
    return {name: [(share, float(np.mean(found)), standard_error(found)) for share, found in sorted(of_name.items())]
            for name, of_name in values.items()}


def smallest_within_one_error(curve: Curve) -> float:
    """The smallest share whose mean is within one standard error of the best share's (Breiman et al., 1984)."""
    _, best, error = max(curve, key=lambda point: point[1])
    return next(share for share, mean, _ in curve if mean >= best - error)


def shares_around_chance(scores: Mapping[str, Mapping[str, float]], chance: float | None) -> list[str]:
    """Shares of the fields to try, from how many of them score above chance in the mean over tasks.

    Half as many, three quarters, as many, halfway to all, and all of them.

    Raises:
        UserError: the score has no chance level.
    """
    if chance is None:
        raise UserError("this selector's score has no chance level to start from; give numbers, such as "
                        "--sweep keep_ratio=0.3,0.5,0.7")
    count = len(next(iter(scores.values())))
    above = float(np.mean([sum(value > chance for value in of_task.values()) for of_task in scores.values()]))
    above = max(1.0, above)
    numbers = {max(1, round(number)) for number in (above / 2, above * 0.75, above, (above + count) / 2, count)}
    return [format(np.ceil(number / count * 1e4) / 1e4, "g") for number in sorted(numbers)]  # k is rounded down


def sweep_table(title: str, of_names: Mapping[str, Curve], fields: int) -> Table:
    """Validation AUC for every share of the fields, of their mean and of every task; the choice of each is marked."""
    chosen = {name: smallest_within_one_error(curve) for name, curve in of_names.items()}
    shares = [share for share, _, _ in next(iter(of_names.values()))]
    rows = []
    for place, share in enumerate(shares):
        points = {name: curve[place] for name, curve in of_names.items()}
        rows.append([f"{share:g}", str(max(1, int(fields * share + 1e-9))),
                     *(f"{mean:.4f} ± {error:.4f}{' <' if chosen[name] == share else ''}"
                       for name, (_, mean, error) in points.items())])
    return Table(title, ["keep_ratio", "fields", *of_names], rows,
                 "AUC on the validation split, mean ± standard error over seeds; < marks the smallest share within one "
                 "standard error of the best.")


def choose_fields(selections: Mapping[float, Selection], of_names: Mapping[str, Curve]) -> Selection:
    """The selection that keeps, for every task, the number of fields that suffices for it.

    Args:
        selections: by share of the fields, of one seed.
        of_names: validation curves of the tasks.
    """
    any_of = next(iter(selections.values()))
    shares = {task: smallest_within_one_error(of_names[task]) for task in any_of.tasks}
    selected = {task: selections[share].selected[task] for task, share in shares.items()}
    return replace(any_of, selected=selected, shared=(),
                   settings={**any_of.settings, "keep_ratio": shares, "chosen_on": "valid"})

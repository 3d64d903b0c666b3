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
"""What the setting task_weights means for the tasks of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..common.errors import UserError, nearest
from ..models import TaskWeights, TotalLoss


def task_weights(setting: str | float | Mapping[str, float], tasks: Sequence[str]) -> TaskWeights | None:
    """The weights of the tasks' losses, in their order; None for equal ones.

    Args:
        setting: none, uncertainty, or a number for every task.
        tasks: task names, in the model's order.

    Raises:
        UserError: a task has no number, or a name is no task's; or all are 0.
    """
    if setting == "none":
        return None
    if setting == "uncertainty":
        return TaskWeights((1.0,) * len(tasks), learned=True)
    expected = f"expected none, uncertainty, or a number for each of {', '.join(tasks)}, such as {tasks[0]}:1"
    if not isinstance(setting, Mapping):
        raise UserError(f"task_weights is {setting:g}; {expected}")
    for task in setting:
        if task not in tasks:
            raise UserError(f"task_weights names task {task!r}; {expected}{nearest(task, tasks)}")
    missing = [task for task in tasks if task not in setting]
    if missing:
        raise UserError(f"task_weights has no number for {', '.join(missing)}; {expected}")
    if not any(setting.values()):
        raise UserError(f"task_weights are all 0; {expected}")
    return TaskWeights(tuple(float(setting[task]) for task in tasks))


def undecayed(total: TotalLoss) -> list[dict[str, Any]]:
    """The optimizer's group of learned weights, which no L2 penalty pulls towards equal ones; no group for others."""
    return [{"params": total.trainable_params(), "weight_decay": 0.0}] if total.learned else []

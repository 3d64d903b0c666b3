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
"""What a dropped field would cost: the AUC a trained model of all fields has with that field's mask set to 0."""

from __future__ import annotations

from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from ..common.progress import progress
from ..data.subsets import RowSource
from ..evaluation import half_width, metric_parts, task_aucs
from ..models import InputPlan, MaskedModel, MultiTaskModel
from ..schema import Scale
from ..settings import Settings
from ..training import predict_logits


class FieldsSwitchedOff(nn.Cell):
    """A model of all fields, some of which are masked on every path: ``construct(ids)`` gives logits.

    The masks are a Parameter, so that one compiled graph serves every choice of fields.
    """

    def __init__(self, model: MultiTaskModel, plan: InputPlan):
        super().__init__()
        self.masked = MaskedModel(model, plan)
        self.masks = Parameter(Tensor(np.ones(self._shape(plan), np.float32)), name="masks", requires_grad=False)
        self.plan = plan

    def switch_off(self, fields: Sequence[int]) -> None:
        """Masks the fields at these positions, and no others."""
        masks = np.ones(self._shape(self.plan), np.float32)
        masks[:, list(fields)] = 0
        self.masks.set_data(Tensor(masks, ms.float32))

    def construct(self, ids):
        return self.masked(ids, self.masks)

    @staticmethod
    def _shape(plan: InputPlan) -> tuple[int, int]:
        return len(plan.paths), len(plan.columns)


def aucs_without(model: MultiTaskModel, plan: InputPlan, split: RowSource, tasks: Sequence[int], fields: Sequence[int],
                 config: Settings) -> tuple[np.ndarray, np.ndarray, list]:
    """AUC of every task with all fields, and without each of ``fields``: one pass over the rows each.

    Of a task whose label is a number, it is XAUC. Nothing is trained again, so this is what the model loses at most:
    trained without the field, it might make up for some of the loss from others.

    Args:
        model: all fields, trained.
        plan: the plan of all fields it was built with.
        split: the rows to predict; never the test split, as the numbers invite a choice.
        tasks: positions of the model's tasks in the data set.
        fields: positions of the fields to leave out, one after the other.
        config: anything with batch_size and progress.

    Returns:
        float64 ``[tasks]`` and ``[fields, tasks]``; NaN for a task whose labels are of one class. And, as lists of
        ``[fields][tasks]``, half of the 95 % interval of each change, or None.
    """
    network = FieldsSwitchedOff(model, plan)
    scales = [Scale(0.0, 1.0) if number else None for number in plan.numbers]  # an AUC has no unit

    def predict(off: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        network.switch_off(off)
        logits, labels = predict_logits(network, split, plan, list(tasks), config.batch_size)
        return task_aucs(logits, labels), metric_parts(logits, labels, scales)["auc"]

    whole, parts = predict([])
    without, errors = [], []
    for field in progress("field costs", "field", config.progress, fields):
        aucs, changed = predict([field])
        without.append(aucs)
        errors.append([half_width(change) for change in (changed - parts).T])
    return whole, np.array(without).reshape(len(without), len(tasks)), errors

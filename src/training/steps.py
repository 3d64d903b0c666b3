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
"""The training step of a network: forward, backward and the optimizer that suits it, in one Cell."""

from __future__ import annotations

from mindspore import nn

from ..common.compat import make_adam
from ..models import LearnedMaskModel, MultiTaskModel, NetWithLoss, TaskWeights
from ..settings import Settings
from .guidance import GuidedLoss, GuidedStep
from .half import train_step
from .lazy import LazyStep, is_lazy
from .machine.ranks import Ranks
from .weighting import undecayed


def make_step(model: MultiTaskModel | LearnedMaskModel, config: Settings, ranks: Ranks | None = None,
              weights: TaskWeights | None = None) -> nn.Cell:
    """The step that trains a model: ``step(ids, labels, keep)`` gives the loss, weighted by task where ``weights`` say;
    of several ranks, which train together, the mean of theirs.

    It is Adam, with an L2 penalty on every parameter, biases and BatchNorm included, as in PyTorch's Adam. If
    ``embedding_optimizer`` says so, the embedding table has lazy Adam (lazy.py). With ``precision`` float16, products
    are of that, and a step whose gradients are not finite changes the loss's scale alone (half.py).
    """
    ranks = ranks or Ranks()
    if isinstance(model, LearnedMaskModel):
        return _mask_step(model, config, ranks, weights)
    if is_lazy(model, config):
        return LazyStep(model, config, ranks, weights)
    network = NetWithLoss(model, config.loss_reduction, weights)
    groups = [{"params": model.trainable_params(), "weight_decay": config.weight_decay}, *undecayed(network.total)]
    return _training(train_step(network, make_adam(groups, config.learning_rate), ranks.size, config.precision))


def _mask_step(model: LearnedMaskModel, config: Settings, ranks: Ranks, weights: TaskWeights | None) -> nn.Cell:
    """Adam on weights and masks; no L2 penalty on the masks, which it would pull towards a value of its own.

    A mask that is ``guided`` is also held close to the fields' causal effects (guidance.py).
    """
    theta = model.mask.theta
    decayed = [parameter for parameter in model.trainable_params() if parameter is not theta]
    network = (GuidedLoss if model.mask.guided else NetWithLoss)(model, config.loss_reduction, weights)
    optimizer = make_adam([{"params": decayed, "weight_decay": config.weight_decay},
                           {"params": [theta], "weight_decay": 0.0}, *undecayed(network.total)], config.learning_rate)
    if model.mask.guided:
        return _training(GuidedStep(network, optimizer, config, ranks))
    return _training(train_step(network, optimizer, ranks.size, config.precision))


def _training(step: nn.Cell) -> nn.Cell:
    step.set_train()
    return step

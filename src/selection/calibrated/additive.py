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
"""A logistic model with one shrunken effect per value: what the fields taken so far explain of one label."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from .several import STEPS, SeveralValues
from .value_sums import Residual


class AdditiveFit:
    """log-odds of row b = bias + Σ effects of its values, each effect under a normal prior around zero.

    The logistic scale matters: fields whose effects add up there multiply in probability, and a model that adds
    probabilities would leave their product behind for every field that is correlated with both.

    Args:
        labels: 0 or 1, ``[rows]``.
        used: bool ``[rows]``; the others have residual 0.

    Attributes:
        residual: Residual of label minus probability.
    """

    def __init__(self, labels: np.ndarray, used: np.ndarray):
        self.labels, self._used = labels, used.astype(np.float64)
        rate = labels[used].mean() if used.any() else 0.0
        self._effects = {}  # name -> [place of every row, effects, prior precision]
        spread = rate * (1 - rate)
        self.logits = np.full(len(labels), np.log(rate) - np.log1p(-rate) if spread > 0 else 0.0)
        self._unit = spread
        self._chance = np.full(len(labels), rate)
        self.residual = Residual((labels - rate) * self._used)

    def add(self, name, places: np.ndarray | SeveralValues, size: int, lam: float) -> None:
        """Adds a field (or a crossing) and fits it.

        Args:
            name: key of the effect.
            places: value of every row, ``[rows]``, 0 to ``size - 1``; or the values of a pooled field.
            size: number of values.
            lam: λ of S_v / (n_v + λ), in rows of the overall rate; it sets the prior.
        """
        self._effects[name] = [places, np.zeros(size), lam * self._unit]
        for _ in range(STEPS if isinstance(places, SeveralValues) else 1):  # values that come together need more
            self._update(name)

    def standardized(self) -> Residual:
        """The residual in units of its own standard deviation in every row, which differs where the label is rare."""
        return Residual(self.residual.values / np.sqrt(np.maximum(self._chance * (1 - self._chance), 1e-6)))

    def sweep(self) -> None:
        """Fits every effect once more, given the others."""
        for name in self._effects:
            self._update(name)

    def _update(self, name) -> None:
        """One Newton step on the values of one effect, all at once."""
        effect = self._effects[name]
        places, values, precision = effect
        if isinstance(places, SeveralValues):
            step = places.step(self.residual.values, self._chance * (1 - self._chance) * self._used, values, precision)
            self._move(effect, step, places.matrix @ step)
            return
        slope = np.bincount(places, self.residual.values, len(values)) - precision * values
        step = slope / (np.bincount(places, self._chance * (1 - self._chance) * self._used, len(values)) + precision)
        step = np.clip(step, -2.0, 2.0)  # a Newton step of log-odds from afar may overshoot
        self._move(effect, step, step[places])

    def _move(self, effect: list, step: np.ndarray, logits: np.ndarray) -> None:
        """Takes a step of an effect ``[values]``, which moves the log-odds of the rows."""
        effect[1] = effect[1] + step
        self.logits = self.logits + logits
        self._chance = expit(self.logits)
        self.residual = Residual((self.labels - self._chance) * self._used)

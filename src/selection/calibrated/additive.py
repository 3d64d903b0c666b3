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
"""A model with one shrunken effect per value: what the fields taken so far explain of one label."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from .chance import log_tail
from .several import STEPS, SeveralValues
from .value_sums import Residual

CENTRED = 1e-9  # log-odds by which the bias may be off


class AdditiveFit:
    """log-odds of row b = bias + Σ effects of its values, each effect under a normal prior around zero.

    The logistic scale matters: fields whose effects add up there multiply in probability, and a model that adds
    probabilities would leave their product behind for every field that is correlated with both.

    Args:
        labels: 0 or 1, ``[rows]``.
        used: bool ``[rows]``; the others have residual 0.

    Attributes:
        residual: Residual of label minus prediction.
    """

    longest_step = 2.0  # a Newton step of log-odds from afar may overshoot

    def __init__(self, labels: np.ndarray, used: np.ndarray):
        self.labels, self._used = labels, used.astype(np.float64)
        mean = labels[used].mean() if used.any() else 0.0
        self._effects = {}  # name -> [place of every row, effects, prior precision]
        self._unit = self.unit(mean)
        self.outputs = np.full(len(labels), self.output(mean))
        self._predicted = np.full(len(labels), mean)
        self.residual = Residual((labels - mean) * self._used)

    @staticmethod
    def output(mean: float) -> float:
        """The model's output that predicts this mean everywhere."""
        return np.log(mean) - np.log1p(-mean) if 0 < mean < 1 else 0.0

    @staticmethod
    def unit(predicted):
        """The curvature of a row's loss by the output: what one row weighs."""
        return predicted * (1 - predicted)

    @staticmethod
    def predict(outputs: np.ndarray) -> np.ndarray:
        """Predictions of outputs."""
        return expit(outputs)

    @property
    def rarity(self) -> float:
        """How many rows say as much of an effect on the log-odds as one row does of a label that is 1 half of the time.
        """
        return float(0.25 / self._unit) if self._unit > 0 else 1.0

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
        self._centre()

    def standardized(self) -> Residual:
        """The residual in units of its own standard deviation in every row, which differs where the label is rare."""
        return Residual(self.residual.values / np.sqrt(np.maximum(self.unit(self._predicted), 1e-6)))

    def along(self, direction: np.ndarray) -> float:
        """Evidence of an effect along ``direction`` ``[rows]``, given the effects so far: a score test, one-sided.

        Where the direction says nothing about the label, the residuals are independent of it, each with the moments
        that its own prediction gives it.

        Returns:
            log of the probability of more than this by chance.
        """
        variances, cumulants = self._moments()
        total = variances.sum()
        if total <= 0:
            return 0.0
        centred = direction - variances @ direction / total
        return float(log_tail(self.residual.values @ centred, 0.0, variances @ centred ** 2, cumulants @ centred ** 3))

    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Variance and third cumulant of every row's residual, ``[rows]``."""
        variances = self.unit(self._predicted) * self._used
        return variances, variances * (1 - 2 * self._predicted)

    def sweep(self) -> None:
        """Fits every effect once more, given the others."""
        for name in self._effects:
            self._update(name)
        self._centre()

    def _centre(self) -> None:
        """Fits the bias: shrunken effects leave a mean behind, which a field that is the same in nearly all rows would
        show as evidence of its own."""
        for _ in range(STEPS):
            weight = (self.unit(self._predicted) * self._used).sum()
            if weight <= 0 or abs(self.residual.values.sum()) < CENTRED * weight:
                return
            self._shift(np.clip(self.residual.values.sum() / weight, -self.longest_step, self.longest_step))

    def _update(self, name) -> None:
        """One Newton step on the values of one effect, all at once."""
        effect = self._effects[name]
        places, values, precision = effect
        if isinstance(places, SeveralValues):
            step = places.step(self.residual.values, self.unit(self._predicted) * self._used, values, precision)
            self._move(effect, step, places.matrix @ step)
            return
        slope = np.bincount(places, self.residual.values, len(values)) - precision * values
        step = slope / (np.bincount(places, self.unit(self._predicted) * self._used, len(values)) + precision)
        step = np.clip(step, -self.longest_step, self.longest_step)
        self._move(effect, step, step[places])

    def _move(self, effect: list, step: np.ndarray, outputs: np.ndarray) -> None:
        """Takes a step of an effect ``[values]``, which moves the outputs of the rows."""
        effect[1] = effect[1] + step
        self._shift(outputs)

    def _shift(self, outputs: np.ndarray | float) -> None:
        self.outputs = self.outputs + outputs
        self._predicted = self.predict(self.outputs)
        self.residual = Residual((self.labels - self._predicted) * self._used)


class NumberFit(AdditiveFit):
    """The same of a label that is a number: row b = mean + Σ effects, with errors of one variance.

    A step is then exact: the least squares of one effect given the others.
    """

    longest_step = np.inf
    rarity = 1.0  # effects are in units of the label's deviation

    @staticmethod
    def output(mean: float) -> float:
        return mean

    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        residual = self.residual
        third = np.mean(residual.values ** 3)
        return residual.variance * self._used, third * self._used

    @staticmethod
    def unit(predicted):
        return np.ones_like(predicted)

    @staticmethod
    def predict(outputs: np.ndarray) -> np.ndarray:
        return outputs

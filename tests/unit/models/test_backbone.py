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
"""The choices of default_config.yaml are the selectors and backbones there are."""

from __future__ import annotations

import numpy as np
import pytest

from src.models import TRAITS
from src.models.backbone import BACKBONES
from src.selection import SELECTORS
from src.settings import choices


def test_choices_are_what_there_is():
    assert sorted(choices("selector")) == sorted([*SELECTORS, "none"])
    assert choices("backbone") == list(BACKBONES) == list(TRAITS)


@pytest.mark.parametrize("backbone", ["mmoe", "esmm"])
def test_rate_logits_predict_the_rates(backbone):
    """The towers' probabilities, multiplied along the chain by ESMM, are the tasks' rates; a rate of 0 stays finite."""
    rates = np.array([0.4, 0.1, 0.02])
    towers = 1 / (1 + np.exp(-BACKBONES[backbone].rate_logits(rates, 1000)))
    np.testing.assert_allclose(np.cumprod(towers) if backbone == "esmm" else towers, rates, rtol=1e-12)
    assert np.isfinite(BACKBONES[backbone].rate_logits(np.array([0.0, 1.0, 0.0]), 1000)).all()

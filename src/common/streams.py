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
"""Every stream of random numbers by name: what is drawn from which seed. No MindSpore.

A stream is NumPy's ``SeedSequence([seed, stream, *numbers])``: a function of its name, a seed and, where there are
several draws of one kind, of numbers such as the epoch. So one seed gives one result whatever is drawn in between, on
every device and number of processes. The numbers may not change: that would change every result.
"""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np


@unique
class Stream(IntEnum):
    """Drawn from the seed of a run."""

    ROW_ORDER = 1  # of an epoch: epoch
    DROPOUT = 2  # the mask of a training step: epoch, step
    SCORED_ROWS = 3  # rows that a score sees
    RANDOM_SCORES = 4
    LASSO_ROWS = 5
    NOISE_FIELDS = 6  # values of fields that benchmarks add
    WEIGHTS = 0x1A17  # initial values of a network
    RELATION_WEIGHTS = 0x6E4  # initial values of the relation network
    RELATION_LABELS = 0xA0B  # which labels are auxiliary
    RELATION_ROWS = 0x0DE  # order in which the relation network sees the rows of an epoch: epoch
    HELD_OUT_ROWS = 0x407  # train rows held out by selectors that train
    GATE_NOISE = 0xAF  # AutoField's
    PERMUTATION = 0x9E7  # order in which permutation importance shuffles a field
    INTERVENTIONS = 0xCF5  # CFS-MTL's
    WEIGHTED_ROWS = 0x3E1  # train rows that scores see where rows have weights
    PROBED_ROWS = 0x9B0  # train rows that keep_ratio=auto tries fields out on
    BOOTSTRAP = 0xB007  # rows or groups that an interval draws: draw


@unique
class SimulationStream(IntEnum):
    """Drawn from the seed of a simulated data set.

    Five of these numbers are also a run's: 3, 5, 6 and, for the first field, 4 give the same numbers twice if data set
    and run have the same seed (1 and 2 do not: a run's epochs begin at 1, and NumPy takes a missing number for 0).
    They are used for unlike things there and stay as they are, so that simulated data sets stay the same.
    """

    LAW = 1  # which fields act on which task
    ENTITIES = 2  # codes and effects of users and videos
    RATE_ROWS = 3  # impressions that the intercepts are fitted to
    SHARED_EFFECTS = 4  # effects that tasks share: field
    ENTITY_FILES = 5
    ROWS = 6  # impressions: first row
    LOG_COLUMNS = 7  # other columns of the log: first row
    RANDOM_ROWS = 8  # impressions of the random log, and labels of planted data: first row
    RANDOM_LOG_COLUMNS = 9  # first row


def entropy(seed: int, stream: IntEnum, *numbers: int) -> list[int]:
    """What a bit generator of this stream is seeded with."""
    return [seed, int(stream), *numbers]


def generator(seed: int, stream: IntEnum, *numbers: int) -> np.random.Generator:
    """NumPy's default generator for a stream."""
    return np.random.default_rng(entropy(seed, stream, *numbers))

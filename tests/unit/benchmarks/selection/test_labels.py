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
"""The logs whose second label is known after a click alone."""

import numpy as np

from benchmarks.selection.labels import ACTING, ALICCP, aliccp_log, known_after_click
from src.schema import UNKNOWN


def test_labels_of_rows_without_click():
    log = aliccp_log(0, 20_000)
    labels = log.data.split("train").labels
    clicked = labels[:, 0] == 1
    assert abs(clicked.mean() - 0.04) < 0.01 and abs(labels[:, 1].mean() - 0.1) < 0.01
    assert log.data.schema.cardinalities == list(ALICCP) and log.relevant == set(ACTING[1])
    for without in (UNKNOWN, 0):
        found = known_after_click(log.data, without)
        np.testing.assert_array_equal(found.split("train").labels[clicked], labels[clicked])
        assert (found.split("train").labels[~clicked, 1] == without).all()
        assert found.schema.partial == (False, without == UNKNOWN)

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
"""Random streams: every name draws other numbers, and all of them draw what they always did."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from src.common.streams import SimulationStream, Stream, entropy, generator


def test_streams_of_one_seed_differ_but_for_the_known_ones():
    drawn = defaultdict(set)
    for stream in (*Stream, *SimulationStream):
        drawn[tuple(generator(7, stream).integers(0, 1 << 62, 2))].add(stream.name)
    shared = [names for names in drawn.values() if len(names) > 1]
    # Streams of a run and of the simulation with one number; those of the first line are told apart by the epoch.
    assert sorted(map(sorted, shared)) == [
        ["DROPOUT", "ENTITIES"], ["ENTITY_FILES", "LASSO_ROWS"], ["LAW", "ROW_ORDER"], ["NOISE_FIELDS", "ROWS"],
        ["RANDOM_SCORES", "SHARED_EFFECTS"], ["RATE_ROWS", "SCORED_ROWS"]]
    assert (generator(7, Stream.ROW_ORDER, 1).integers(0, 1 << 62, 2)
            != generator(7, SimulationStream.LAW).integers(0, 1 << 62, 2)).all()


def test_a_name_belongs_to_one_kind_of_stream():
    assert not {stream.name for stream in Stream} & {stream.name for stream in SimulationStream}


def test_the_numbers_are_those_that_published_results_were_drawn_with():
    assert entropy(42, Stream.DROPOUT, 3, 5) == [42, 2, 3, 5] and type(entropy(42, Stream.DROPOUT)[1]) is int
    weights = np.random.default_rng([42, 0x1A17]).random(3)
    np.testing.assert_array_equal(generator(42, Stream.WEIGHTS).random(3), weights)
    assert [stream.value for stream in Stream] == [1, 2, 3, 4, 5, 6, 6679, 1764, 2571, 222, 1031, 175, 2535, 3317,
                                                   993, 2480, 45063]
    assert [stream.value for stream in SimulationStream] == list(range(1, 10))

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
"""Rows for the score: none twice, more positives of rare tasks, these for their own task alone; no false finds."""

from __future__ import annotations

import numpy as np
import pytest

from src.selection.calibrated import sampling as module
from src.selection.calibrated.forward import FALSE
from src.selection.calibrated.sampling import draw_rows
from tests.unit.selection.planted import draw_ids, draw_labels, scores_of, standard


class Split:
    """Labels in memory, as a Split of a prepared set gives them."""

    def __init__(self, labels: np.ndarray):
        self.labels, self.rows = labels, len(labels)

    def take(self, rows, columns=None, tasks=None):
        return None, self.labels[rows][:, tasks]

    def read_labels(self, start, stop, tasks=None):
        return self.labels[start:stop][:, tasks]


def make_split(rates, rows: int = 60_000) -> Split:
    rng = np.random.default_rng(0)
    return Split((rng.random((rows, len(rates))) < rates).astype(np.uint8))


def test_common_labels_are_drawn_at_random():
    split = make_split([0.4, 0.3])
    rows, used = draw_rows(split, [0, 1], 20_000, seed=1)
    assert len(np.unique(rows)) == 20_000 and used.all()
    assert (rows == draw_rows(split, [0, 1], 20_000, seed=1)[0]).all()
    assert (rows != draw_rows(split, [0, 1], 20_000, seed=2)[0]).any()


def test_rare_positives_are_sought_and_serve_their_task_alone(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 7_000)
    split = make_split([0.4, 0.01, 0.08])
    rows, used = draw_rows(split, [2, 1], 20_000, seed=1)
    assert len(np.unique(rows)) == len(rows) == len(used) > 20_000
    assert used[:20_000].all() and used.any(1).all()
    positives = [int(split.labels[rows, task][used[:, t]].sum()) for t, task in enumerate([2, 1])]
    assert positives[0] == 2_000 and positives[1] == split.labels[:, 1].sum()  # the few there are: all of them
    for t, task in enumerate([2, 1]):
        assert split.labels[rows[20_000:][used[20_000:, t]], task].all()  # added for its label


def test_rows_drawn_do_not_depend_on_labels():
    rare, common = make_split([0.01, 0.3]), make_split([0.5, 0.5])
    assert (draw_rows(rare, [0, 1], 5_000, seed=4)[0][:5_000] == draw_rows(common, [0, 1], 5_000, seed=4)[0]).all()


def test_extra_rows_are_limited_and_none_asked_for_gives_none():
    split = make_split([0.03, 0.03])
    rows, used = draw_rows(split, [0, 1], 4_000, seed=1)
    assert 4_900 < len(rows) <= 5_000 and used[4_000:].sum(0).tolist() == [500, 500]
    assert draw_rows(split, [0, 1], 4_000, seed=1, positives=0)[1].shape == (4_000, 2)


def test_all_rows_are_all_rows():
    rows, used = draw_rows(make_split([0.01], 500), [0], 500, seed=0)
    assert sorted(rows) == list(range(500)) and used.all()


def test_many_rows_are_scanned_in_part(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 1_000)
    monkeypatch.setattr(module, "MOST_SCANNED", 10_000)
    split = make_split([0.002])
    rows, _ = draw_rows(split, [0], 5_000, seed=0)
    found = split.labels[rows, 0].sum()
    assert 15 < found < split.labels.sum()


def test_drawn_for_one_task_misleads_no_other():
    """A field of the rare task alone, whose positives are always positive for the common one too."""
    rng = np.random.default_rng(3)
    sizes, total = [4, 12, 30, 2], 60_000
    ids = draw_ids(rng, total, sizes)
    rare = draw_labels(rng, -5.5 + 1.2 * standard(rng.standard_normal(12)[ids[:, 1]]))
    common = np.maximum(draw_labels(rng, -0.5 + 0.5 * standard(rng.standard_normal(4)[ids[:, 0]])), rare)
    labels = np.stack([common, rare], 1)
    rows, used = draw_rows(Split(labels), [0, 1], 12_000, seed=0)
    apart = scores_of(ids[rows], labels[rows], sizes, used=used)
    mixed = scores_of(ids[rows], labels[rows], sizes)
    base = used.all(1)
    alone = scores_of(ids[rows][base], labels[rows][base], sizes)
    assert apart.significant[1, 1] and apart.significant[0, 0]
    assert abs(apart.parts["z"][0, 1] - alone.parts["z"][0, 1]) < 1 < mixed.parts["z"][0, 1] - apart.parts["z"][0, 1]


@pytest.mark.parametrize("rates", [(0.4, 0.4), (0.25, 0.1), (0.3, 0.3, 0.05)])
@pytest.mark.parametrize("rows, drawn", [(2_500, 2_048), (4_000, 2_048), (8_000, 2_048), (6_000, 4_096)])
def test_few_fields_taken_are_noise(rates, rows, drawn):
    """Task t depends on fields 2 t and 2 t + 1 alone, labels are independent given the fields: of the fields that a
    task takes, a share of at most FALSE may be others, over draws of small tables of which not all rows are drawn."""
    sizes = [4, 2, 20, 4, 50, 3, 12]
    false = []
    for seed in range(12):
        rng = np.random.default_rng([seed, rows])
        ids = draw_ids(rng, rows, sizes)
        effects = [standard(rng.standard_normal(size)[ids[:, n]]) for n, size in enumerate(sizes)]
        logits = [np.log(rate / (1 - rate)) + 1.2 * (effects[2 * t] + effects[2 * t + 1])
                  for t, rate in enumerate(rates)]
        labels = draw_labels(rng, np.stack(logits, 1))
        chosen, used = draw_rows(Split(labels), range(len(rates)), drawn, seed)
        taken = scores_of(ids[chosen], labels[chosen], sizes, used=used).significant
        for t, row in enumerate(taken):
            own = row[2 * t:2 * t + 2].sum()
            false.append((row.sum() - own) / max(row.sum(), 1))
    assert np.mean(false) <= FALSE + 3 * np.sqrt(FALSE / 3 / len(false))  # a false find is about a third of the taken

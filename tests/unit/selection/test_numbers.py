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
"""Selectors on tasks whose label is a number: evidence, the paper's score, relations, and every baseline."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor
from scipy.stats import chi2_contingency, f_oneway

from src.common.errors import UserError
from src.models import MaskedModel, fresh_model
from src.selection import SELECTORS, check_request
from src.selection.baselines.counting import ChiSquared, ChiSquaredZ, explained
from src.selection.baselines.lasso import Lasso
from src.selection.calibrated.additive import NumberFit
from src.selection.field_costs import aucs_without
from src.selection.multisfs import MultiSFS, draw_batches
from src.selection.paper.relations import label_correlations, learn_relations
from tests.helpers import toy_numbers
from tests.unit.selection.planted import draw_ids, scores_of, standard
from tests.unit.selection.planted_data import trained_config

SIZES = [2, 3, 5, 8, 12, 20, 40, 80, 200, 500, 2000, 5000, 2, 6, 15, 9]


def planted(seed: int, noise, fields=(0, 3, 6, 9), rows: int = 20_000):
    """ids, and labels of two tasks: one of noise alone, one that four fields add to."""
    rng = np.random.default_rng(seed)
    ids = draw_ids(rng, rows, SIZES)
    first = standard(noise(rng, rows))
    second = standard(noise(rng, rows)) + sum(0.2 * standard(rng.standard_normal(SIZES[n])[ids[:, n]]) for n in fields)
    return ids, np.stack([first, standard(second)], 1).astype(np.float32)


@pytest.mark.parametrize("noise", [lambda rng, rows: rng.normal(size=rows),
                                   lambda rng, rows: np.exp(rng.normal(size=rows))], ids=["normal", "heavy tail"])
def test_evidence_finds_what_was_planted_and_no_noise(noise):
    found, false = 0, 0
    for seed in range(5):
        ids, labels = planted(seed, noise)
        result = scores_of(ids, labels, SIZES, numbers=[True, True])
        assert ((result.scores > result.chance) == result.significant).all()
        hits = set(np.flatnonzero(result.significant[1]))
        found += len(hits & {0, 3, 6, 9})
        false += len(hits - {0, 3, 6, 9}) + int(result.significant[0].sum())
    assert found == 20 and false <= 2


def test_pairs_of_fields_are_found_for_numbers():
    rng = np.random.default_rng(0)
    ids = draw_ids(rng, 8000, SIZES[:8])
    crossed = np.where(ids[:, 1] % 2 == ids[:, 3] % 2, 0.5, -0.5)
    labels = standard(crossed - crossed.mean() + rng.normal(size=8000))[:, None].astype(np.float32)
    result = scores_of(ids, labels, SIZES[:8], numbers=[True])
    assert {1, 3} <= set(np.flatnonzero(result.significant[0]))


def test_evidence_of_a_list_of_values_about_a_number():
    rng = np.random.default_rng(0)
    lists = np.sort(np.stack([rng.permutation(np.arange(1, 9))[:3] for _ in range(4000)]), 1)[:, ::-1]
    ids = np.column_stack([draw_ids(rng, 4000, [5]), lists, draw_ids(rng, 4000, [7])]).astype(np.int32)
    labels = standard((lists == 3).any(1) * 0.5 + rng.normal(size=4000))[:, None].astype(np.float32)
    result = scores_of(ids, labels, [5, 9, 7], pools=[None, "mean", None], widths=[1, 3, 1], numbers=[True])
    assert np.flatnonzero(result.significant[0]).tolist() == [1]


def test_the_unit_of_a_number_does_not_matter_to_its_evidence():
    ids, labels = planted(3, lambda rng, rows: rng.normal(size=rows), rows=5000)
    scores = [scores_of(ids, labels * unit, SIZES, numbers=[True, True]).scores for unit in (1, 1000)]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-4, atol=1e-3)


def test_a_fit_of_all_values_is_ridge_regression():
    """One sweep after another is coordinate descent on the penalised least squares, whose solution is known; the bias
    has no penalty."""
    rng = np.random.default_rng(0)
    ids = np.stack([rng.integers(0, size, 300) for size in (3, 5)], 1)
    labels = standard(ids[:, 0] + 0.5 * ids[:, 1] + rng.normal(size=300))
    fit = NumberFit(labels, np.ones(300, bool))
    for n, size in enumerate((3, 5)):
        fit.add(n, ids[:, n], size, 20.0)
    for _ in range(200):
        fit.sweep()
    hot = np.concatenate([np.eye(3)[ids[:, 0]], np.eye(5)[ids[:, 1]], np.ones((300, 1))], 1)
    effects = np.linalg.solve(hot.T @ hot + np.diag([20.0] * 8 + [0.0]), hot.T @ labels)
    np.testing.assert_allclose(fit.outputs, hot @ effects, atol=1e-8)


def test_multisfs_finds_the_field_of_the_number(eager):
    scorer = MultiSFS(trained_config("score_batches=auto", "batch_size=256"))
    scores = scorer.fit(toy_numbers(), ["t0", "t1"]).scores_
    assert scores[0].argmax() == 0 and scores[1].argmax() == 1
    assert (scores[1] > scorer.chance_).tolist() == [False, True, False, False, False, False]
    hidden = toy_numbers(1800, known=lambda ids: ids[:, 3] == 1)  # field 3 says where the number is known
    scorer.fit(hidden, ["t0", "t1"])
    assert (scorer.scores_[1] > scorer.chance_).tolist() == [False, True, False, False, False, False]


def test_the_papers_score_is_the_gradient_of_the_squared_error(eager):
    """Eq. 10 by differences: the loss of the number with one mask a little above and a little below 1."""
    data, config = toy_numbers(), trained_config("score=paper", "score_batches=1", "batch_size=256", "relation=none")
    scores = MultiSFS(config).fit(data, ["t0", "t1"]).scores_[1]
    ((ids, labels),) = draw_batches(data.split("train"), [0, 1], config)
    plan, model = fresh_model(data.schema, ["t0", "t1"], config)
    masked = MaskedModel(model, plan)
    masked.set_train()

    def loss(field: int, mask: float) -> float:
        masks = np.ones((len(plan.paths), 6), np.float32)
        masks[:, field] = mask
        outputs = masked(Tensor(ids), Tensor(masks)).asnumpy().astype(np.float64)[:, 1]
        return float(np.mean((outputs - labels[:, 1]) ** 2) / 2)

    slopes = [abs(loss(n, 1.01) - loss(n, 0.99)) / 0.02 for n in range(6)]
    np.testing.assert_allclose(scores, slopes, rtol=0.05, atol=2e-3)


def test_chi_squared_of_a_number_is_that_of_classes_and_the_f_of_anova():
    rng = np.random.default_rng(0)
    values, classes = rng.integers(0, 6, 500), rng.integers(0, 2, 500)
    table = np.array([[np.sum(values == v), classes[values == v].sum()] for v in range(6)], float)
    counts = np.stack([table[:, 0] - table[:, 1], table[:, 1]], 1)
    found = explained(table, float(classes.sum()))
    assert found == (pytest.approx(chi2_contingency(counts, correction=False)[0]), 5)
    numbers = rng.normal(size=500) + 0.2 * values
    table[:, 1] = [numbers[values == v].sum() for v in range(6)]
    share = explained(table, float(numbers @ numbers))[0] / 500
    assert share / (1 - share) * (500 - 6) / 5 == pytest.approx(f_oneway(*(numbers[values == v] for v in range(6)))[0])
    assert explained(np.array([[9.0, 3.0]]), 5.0) == (0, 0)  # one value
    assert explained(np.array([[5.0, 10.0], [4.0, 8.0]]), 36.0) == (0, 0)  # one label


def test_counting_and_lasso_find_the_field_of_the_number():
    data = toy_numbers(2000, known=lambda ids: ids[:, 3] == 1)
    config = trained_config()
    for kind in (ChiSquared, ChiSquaredZ, Lasso):
        scores = kind(config).fit(data, ["t0", "t1"]).scores_
        assert scores[0].argmax() == 0 and scores[1].argmax() == 1, kind
    z = ChiSquaredZ(config).fit(data, ["t1"]).scores_[0]
    assert z[1] > 100 and (np.delete(z, 1) < 3).all()
    spread = Lasso(config).fit(data, ["t1"]).scores_[0]
    assert spread[1] == pytest.approx(0.9, abs=0.05)  # the planted share of the deviation


@pytest.mark.parametrize("name", [
    "permutation", "mssm", "multisfs_trained", "random",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("autofield", "cfs"))])
def test_selectors_that_train_take_numbers(name):
    config = trained_config(f"selector={name}", "epochs=3", "search_epochs=2", "learning_rate=0.02", "relation=none")
    selector = SELECTORS[name](config).fit(toy_numbers(), ["t0", "t1"])
    assert np.isfinite(selector.scores_).all()
    if name == "permutation":
        assert selector.scores_[1].argmax() == 1


def test_a_selector_of_classes_refuses_numbers():
    data = toy_numbers()
    with pytest.raises(UserError, match="selector mutual_information counts classes, and task t1 is of kind regression"
                                        ": its label is a number; expected one of .*chi2, chi2_z.*multisfs"):
        check_request(data, ["t0", "t1"], trained_config("selector=mutual_information"))
    check_request(data, ["t0"], trained_config("selector=mutual_information"))
    check_request(data, ["t0", "t1"], trained_config("selector=chi2"))


def test_relations_of_numbers():
    """An edge where a number is above its mean; correlations on the rows where both labels are known."""
    data = toy_numbers(known=lambda ids: ids[:, 3] == 1)
    relations = learn_relations(data.split("train"), [0, 1], data.schema.cardinalities, 4, 1, 1, 256, 0)
    assert relations.shape == (6, 2, 2) and np.isfinite(relations).all()
    _, labels = data.split("train").read(0, 900)
    binary = np.where(np.isnan(labels), 255, labels > 0).astype(np.uint8)
    as_classes = toy_numbers()
    as_classes.split("train").labels, as_classes.split("train").partial = binary, (False, True)
    again = learn_relations(as_classes.split("train"), [0, 1], data.schema.cardinalities, 4, 1, 1, 256, 0)
    np.testing.assert_array_equal(again, relations)
    known = ~np.isnan(labels[:, 1])
    expected = np.corrcoef(labels[known].T.astype(float))
    np.testing.assert_allclose(label_correlations(labels, 3)[1], expected, atol=1e-6)
    assert (label_correlations(np.full((5, 2), 0.5, np.float32), 1)[0] == np.eye(2)).all()


def test_costs_of_fields_are_changes_of_the_xauc(eager):
    data, config = toy_numbers(300), trained_config()
    plan, model = fresh_model(data.schema, ["t0", "t1"], config)
    whole, without, errors = aucs_without(model, plan, data.split("valid"), [0, 1], [1, 2], config)
    assert whole.shape == (2,) and without.shape == (2, 2) and 0 < whole[1] < 1
    assert without[0, 1] != whole[1] and errors[0][1] > 0

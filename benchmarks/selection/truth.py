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
"""Measuring selectors: against planted truth, and by what models trained on their fields reach."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.selection.sets import dealt
from src.data.simulation.planted import Planted
from src.data.subsets import DataSet
from src.run import RunFolder
from src.selection import SELECTORS, check_request
from src.settings import Settings
from src.training import choose_device
from src.workflow import select_and_train

LOG = logging.getLogger(__name__)


def measure_truth(laws: Sequence[str], selectors: Sequence[dict], instances: int, draws: int,
                  draw: Callable[[str, int], Planted], config: Settings) -> Iterator[dict]:
    """Runs selectors on planted data, in graph mode on the device of ``config``.

    Args:
        laws: names of laws.
        selectors: settings that make a selector, e.g. ``{"selector": "multisfs", "score": "paper"}``.
        instances: data sets of every law.
        draws: seeds of every selector on a data set.
        draw: gives the data set of a law and an instance.
        config: everything else.

    Yields:
        a record for every law, instance and selector; lists hold one entry per task.
    """
    choose_device(config.device_target, config.device_id)
    for law in laws:
        for instance in range(instances):
            yield from _judged(law, draw(law, instance), selectors, draws, config)


def measure_chance(name: str, data: DataSet, selectors: Sequence[dict], instances: int, draws: int,
                   config: Settings) -> Iterator[dict]:
    """Runs selectors on a set whose labels were dealt out anew (``dealt``); as measure_truth."""
    choose_device(config.device_target, config.device_id)
    for instance in range(instances):
        yield from _judged(f"{name} dealt", dealt(data, instance), selectors, draws, config)


def _judged(law: str, planted: Planted, selectors: Sequence[dict], draws: int, config: Settings) -> Iterator[dict]:
    """A record of every selector on one data set."""
    for changes in selectors:
        record = {"law": law, **_on_planted(planted, changes, draws, config)}
        LOG.info("%s", describe(record))
        yield record


def describe(record: dict) -> str:
    """One line on a record of measure_truth."""
    precision = "/".join("-" if value is None else f"{value:.2f}" for value in record["precision"])
    return f"{record['law']}, {record['selector']}: precision@k {precision}, {record['seconds']:.1f} s"


def _on_planted(planted: Planted, changes: dict, draws: int, config: Settings) -> dict:
    tasks = planted.data.schema.task_names
    began, found, kept = time.perf_counter(), [], []
    for draw in range(draws):
        selector = SELECTORS[changes["selector"]](config.replace(seed=draw, progress=False, **changes))
        scores = selector.fit(planted.data, tasks).scores_
        found.append([judge(row, relevant, planted.copies) for row, relevant in zip(scores, planted.relevant)])
        kept.append(None if selector.chance_ is None else (scores > selector.chance_).sum(1).tolist())
    return {
        "selector": label(changes),
        "relevant": [len(relevant) for relevant in planted.relevant],
        "precision": [_mean(draw[t]["precision"] for draw in found) for t in range(len(tasks))],
        "auc": [_mean(draw[t]["auc"] for draw in found) for t in range(len(tasks))],
        "jaccard": [_overlap([draw[t]["top"] for draw in found]) for t in range(len(tasks))],
        "above_chance": None if None in kept else np.mean(kept, 0).tolist(),
        "seconds": (time.perf_counter() - began) / draws,
    }


def judge(scores: np.ndarray, relevant: Iterable[int], copies: dict[int, int]) -> dict:
    """Precision among the k best for k relevant fields, and the AUC of the ranking.

    A copy of a relevant field counts as the field, once; for the AUC such copies are left out.
    """
    relevant = set(relevant)
    top = [int(n) for n in np.argsort(-scores, kind="stable")[:len(relevant)]]
    if not relevant:
        return {"top": top, "precision": None, "auc": None}
    rest = [n for n in range(len(scores)) if copies.get(n) not in relevant or n in relevant]
    truth = [n in relevant for n in rest]
    return {"top": top, "precision": len({copies.get(n, n) for n in top} & relevant) / len(relevant),
            "auc": None if all(truth) else float(roc_auc_score(truth, scores[rest]))}


def label(changes: dict) -> str:
    """The settings of a selector as a short name."""
    return "-".join(str(value) for value in changes.values())


def _overlap(tops: Sequence[list]) -> float | None:
    """Mean Jaccard index of all pairs of draws."""
    pairs = [(set(a), set(b)) for i, a in enumerate(tops) for b in tops[:i]]
    return _mean(len(a & b) / len(a | b) for a, b in pairs if a | b)


def _mean(values: Iterable[float | None]) -> float | None:
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else None


def train_on(data, name: str, changes: dict, config: Settings) -> dict:
    """Selects, trains and tests once, without a report; a finished run of the same name is read, not repeated.

    Args:
        data: a PreparedData or MemoryData.
        name: of the run folder.
        changes: settings of the selector.
        config: everything else.

    Returns:
        metrics.json of the run.
    """
    config, tasks = config.replace(run_name=name, progress=False, report=False, **changes), data.schema.task_names
    check_request(data, tasks, config)
    run = RunFolder.create(config, data)
    try:
        if not run.finished:
            select_and_train(run, data, tasks, config, choose_device(config.device_target, config.device_id))
        return run.read_metrics()
    finally:
        run.close()

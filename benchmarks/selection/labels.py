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
"""What masking the labels that are not known is worth, against filling them with 0.

A second label that is known after a click alone is simulated for all rows; so models of both kinds can be held against
what they should predict, P(second label | click), on the clicked test rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from benchmarks.selection.truth import judge, train_on
from src.data.memory import MemoryData
from src.data.simulation.planted import plant
from src.evaluation import read_predictions, task_metrics
from src.report import markdown_table
from src.run import RunFolder
from src.schema import SPLITS, UNKNOWN
from src.selection import SELECTORS
from src.settings import Settings

LOG = logging.getLogger(__name__)
# Fields of AliCCP (101, 121, .., 853), large ones cut down to what some 100,000 rows can teach.
ALICCP = (5000, 98, 14, 3, 8, 4, 4, 3, 5, 5000, 2000, 5000, 3000, 2500, 3000, 2500, 2500)
ACTING = ((1, 4, 10, 13), (2, 4, 8, 11))  # on click, and on the conversion after it
RATES = (0.04, 0.1)
SMALL = {"embedding_dim": 16, "bottom_dims": (64, 32), "tower_dims": (32, 16), "experts": 4, "batch_size": 512,
         "monitor": "mean_logloss"}


@dataclass(frozen=True)
class Log:
    """A simulated log.

    Attributes:
        data: its rows; labels of both tasks for all of them.
        relevant: fields that act on the second task.
        copies: field -> the field it copies.
    """

    data: MemoryData
    relevant: frozenset
    copies: dict[int, int]


COLUMNS = {"found": ("fields found", 2), "auc": ("AUC", 4), "logloss": ("log loss", 4), "predicted": ("predicted", 4),
           "rate": ("observed", 4)}


def kuairand_log(seed: int, rows: int) -> Log:
    """The law three_tasks in KuaiRand's fields: click (35 %) and like (5 %)."""
    planted = plant("three_tasks", seed, rows)
    return Log(keep_tasks(planted.data, 2), planted.relevant[1], planted.copies)


def aliccp_log(seed: int, rows: int) -> Log:
    """AliCCP's 17 fields, values falling in frequency; click (4 %) and, of the clicks, conversion (10 %)."""
    rng = np.random.default_rng([seed, 0xA11])
    ids = np.stack([(size * rng.random(rows) ** 2).astype(np.int32) for size in ALICCP], 1)
    labels = np.empty((rows, 2), np.uint8)
    for task, (fields, rate) in enumerate(zip(ACTING, RATES)):
        effect = sum(rng.standard_normal(ALICCP[n])[ids[:, n]] for n in fields) / np.sqrt(len(fields)) * 1.2
        labels[:, task] = rng.random(rows) < expit(effect + _intercept(effect, rate))
    cuts = [int(0.8 * rows), int(0.9 * rows)]
    splits = dict(zip(SPLITS, zip(np.split(ids, cuts), np.split(labels, cuts))))
    names = [f"f{n}" for n in range(len(ALICCP))]
    return Log(MemoryData("aliccp_shape", names, ALICCP, ["click", "buy"], splits), frozenset(ACTING[1]), {})


def _intercept(effect: np.ndarray, rate: float) -> float:
    """What makes the mean chance ``rate``, by bisection."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(effect + middle).mean() < rate else (low, middle)
    return low


def keep_tasks(data: MemoryData, count: int) -> MemoryData:
    """The first tasks of a data set."""
    splits = {split: data.split(split).read(0, data.split(split).rows) for split in SPLITS}
    return _with_labels(data, {split: labels[:, :count] for split, (_, labels) in splits.items()}, count)


def known_after_click(data: MemoryData, without: int) -> MemoryData:
    """The data set with ``without`` as the second label of rows that were not clicked."""
    labels = {}
    for split in SPLITS:
        found = data.split(split).read_labels(0, data.split(split).rows).copy()
        found[found[:, 0] == 0, 1] = without
        labels[split] = found
    return _with_labels(data, labels, 2)


def _with_labels(data: MemoryData, labels: Mapping[str, np.ndarray], tasks: int) -> MemoryData:
    schema = data.schema
    return MemoryData(schema.dataset, schema.field_names, schema.cardinalities, schema.task_names[:tasks],
                      {split: (data.split(split).ids, labels[split]) for split in SPLITS})


LOGS = {"kuairand": kuairand_log, "aliccp": aliccp_log}
# Label of rows without click, backbone, and whether the second output is the probability of both labels.
WAYS = {"masked": (UNKNOWN, "mmoe", False), "filled with 0": (0, "mmoe", False),
        "filled with 0, ÷ P(click)": (0, "mmoe", True), "esmm, filled with 0, ÷ P(click)": (0, "esmm", True)}


def fields_found(shape: str, rows: int, seeds: int, config: Settings) -> dict[str, list[float]]:
    """Share of the fields that act on the second label among as many that chi2_z scores highest, by way and seed."""
    found: dict[str, list[float]] = {"masked": [], "filled with 0": []}
    for seed in range(seeds):
        log = LOGS[shape](seed, rows)
        for way, shares in found.items():
            data = known_after_click(log.data, WAYS[way][0])
            scores = SELECTORS["chi2_z"](config.replace(progress=False)).fit(data, data.schema.task_names).scores_
            shares.append(judge(scores[1], log.relevant, log.copies)["precision"])
    return found


def measure_labels(shape: str, rows: int, seeds: int, config: Settings) -> Iterator[dict]:
    """Selects as many fields as act on the second label, trains, and tests on the clicked test rows.

    Yields:
        a record for every seed (of data and network) and way.
    """
    for seed in range(seeds):
        log = LOGS[shape](seed, rows)
        second = log.data.schema.task_names[1]
        for way, (without, backbone, joint) in WAYS.items():
            data = known_after_click(log.data, without)
            sized = config.replace(**SMALL, backbone=backbone, seed=seed, keep_fields=len(log.relevant))
            name = f"labels-{shape}-{rows}-{seed}-{without}-{backbone}"
            train_on(data, name, {"selector": "multisfs", "score": "calibrated"}, sized)
            record = {"shape": shape, "way": way, "seed": seed, **_judge(log, data, name, second, joint, sized)}
            LOG.info("%s", record)
            yield record


def _judge(log: Log, data: MemoryData, name: str, second: str, joint: bool, config: Settings) -> dict:
    """What a finished run found and predicts of the second label where there was a click."""
    run = config.output_path / name
    logits, _ = read_predictions(run, data.schema.task_names)["test"].arrays
    labels = log.data.split("test").labels
    clicked = labels[:, 0] == 1
    found = logits[clicked].astype(np.float64)
    chance = expit(found[:, 1]) / np.where(joint, expit(found[:, 0]), 1)
    column, truth = logit(np.clip(chance, 1e-7, 1 - 1e-7))[:, None], labels[clicked, 1:]
    scores = selection_scores(run, second, data.schema.field_names)
    return {"found": judge(scores, log.relevant, log.copies)["precision"], "predicted": float(chance.mean()),
            "rate": float(truth.mean()), **task_metrics(column, truth, [second])[second]}


def selection_scores(run: Path, task: str, fields: Sequence[str]) -> np.ndarray:
    """The scores of a task's fields in a run's selection."""
    scores = RunFolder(run).read_selection().scores[task]
    return np.array([scores[field] for field in fields])


def table(records: Sequence[Mapping]) -> str:
    """Means over seeds, one line a way."""
    rows = []
    for way in WAYS:
        mine = [record for record in records if record["way"] == way]
        mean = {key: float(np.mean([record[key] for record in mine])) for key in COLUMNS}
        rows.append([way, *(f"{mean[key]:.{digits}f}" for key, (_, digits) in COLUMNS.items())])
    return markdown_table(["label of rows without click", *(title for title, _ in COLUMNS.values())], rows)

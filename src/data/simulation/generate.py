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
"""Drawing simulated logs by a plan and writing them as KuaiRand-Pure's raw files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import expit, ndtr

from ...common.streams import SimulationStream, generator
from ..staging.stage import progress
from .columns import COLUMNS, Column
from .laws import Plan

CHUNK = 500_000
CORRELATION = 0.8  # of the hidden normal of two fields of one group
COPY_NOISE = 0.05
LOGS = ("log_standard_4_08_to_4_21_pure.csv", "log_standard_4_22_to_5_08_pure.csv", "log_random_4_22_to_5_08_pure.csv")
RAW_FILES = ("user_features_pure.csv", "video_features_basic_pure.csv", *LOGS)
_START_MS, _DAY_MS = 1_649_347_200_000, 86_400_000  # 2022-04-08 00:00 in Beijing
_SIGNALS = ("click", "like", "follow", "comment", "forward", "hate")
_BACKGROUND = {"click": 0.35, "like": 0.02, "follow": 0.001, "comment": 0.003, "forward": 0.001, "hate": 0.0005}


class Simulation:
    """All that is fixed before the first row: entities, effect tables, intercepts.

    Args:
        users, videos: numbers of entities. Where both equal the rows, row i shows video i to user i, so that fields
            are independent from row to row.
    """

    def __init__(self, plan: Plan, users: int, videos: int, unique: bool, seed: int):
        self.plan, self.unique, self.seed = plan, unique, seed
        self.sizes = {"user": users, "video": videos}
        draw = generator(seed, SimulationStream.ENTITIES)
        self.codes = _draw_codes(plan, self.sizes, draw)
        self._effects = {task: self._draw_effects(task, number, draw) for number, task in enumerate(plan.tasks)}
        self._bias = dict.fromkeys(plan.tasks, 0.0)
        who = self._who(0, 200_000, generator(seed, SimulationStream.RATE_ROWS))
        for task, rate in zip(plan.tasks, plan.law.rates):
            self._bias[task] = _solve_bias(self.logit(task, *who), rate)

    def logit(self, task: str, users: np.ndarray, videos: np.ndarray) -> np.ndarray:
        """Returns the planted logit of impressions [rows]."""
        rows = {"user": users, "video": videos}
        total = np.full(len(users), self._bias[task])
        for names, table in self._effects[task]:
            place = tuple(self.codes[name][rows[entity]] for name, entity in names)
            total += table[place]
        return total

    def chunks(self, rows: int, stream: SimulationStream) -> Iterator[tuple[int, pl.DataFrame, dict[str, np.ndarray]]]:
        """Yields (first row, user_id, video_id and label columns, planted logit per task)."""
        for first in range(0, rows, CHUNK):
            count = min(CHUNK, rows - first)
            draw = generator(self.seed, stream, first)
            users, videos = self._who(first, count, draw)
            logits = {task: self.logit(task, users, videos) for task in self.plan.tasks}
            chance = {**_BACKGROUND, **{task: expit(logit) for task, logit in logits.items()}}
            columns = {"user_id": users, "video_id": videos}
            for signal in dict.fromkeys((*_SIGNALS, *self.plan.tasks)):
                columns[signal] = (draw.random(count) < chance[signal]).astype(np.int8)
            yield first, pl.DataFrame(columns), logits

    def _who(self, first: int, count: int, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if self.unique:
            row = np.arange(first, first + count) % self.sizes["user"]
            return row, row
        return draw.integers(0, self.sizes["user"], count), draw.integers(0, self.sizes["video"], count)

    def _draw_effects(self, task: str, number: int, draw: np.random.Generator) -> list:
        plan = self.plan
        acting = [(name,) for name in plan.mains[task]] + list(plan.pairs[task])
        size = np.sqrt(plan.law.strength / max(len(acting), 1))
        effects = []
        for names in acting:
            # An effect that tasks share, but for its sign, is drawn from the field and not from the task.
            shared = plan.law.agreement and all(names[0] in plan.mains[other] for other in plan.tasks)
            source = generator(self.seed, SimulationStream.SHARED_EFFECTS, _place(names[0])) if shared else draw
            counts = [np.bincount(self.codes[name], minlength=_BY_NAME[name].size) for name in names]
            table = _standard_table(counts, source) * size * (plan.law.agreement ** number if shared else 1)
            effects.append(([(name, _BY_NAME[name].entity) for name in names], table))
        return effects


def write_raw(simulation: Simulation, rows: int, folder: Path) -> dict:
    """Writes the raw files of ``rows`` standard impressions (and a tenth as many random ones).

    Returns:
        facts for truth.json: share of positives and the AUC of the planted probability itself, per task.
    """
    from ...evaluation import task_metrics  # takes seconds; most preparations find the raw files there

    draw = generator(simulation.seed, SimulationStream.ENTITY_FILES)
    for entity, key, name in (("user", "user_id", RAW_FILES[0]), ("video", "video_id", RAW_FILES[1])):
        _write_entities(simulation, entity, key, folder / name, draw)
    first_part = rows * 3 // 5
    tasks = list(simulation.plan.tasks)
    positives, metrics = dict.fromkeys(tasks, 0), {}
    with progress("simulate", rows) as bar, open(folder / LOGS[0], "wb") as early, open(folder / LOGS[1], "wb") as late:
        _write_header(early)
        _write_header(late)
        for first, frame, logits in simulation.chunks(rows, SimulationStream.ROWS):
            for task in tasks:
                positives[task] += int(frame[task].sum())
            if first == 0:
                metrics = task_metrics(np.column_stack([logits[task] for task in tasks]),
                                       frame.select(tasks).to_numpy(), tasks, "the simulation")
            log = _to_log(frame, first, rows, False, generator(simulation.seed, SimulationStream.LOG_COLUMNS, first))
            cut = min(max(first_part - first, 0), len(log))
            log.slice(0, cut).write_csv(early, include_header=False)
            log.slice(cut).write_csv(late, include_header=False)
            bar.update(len(log))
    with open(folder / LOGS[2], "wb") as random_log:
        _write_header(random_log)
        for first, frame, _ in simulation.chunks(rows // 10, SimulationStream.RANDOM_ROWS):
            draw = generator(simulation.seed, SimulationStream.RANDOM_LOG_COLUMNS, first)
            log = _to_log(frame, first, rows // 10, True, draw)
            log.write_csv(random_log, include_header=False)
    return {"positive_rate": {task: count / rows for task, count in positives.items()},
            "ceiling_auc": {task: metrics[task]["auc"] for task in tasks}}


def _draw_codes(plan: Plan, sizes: dict[str, int], draw: np.random.Generator) -> dict[str, np.ndarray]:
    hidden = {(group, entity): draw.standard_normal(size) for entity, size in sizes.items()
              for group in sorted(set(plan.groups.values()))}
    codes = {}
    for column in COLUMNS:
        own = draw.standard_normal(sizes[column.entity])
        if column.name in plan.groups:
            common = hidden[plan.groups[column.name], column.entity]
            own = np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own
        edges = np.cumsum(column.probabilities())[:-1]
        codes[column.name] = np.searchsorted(edges, ndtr(own), side="right").astype(np.int32)
    for copy, original in plan.copies.items():
        codes[copy] = _copy(codes[original], _BY_NAME[original].size, codes[copy], _BY_NAME[copy].size, draw)
    return codes


def _copy(original: np.ndarray, values: int, own: np.ndarray, size: int, draw: np.random.Generator) -> np.ndarray:
    table = draw.permutation(np.arange(values) % size)
    return np.where(draw.random(len(own)) < COPY_NOISE, own, table[original]).astype(np.int32)


def _standard_table(counts: list[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    """Returns N(0, 1) draws centred and scaled under the values' shares; of two fields, centred over either."""
    shares = [count / count.sum() for count in counts]
    table = draw.standard_normal([len(share) for share in shares])
    if len(shares) == 1:
        table -= shares[0] @ table
        weight = shares[0]
    else:
        table -= shares[0] @ table
        table -= (table @ shares[1])[:, None]
        weight = np.outer(*shares)
    return table / np.sqrt((weight * table ** 2).sum())


def _solve_bias(logit: np.ndarray, rate: float) -> float:
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(logit + middle).mean() < rate else (low, middle)
    return (low + high) / 2


def _write_entities(simulation: Simulation, entity: str, key: str, path: Path, draw: np.random.Generator) -> None:
    size = simulation.sizes[entity]
    with open(path, "wb") as file:
        for first in range(0, size, CHUNK):
            rows = slice(first, min(first + CHUNK, size))
            columns = [column.write(simulation.codes[column.name][rows], draw)
                       for column in COLUMNS if column.entity == entity]
            table = pl.DataFrame([pl.Series(key, np.arange(rows.start, rows.stop)), *columns])
            table.write_csv(file, include_header=first == 0)


def _to_log(frame: pl.DataFrame, first: int, rows: int, random: bool, draw: np.random.Generator) -> pl.DataFrame:
    """Adds the other columns of the log; impressions are spread over the days in row order."""
    count = len(frame)
    days = np.array([14, 17] if random else [0, 31])
    time = _START_MS + days[0] * _DAY_MS + (np.arange(first, first + count) * (int(days[1]) * _DAY_MS // rows))
    moment = pl.Series(time).cast(pl.Datetime("ms")).dt.offset_by("8h")
    duration = draw.integers(3_000, 120_000, count)
    play = np.where(frame["click"].to_numpy() == 1, np.maximum(duration, 7_001), draw.integers(0, 3_000, count))
    zero = np.zeros(count, np.int8)
    return pl.DataFrame({
        "user_id": frame["user_id"], "video_id": frame["video_id"], "date": moment.dt.strftime("%Y%m%d"),
        "hourmin": moment.dt.hour().cast(pl.Int32) * 100 + moment.dt.minute(), "time_ms": time,
        **{f"is_{signal}": frame[signal] for signal in ("click", "like", "follow", "comment", "forward", "hate")},
        "long_view": (play >= 18_000).astype(np.int8), "play_time_ms": play, "duration_ms": duration,
        "profile_stay_time": zero, "comment_stay_time": zero,
        "is_profile_enter": frame["profile_enter"] if "profile_enter" in frame.columns else zero,
        "is_rand": zero + np.int8(random), "tab": draw.integers(0, 15, count)})


def _write_header(file) -> None:
    names = ("user_id", "video_id", "date", "hourmin", "time_ms", *(f"is_{signal}" for signal in _SIGNALS), "long_view",
             "play_time_ms", "duration_ms", "profile_stay_time", "comment_stay_time", "is_profile_enter", "is_rand",
             "tab")
    file.write((",".join(names) + "\n").encode())


def _place(name: str) -> int:
    return [column.name for column in COLUMNS].index(name)


_BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}

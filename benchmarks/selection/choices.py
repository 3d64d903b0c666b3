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
"""What selectors choose: on planted truth, and in models trained on the fields."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from benchmarks.selection.curves import (
    auto_table,
    curve_table,
    draw_curves,
    measure_curves,
    pooled_table,
    standing_table,
)
from benchmarks.selection.dropped import VARIANTS, Table, above_chance, dropped_table, measure_dropped
from benchmarks.selection.interactions import interaction_table, interactions
from benchmarks.selection.sets import TRAINED, draw_planted, draw_set, open_set
from benchmarks.selection.tables import draw_truth, null_table, summary_table, training_table, truth_table
from benchmarks.selection.truth import label, measure_chance, measure_truth, train_on
from src.common.errors import UserError, nearest
from src.common.files import read_json, write_json
from src.data.simulation.laws import LAWS
from src.settings import load_settings

FAST = (
    {"selector": "multisfs", "score": "calibrated"}, {"selector": "multisfs", "score": "paper"}, {"selector": "chi2"},
    {"selector": "chi2_z"}, {"selector": "mutual_information"}, {"selector": "lasso"}, {"selector": "random"},
)
SEARCHED = ({"selector": "multisfs_trained"}, {"selector": "permutation"}, {"selector": "autofield"},
            {"selector": "mssm"}, {"selector": "cfs"})
AUTO_KEPT = {"selector": "multisfs", "score": "calibrated", "keep_ratio": "auto"}
SELECTORS = {"fast": FAST, "trained": SEARCHED, "every": (*FAST, *SEARCHED)}
ENTITIES = {"movielens": ("user", "item")}  # fields that name who and what
SMALL = ["embedding_dim=16", "bottom_dims=64,32", "tower_dims=32,16", "experts=4", "keep_ratio=0.5"]
BUDGET = ["batch_size=2048", "learning_rate=0.003", "epochs=8", "patience=2"]  # src/experiments/paper/paper.yaml's
NARROW = ["backbone=shared_bottom", "embedding_dim=8", "bottom_dims=32,16", "tower_dims=16"]  # for many trainings
BUDGETS = {  # of curves, where it is not BUDGET: about as many steps for every set
    "caravan": ["batch_size=256", "epochs=20", "patience=4"], "yeast": ["batch_size=128", "epochs=30", "patience=5"],
}


def measure_selection(given: SimpleNamespace) -> None:
    """Every selector on planted truth and in trained models, as the options of python -m benchmarks say.

    Raises:
        UserError: a selector, a law or a set is unknown.
    """
    selectors, rows = choose_selectors(given.selectors), given.rows or 200_000
    laws, sets = (_some(given, key, known) for key, known in (("laws", LAWS), ("sets", TRAINED)))
    small = [*SMALL, *given.settings]
    config = load_settings(["dataset=simulate", *small])
    found: dict = {"suite": "selection", "truth": [], "trained": []}
    draw = partial(draw_planted, rows=rows, noise=given.noise_fields, clicked=given.clicked)
    for record in measure_truth(laws, selectors, given.instances, given.draws, draw, config):
        _keep(found, "truth", record)
    if found["truth"]:
        print(truth_table(found["truth"]), summary_table(found["truth"]), null_table(found["truth"]), sep="\n\n")
        draw_truth(found["truth"], Path(given.picture))
    for name in sets:
        for record in _train_on_set(name, selectors, small, given.seeds, rows):
            _keep(found, "trained", record)
    if found["trained"]:
        print(training_table(found["trained"]))


def count_false_fields(given: SimpleNamespace) -> None:
    """Fields above the chance level in sets whose labels were dealt out anew, as the options of python -m benchmarks
    say.

    Raises:
        UserError: a selector or a set is unknown.
    """
    selectors, found = choose_selectors(given.selectors), {"suite": "chance", "truth": []}
    for name in _some(given, "sets", TRAINED):
        config = load_settings([f"dataset={TRAINED[name]}", *SMALL, *given.settings])
        data, mine = open_set(name, config, given.rows or 200_000), []
        for record in measure_chance(name, data, selectors, given.instances, given.draws, config):
            mine.append(record)
            _keep(found, "truth", record)
        print(f"{name}\n\n{null_table(mine)}\n", flush=True)


def measure_field_counts(given: SimpleNamespace) -> None:
    """AUC over the number of fields kept, for every selector, as the options of python -m benchmarks say.

    Raises:
        UserError: a selector or a set is unknown.
    """
    selectors, rows = choose_selectors(given.selectors), given.rows or 200_000
    found = _begun({"suite": "curves", "rows": rows, "splits": "anew for every seed", "settings": list(given.settings)})
    for name in _some(given, "sets", TRAINED):
        config = load_settings([f"dataset={TRAINED[name]}", *NARROW, *BUDGET, *BUDGETS.get(name, []), *given.settings])
        draw = partial(draw_set, name, config, rows)
        for record in measure_curves(name, draw, selectors, given.seeds, config, found["records"]):
            _keep(found, "records", record)
        mine = [record for record in found["records"] if record["set"] == name]
        print("\n\n".join(filter(None, (name, curve_table(mine), auto_table(mine)))) + "\n", flush=True)
    ours = label(selectors[0])
    print("\n\n".join(filter(None, (table(found["records"], ours) for table in (standing_table, pooled_table)))))
    if found["records"]:
        draw_curves(found["records"], Path(given.picture))


def _begun(asked: dict) -> dict:
    """What benchmark.json holds of the same request, so that a measurement of hours is taken up again; or nothing yet.

    Raises:
        UserError: benchmark.json is of other settings.
    """
    path = Path("benchmark.json")
    before = read_json(path, sealed=False) if path.exists() else {}
    if before.get("suite") != asked["suite"]:
        return {**asked, "records": []}
    for key, value in asked.items():
        if before.get(key) != value:
            raise UserError(f"benchmark.json was measured with {key} {before.get(key)}, not {value}; give the same, or "
                            "move the file away to begin anew")
    return before


def explain_dropped(given: SimpleNamespace) -> None:
    """What the fields below the chance level do for a network, by training it on altered data sets."""
    found: dict = {"suite": "dropped", "records": []}
    wanted = _some(given, "variants", VARIANTS)
    for name in _some(given, "sets", TRAINED):
        config = load_settings([f"dataset={TRAINED[name]}", *SMALL, *BUDGET, *given.settings])
        data, mine = open_set(name, config, given.rows or 100_000), []
        if name in ENTITIES:
            table = Table(data, ENTITIES[name])
            pairs = interactions(table, above_chance(data, config.replace(progress=False)))
            write_json(Path("interactions.json"), pairs)
            print(f"{name}\n\n{interaction_table(pairs)}\n", flush=True)
        for record in measure_dropped(data, ENTITIES.get(name, ()), given.seeds, config, wanted):
            mine.append(record)
            _keep(found, "records", {"set": name, **record})
        if mine:
            print(f"{name}\n\n{dropped_table(mine)}\n", flush=True)


def _some(given: SimpleNamespace, key: str, known: Collection[str]) -> list[str]:
    """The names that an option gives: every means all, nothing (and none, where no law is called so) no name."""
    names = list(getattr(given, key))
    if names == ["every"]:
        return list(known)
    if names in (["nothing"], ["none"]) and names[0] not in known:
        return []
    for name in names:
        if name not in known:
            raise UserError(f"{key} is {name!r}; expected some of {', '.join(known)}, every or nothing"
                            f"{nearest(name, known)}")
    return names


def _keep(found: dict, part: str, record: dict) -> None:
    """Adds a record and writes benchmark.json at once: a whole run takes hours, and one may be stopped."""
    found[part].append(record)
    write_json(Path("benchmark.json"), found)


def choose_selectors(wanted: str) -> tuple[dict, ...]:
    """The selectors of a name in SELECTORS, or those with the given names.

    Raises:
        UserError: a name is unknown.
    """
    if wanted in SELECTORS:
        return SELECTORS[wanted]
    known = {label(changes): changes for changes in (*SELECTORS["every"], AUTO_KEPT)}
    for name in wanted.split(","):
        if name not in known:
            raise UserError(f"selectors is {name!r}; expected {', '.join(SELECTORS)}, or some of {', '.join(known)}")
    return tuple(known[name] for name in wanted.split(","))


def _train_on_set(name: str, selectors: Sequence[dict], arguments: list, seeds: int, rows: int) -> Iterator[dict]:
    config = load_settings([f"dataset={TRAINED[name]}", *arguments])
    data = open_set(name, config, rows)
    for seed in range(seeds):
        for changes in ({"selector": "none"}, *selectors):
            metrics = train_on(data, f"selection-{name}-{label(changes)}-{seed}", changes, config.replace(seed=seed))
            yield {"set": name, "selector": label(changes), "seed": seed, "mean_auc": metrics["mean_auc"],
                   "fields": list(metrics["input_fields"].values())}

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
"""AUC over the number of fields kept: the curve of every selector, its table and its picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from scipy.integrate import trapezoid

from benchmarks.selection.tables import with_error
from benchmarks.selection.truth import label, train_on
from src.common.files import write_json
from src.data.subsets import DataSet
from src.report.tables import markdown_table
from src.selection import SELECTORS, all_fields, make_selection
from src.settings import Settings
from src.training import choose_device

SHARES = (0.25, 0.5, 0.75)  # of the fields; 1 is the same for all selectors
AUTO = "auto"  # what keep_ratio=auto keeps
PANELS = 4  # of the picture, side by side


def measure_curves(name: str, draw: Callable[[int], DataSet], selectors: Sequence[dict], seeds: int, config: Settings,
                   known: Sequence[Mapping] = ()) -> Iterator[dict]:
    """Trains every selector's choice of every share of the fields, by ``drafted``; a selector scores once a seed.

    Selectors that choose the same fields get the same network: it is trained once a seed.

    Args:
        name: of the set.
        draw: gives the set of a seed.
        selectors: the settings of each.
        seeds: how many.
        config: everything else.
        known: records of before, which are not measured again.

    Yields:
        ``{"set", "selector", "seed", "share", "mean_auc", "train_seconds"}``; the selector "none" has all fields. Where
        the share is auto, with the share that it kept as "fields" and the "seconds" of trying out.
    """
    done = {_key(record) for record in known}
    choose_device(config.device_target, config.device_id)
    config.output_path.mkdir(parents=True, exist_ok=True)
    for seed in range(seeds):
        seeded, data = config.replace(seed=seed, progress=False), None
        for changes in ({"selector": "none"}, *selectors):
            settings, selector = seeded.replace(**changes), None
            for share in _shares(changes):
                record = {"set": name, "selector": label(changes), "seed": seed, "share": share}
                if _key(record) in done:
                    continue
                data = data or draw(seed)
                tasks, chosen = data.schema.task_names, np.arange(len(data.schema.fields))
                if changes["selector"] != "none":
                    selector = selector or SELECTORS[changes["selector"]](settings).fit(data, tasks)
                if share == AUTO:
                    found = make_selection(selector, data, tasks, settings).selected.values()
                    chosen = np.sort(data.schema.field_indices(set().union(*found)))
                    record |= {"fields": len(chosen) / len(data.schema.fields), "seconds": selector.seconds_["try_out"]}
                elif share < 1:
                    chosen = drafted(selector.scores_, round(share * selector.scores_.shape[1]))
                yield {**record, **_trained_on(chosen, name, data, seeded)}


def _shares(changes: Mapping) -> tuple:
    if changes["selector"] == "none":
        return (1.0,)
    return (AUTO,) if changes.get("keep_ratio") == AUTO else SHARES


def drafted(scores: np.ndarray, count: int) -> np.ndarray:
    """The fields of a network that all tasks share: tasks choose in turn, each the best field left by its score.

    A network reads what any task keeps, so that of two selectors with as many fields per task the one whose tasks
    disagree would read more fields.

    Args:
        scores: ``[tasks, fields]``.
        count: how many fields.

    Returns:
        positions of the fields, rising, ``[count]``.
    """
    places = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    return np.sort(np.lexsort((places.mean(0), places.min(0)))[:count])


def _key(record: Mapping) -> tuple:
    return record["set"], record["selector"], record["seed"], record["share"]


def _trained_on(chosen: np.ndarray, name: str, data: DataSet, config: Settings) -> dict:
    """Mean test AUC of a network with these fields, whoever chose them, and the seconds of its compiling,
    training and testing."""
    kept, tasks = tuple(data.schema.field_names[n] for n in chosen), data.schema.task_names
    run_name = f"curve-{name}-{config.seed}-{sha256(json.dumps(kept).encode()).hexdigest()[:12]}"
    path = config.output_path / f"{run_name}.selection.json"
    if not path.exists():
        whole = all_fields(data.schema, tasks, config)
        write_json(path, replace(whole, selected=dict.fromkeys(tasks, kept)).to_json(), sealed=True)
    metrics = train_on(data, run_name, {"selection": str(path)}, config)
    seconds = metrics["seconds"]
    return {"mean_auc": metrics["mean_auc"], "train_seconds": seconds["compile"] + seconds["train"] + seconds["eval"]}


def curves_of(records: Sequence[Mapping]) -> dict[str, dict[int, np.ndarray]]:
    """Of one set: selector -> seed -> AUC at every share and at 1, less the AUC of all fields, ``[shares + 1]``.

    A seed that lacks a share, or whose test split has no AUC, is left out.
    """
    found: dict[tuple, float] = {(record["selector"], record["seed"], record["share"]): record["mean_auc"]
                                 for record in records if record["mean_auc"] is not None}
    curves: dict[str, dict[int, np.ndarray]] = {}
    for selector in dict.fromkeys(record["selector"] for record in records if record["selector"] != "none"):
        for seed in sorted({record["seed"] for record in records}):
            aucs = [found.get((selector, seed, share)) for share in SHARES] + [found.get(("none", seed, 1.0))]
            if None not in aucs:
                curves.setdefault(selector, {})[seed] = np.array(aucs) - aucs[-1]
    return curves


def _curves_by_set(records: Sequence[Mapping]) -> dict[str, dict[str, dict[int, np.ndarray]]]:
    """``curves_of`` every set, by its name."""
    return {name: curves_of([record for record in records if record["set"] == name])
            for name in dict.fromkeys(record["set"] for record in records)}


def area(curve: np.ndarray) -> np.ndarray:
    """Mean height of curves ``[.., shares + 1]`` from the first share to all fields, by the trapezoidal rule."""
    shares = np.array([*SHARES, 1.0])
    return trapezoid(curve, shares, axis=-1) / (1 - SHARES[0])


def curve_table(records: Sequence[Mapping]) -> str:
    """AUC against all fields at every share, and the area: means over seeds ± standard errors; best area first.

    *behind* is what a selector's area lacks of the best one's, paired by seed.
    """
    curves = curves_of(records)
    order = sorted(curves, key=lambda selector: -np.mean([area(curve) for curve in curves[selector].values()]))
    rows = []
    for selector in order:
        own = curves[selector]
        heights = np.array([[*curve[:-1], area(curve)] for curve in own.values()])
        both = [seed for seed in own if seed in curves[order[0]]]
        behind = np.array([area(own[seed]) - area(curves[order[0]][seed]) for seed in both])
        rows.append([selector, *(with_error(column) for column in heights.T),
                     "-" if selector == order[0] or not both else with_error(behind), str(len(own))])
    header = ["selector", *(f"{share:.0%}" for share in SHARES), "area", "behind", "seeds"]
    return markdown_table(header, rows) if rows else ""


def standing_table(records: Sequence[Mapping], ours: str) -> str:
    """Per set, how ``ours`` stands by area among the selectors that share the most seeds with it; empty without any."""
    rows = []
    for name, curves in _curves_by_set(records).items():
        seeds = _shared_seeds(curves, ours)
        areas = {selector: np.array([area(others[seed]) for seed in seeds]) for selector, others in curves.items()
                 if seeds and set(seeds) <= set(others)}
        if len(areas) > 1:
            first, *others = sorted(areas, key=lambda selector, found=areas: -found[selector].mean())
            behind = "first" if first == ours else with_error(areas[ours] - areas[first])
            rows.append([name, str(len(seeds)), first, with_error(areas[first]), with_error(areas[ours]), behind,
                         f"{[first, *others].index(ours) + 1} of {len(areas)}"])
    header = ["set", "seeds", "first by area", "area", ours, "behind, paired", "place of"]
    return markdown_table(header, rows) if rows else ""


def _shared_seeds(curves: Mapping[str, Mapping], ours: str) -> list[int]:
    """The most seeds of ``ours`` that another selector has, too."""
    own = curves.get(ours, {})
    return max(([seed for seed in own if seed in others] for name, others in curves.items() if name != ours),
               key=len, default=list(own))


def pooled_table(records: Sequence[Mapping], ours: str) -> str:
    """Every other selector's area against that of ``ours``, over all pairs of set and seed that both have; best first.

    Empty without such pairs.
    """
    found: dict[str, list[float]] = {}
    for curves in _curves_by_set(records).values():
        own = curves.pop(ours, {})
        for selector, others in curves.items():
            found.setdefault(selector, []).extend(area(curve) - area(own[seed]) for seed, curve in others.items()
                                                  if seed in own)
    order = sorted((selector for selector, pairs in found.items() if pairs), key=lambda name: -np.mean(found[name]))
    rows = [[selector, str(len(found[selector])), with_error(np.array(found[selector]))] for selector in order]
    return markdown_table(["selector", "pairs of set and seed", f"area against {ours}"], rows) if rows else ""


def auto_table(records: Sequence[Mapping]) -> str:
    """What keep_ratio=auto keeps, its AUC against all fields, its seconds as a share of training all; empty without.

    Means over the seeds ± standard errors; the share of seconds is the median.
    """
    rows = []
    for name in dict.fromkeys(record["set"] for record in records if record["share"] == AUTO):
        mine = [record for record in records if record["set"] == name]
        whole = {record["seed"]: record for record in mine if record["selector"] == "none"}
        pairs = [(record, whole[record["seed"]]) for record in mine if record["share"] == AUTO
                 and None not in (record["mean_auc"], whole[record["seed"]]["mean_auc"])]
        if pairs:
            gains = np.array([record["mean_auc"] - other["mean_auc"] for record, other in pairs])
            cost = np.median([record["seconds"] / other["train_seconds"] for record, other in pairs])
            rows.append([name, f"{np.mean([record['fields'] for record, _ in pairs]):.0%}", with_error(gains),
                         f"{cost:.2f}", str(len(pairs))])
    header = ["set", "fields kept", "AUC against all", "seconds against training", "seeds"]
    return markdown_table(header, rows) if rows else ""


def draw_curves(records: Sequence[Mapping], path: Path) -> None:
    """Writes a picture with a panel for every set: AUC against all fields over the share of fields kept.

    A panel has as many seeds as two selectors share, and the selectors that have them all: means over different seeds
    cannot be compared.
    """
    from matplotlib.figure import Figure

    sets = _curves_by_set(records)
    columns = min(len(sets), PANELS)
    rows = -(-len(sets) // columns)
    figure = Figure(figsize=(4 * columns, 3.2 * rows), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    lines = {}
    for axes, (name, curves) in zip(panels, sets.items()):
        seeds = _shared_seeds(curves, max(curves, key=lambda selector, found=curves: len(found[selector]), default=""))
        for selector in [selector for selector, own in curves.items() if seeds and set(seeds) <= set(own)]:
            heights = np.mean([curves[selector][seed] for seed in seeds], 0)
            colour = lines[selector].get_color() if selector in lines else f"C{len(lines)}"
            lines[selector], = axes.plot([*SHARES, 1.0], heights, color=colour, marker="o", markersize=3)
        axes.axhline(0, color="grey", linewidth=0.8)
        axes.set_title(f"{name} ({len(seeds)} seeds)", fontsize=10)
        axes.set_xlabel("share of the fields that the network reads")
    for axes in panels[len(sets):]:
        axes.set_axis_off()
    for axes in panels[:len(sets):columns]:
        axes.set_ylabel("mean test AUC, all fields = 0")
    if lines:
        panels[-1].legend(lines.values(), lines, fontsize=7, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})

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
"""Figures 2 and 3 of a grid of runs, as PNG and SVG. No MindSpore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..evaluation import standard_error
from .paper.printed import BACKBONES
from .paper_tables import by_fields, metrics_of
from .tables import Record, group

# Okabe and Ito's colours, which the colour-blind can tell apart; markers differ too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = {"aitm": "red", "ple": "blue"}  # the paper's colours in Figure 3
MARKERS = "os^Dv<>"


def draw_ablation(records: Sequence[Record], label: Callable[[str], str], path: Path) -> None:
    """Figure 2: bars of AUC and log loss of every task, a row of panels for every data set and backbone.

    Args:
        records: runs.
        label: how to name a method.
        path: of the picture, without ending.
    """
    rows = group(records, "dataset", "backbone")
    columns = max(len(metrics_of(mine)) for mine in rows.values())
    figure, panels = _panels(len(rows), columns, 2.6, 2.6)
    for line, ((name, backbone), mine) in zip(panels, rows.items()):
        for axes, metric in zip(line, metrics_of(mine)):
            methods = group(mine, "method")
            values = [list(metric.values(runs).values()) for runs in methods.values()]
            means, errors = [np.mean(v) for v in values], [standard_error(v) for v in values]
            axes.bar(range(len(means)), means, yerr=errors, capsize=3, color=COLOURS[:len(means)],
                     label=[label(method) for (method,) in methods])
            axes.set_ylim(_limits(means, errors))
            axes.set_xticks([])
            axes.set_title(f"{name}, {BACKBONES.get(backbone, backbone)}: {metric.name}", fontsize=8)
            axes.tick_params(labelsize=7)
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower center", ncols=2, frameon=False, fontsize=8)
    _save(figure, path, bottom=0.5 / len(rows) / 2.6)


def draw_ratios(records: Sequence[Record], label: Callable[[str], str], path: Path) -> None:
    """Figure 3: mean test AUC against K, a panel for every data set and tasks, a line for every backbone.

    All fields are the end of every line, at K = N; bars are standard errors.
    """
    places = group(records, "dataset")
    figure, panels = _panels(1, len(places), 4.6, 3.4)
    for axes, ((name,), mine) in zip(panels[0], places.items()):
        for place, ((backbone,), line) in enumerate(group(mine, "backbone").items()):
            points = {k: [run["mean_auc"] for run in runs if run["mean_auc"] is not None]
                      for k, runs in sorted(by_fields(line).items())}
            axes.errorbar(list(points), [np.mean(values) for values in points.values()],
                          yerr=[standard_error(values) for values in points.values()], capsize=2,
                          color=LINES.get(backbone, COLOURS[place % len(COLOURS)]),
                          marker=MARKERS[place % len(MARKERS)], label=BACKBONES.get(backbone, backbone))
        axes.set_xlabel("K")
        axes.set_ylabel("mean AUC on test")
        axes.set_title(name, fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def _panels(rows: int, columns: int, width: float, height: float):
    """A figure with a grid of panels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows))
    return figure, figure.subplots(rows, columns, squeeze=False)


def _limits(means: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """An axis that shows the differences between bars."""
    low, high = min(np.subtract(means, errors)), max(np.add(means, errors))
    margin = max(high - low, 1e-3) / 2
    return low - margin, high + margin / 2


def _save(figure, path: Path, bottom: float = 0.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout(rect=(0, bottom, 1, 1))
    figure.savefig(path.with_suffix(".png"), dpi=160, metadata={"Software": None})
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})

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
"""Pictures of a grid of runs, as PNG and SVG. No MindSpore."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation import standard_error
from .tables import REFERENCE

Record = Mapping[str, Any]
# Okabe and Ito's colours, which the colour-blind can tell apart; markers differ too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "os^Dv<>"


def draw_ablation(records: Sequence[Record], label: Callable[[str], str], path: Path) -> None:
    """Figure 2: mean test AUC of every method, with a bar of one standard error and a dot per seed.

    Args:
        records: runs of one or several data sets, a panel each.
        label: how to name a method.
        path: of the picture, without ending.
    """
    sets = list(dict.fromkeys(record["dataset"] for record in records))
    figure, panels = _panels(len(sets), 3.4)
    for axes, name in zip(panels, sets):
        methods = list(dict.fromkeys(record["method"] for record in records if record["dataset"] == name))
        for place, method in enumerate(methods):
            values = _values(records, dataset=name, method=method)
            axes.errorbar(np.mean(values), -place, xerr=standard_error(values), capsize=3,
                          fmt=MARKERS[place % len(MARKERS)], color=COLOURS[place % len(COLOURS)])
            axes.scatter(values, [-place + 0.22] * len(values), s=7, color="#777777")
        axes.set_yticks([-place for place in range(len(methods))], [label(method) for method in methods])
        axes.set_xlabel("mean AUC on test")
        axes.set_title(name, fontsize=10)
        axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def draw_ratios(records: Sequence[Record], label: Callable[[str], str], path: Path) -> None:
    """Figure 3: mean test AUC against the share of the fields kept, a panel per data set, a band of one standard error.

    All fields are the end of every line, at K = N.
    """
    sets = list(dict.fromkeys(record["dataset"] for record in records))
    figure, panels = _panels(len(sets), 3.4)
    for axes, name in zip(panels, sets):
        everything = _values(records, dataset=name, method=REFERENCE)
        methods = [method for method in dict.fromkeys(record["method"] for record in records if
                   record["dataset"] == name) if method != REFERENCE]
        for place, method in enumerate(methods):
            shares = sorted({record["keep"] for record in records
                             if record["dataset"] == name and record["method"] == method}, key=float)
            columns = [_values(records, dataset=name, method=method, keep=share) for share in shares]
            points = [float(share) for share in shares]
            if everything:
                columns.append(everything)
                points.append(1.0)
            means, errors = np.array([np.mean(c) for c in columns]), np.array([standard_error(c) for c in columns])
            colour = COLOURS[place % len(COLOURS)]
            axes.plot(points, means, color=colour, marker=MARKERS[place % len(MARKERS)], label=label(method))
            axes.fill_between(points, means - errors, means + errors, color=colour, alpha=0.15, linewidth=0)
        axes.set_xlabel("K / N")
        axes.set_ylabel("mean AUC on test")
        axes.set_title(name, fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def _panels(count: int, height: float):
    """A figure with panels side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * count, height))
    return figure, figure.subplots(1, count, squeeze=False)[0]


def _save(figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path.with_suffix(".png"), dpi=160, metadata={"Software": None})
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})


def _values(records: Sequence[Record], **wanted: str) -> list[float]:
    return [record["mean_auc"] for record in records if record["mean_auc"] is not None
            and all(record[key] == value for key, value in wanted.items())]

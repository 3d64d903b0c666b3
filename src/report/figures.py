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
"""The pictures of a run, each drawn once: as SVG inside the page, and together as PNG in plots/."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup

from ..text import visible
from .facts import Facts
from .page import Picture

# The page changes these colours where it is dark: templates/style.css names them too.
TEXT, SOFT, LINE = "#1b1f24", "#57606a", "#d0d7de"
TASKS = ("#0072b2", "#b34700", "#007a57", "#a3427a", "#6b6200")
MARKS, DASHES = "osD^X", ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))  # lines differ by more than colour
LOOK = {"font.size": 8.5, "axes.titlesize": 9, "legend.fontsize": 8, "text.color": TEXT, "axes.labelcolor": TEXT,
        "xtick.color": TEXT, "ytick.color": TEXT, "axes.edgecolor": SOFT, "grid.color": LINE, "axes.grid": True,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "lines.markersize": 4,
        # Text stays text; one run gives one file; names are the user's, with no mathematics between dollars.
        "svg.fonttype": "none", "svg.hashsalt": "multisfs", "text.parse_math": False}
SVG = "http://www.w3.org/2000/svg"


class Drawing(NamedTuple):
    """What goes into one pair of axes: a caption, a function that fills them, and their height in inches."""

    caption: str
    draw: Callable
    height: float = 2.6


def selection_drawings(facts: Facts) -> list[Drawing]:
    """Ranked scores of every task that has scores."""
    selection = facts.selection
    return [Drawing(f"Scores for task {task}: {len(selection.selected[task])} of {len(scores)} fields",
                    ranked_bars(scores, selection.selected[task], selection.settings.get("chance")),
                    0.19 * len(scores) + 0.6)
            for task, scores in (selection.scores or {}).items() if scores]


def curve_drawings(facts: Facts) -> list[Drawing]:
    """Training loss, validation AUC and log loss over the epochs; a value that is None is a gap."""
    history, best, tasks = facts.history, facts.metrics["best_epoch"], facts.selection.tasks
    epochs = [record["epoch"] for record in history]
    lines = {"Training loss": {"all tasks": [record["train_loss"] for record in history]}}
    for key, name in (("auc", "AUC"), ("logloss", "log loss")):
        lines[f"Validation {name}"] = {task: [record["valid"][task][key] for record in history] for task in tasks}
    return [Drawing(caption, learning_curves(epochs, values, best)) for caption, values in lines.items() if history]


def pictures(drawings: Sequence[Drawing]) -> list[Picture]:
    """Each drawing on its own, for the page."""
    found = []
    for drawing in drawings:
        with _figure([drawing], titles=False) as figure:
            text = io.StringIO()
            figure.savefig(text, format="svg", transparent=True,
                           metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
        found.append(Picture(drawing.caption, _inline(text.getvalue(), drawing.caption)))
    return found


def write_plots(facts: Facts, folder: Path) -> None:
    """Writes the drawings together: selection.png, where there are scores, and curves.png."""
    folder.mkdir(exist_ok=True)
    for name, drawings in (("selection", selection_drawings(facts)), ("curves", curve_drawings(facts))):
        if drawings:
            with _figure(drawings) as figure:
                figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})


@contextlib.contextmanager
def _figure(drawings: Sequence[Drawing], titles: bool = True) -> Iterator:
    import matplotlib  # takes longer to import than the rest of the report to write
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **LOOK}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a font may lack a letter; a file of old style settings is no matter here
        figure = Figure((4.2 * len(drawings), max(drawing.height for drawing in drawings)), layout="constrained")
        for axes, drawing in zip(figure.subplots(1, len(drawings), squeeze=False)[0], drawings):
            drawing.draw(axes)
            if titles:
                axes.set_title(visible(drawing.caption), pad=16)
        yield figure


def _inline(text: str, label: str) -> Markup:
    """SVG of matplotlib as part of a page: named for screen readers, ids unlike those of other pictures."""
    for name, address in (("", SVG), ("xlink", "http://www.w3.org/1999/xlink")):
        ElementTree.register_namespace(name, address)
    root = ElementTree.fromstring(text)
    prefix = label.encode("utf-8").hex()
    for element in root.iter():
        for child in element.findall(f"{{{SVG}}}style"):  # it would hold for the whole page
            element.remove(child)
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{prefix}-{value}")
            elif key.endswith(("href", "clip-path")):
                element.set(key, value.replace("#", f"#{prefix}-"))
    del root.attrib["width"], root.attrib["height"]
    root.attrib.update({"role": "img", "aria-label": visible(label)})
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def log_threshold(scores: Sequence[float], chance: float | None) -> float | None:
    """Score up to which the scale is linear and past which it is logarithmic; None where all of it can be linear.

    It is the chance level, or else the median magnitude, and is taken where the largest score is over 20 times that.
    """
    sizes = np.abs(scores)
    unit = chance if chance and chance > 0 else float(np.median(sizes))
    return unit if 0 < 20 * unit < sizes.max() else None


def ranked_bars(scores: Mapping[str, float], kept: Sequence[str], chance: float | None) -> Callable:
    """One bar a field, best first: filled and ticked where the task keeps it, hollow where not; a line at chance."""
    names = sorted(scores, key=lambda name: -scores[name])
    values, keeps = [scores[name] for name in names], set(kept)

    def draw(axes) -> None:
        bars = axes.barh(range(len(names)), values, height=0.7, edgecolor=SOFT, linewidth=0.7,
                         color=[TASKS[0] if name in keeps else "none" for name in names])
        for place, bar in enumerate(bars):
            bar.set_gid(f"bar{place}")
        threshold = log_threshold([*values, *([] if chance is None else [chance])], chance)
        if threshold:
            axes.set_xscale("symlog", linthresh=threshold)
            axes.set_xlabel("logarithmic scale")
        axes.set_xticks([], minor=True)
        axes.set_xticks([])
        axes.set_yticks(range(len(names)), [f"{'✓ ' if name in keeps else ''}{_short(name)}" for name in names])
        numbers = axes.secondary_yaxis("right")  # in a column of their own, which the line at chance does not cross
        numbers.set_yticks(range(len(names)), [f"{value:.4g}" for value in values])
        for side in (axes, numbers):
            side.tick_params(length=0)
            side.spines[:].set_visible(False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.grid(False)
        if chance is not None:
            axes.axvline(chance, color=TEXT, linestyle="--", linewidth=0.8)
            axes.text(chance, 1.0, f"chance {chance:.4g}", transform=axes.get_xaxis_transform(), ha="center",
                      va="bottom")

    return draw


def learning_curves(epochs: Sequence[int], lines: Mapping[str, Sequence[float | None]], best: int | None) -> Callable:
    """One line a name over the epochs; ``best`` is the epoch whose weights the run has."""
    def draw(axes) -> None:
        for place, (name, values) in enumerate(lines.items()):
            values = [np.nan if value is None else value for value in values]
            axes.plot(epochs, values, **_style(place), label=f"task {_short(name)}")
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True, nbins=8)
        if len(epochs) == 1:
            axes.set_xticks(epochs)
        if best:
            axes.axvline(best, color=TEXT, linestyle="--", linewidth=0.8)
            axes.text(best, 1.0, f"best: epoch {best}", transform=axes.get_xaxis_transform(), va="bottom",
                      ha="right" if len(epochs) > 1 and best > np.mean(epochs) else "left")
        if len(lines) > 1:
            axes.legend()

    return draw


def _style(place: int) -> dict:
    return {"color": TASKS[place % 5], "marker": MARKS[place % 5], "linestyle": DASHES[place % 5], "linewidth": 1.5}


def _short(name: str, most: int = 20) -> str:
    name = visible(name)
    return name if len(name) <= most else name[:most - 1] + "…"

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
from sklearn.metrics import precision_recall_curve, roc_curve

from ..common.text import visible
from ..evaluation import calibration_groups, known_rows
from ..evaluation.details import calibration_places
from ..evaluation.intervals import NORMAL_95
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
MOST_BARS = 60  # the table has the other fields too
SVG = "http://www.w3.org/2000/svg"


class Drawing(NamedTuple):
    """What goes into one pair of axes: a caption, a function that fills them, and their height in inches."""

    caption: str
    draw: Callable
    height: float = 2.6


def selection_drawings(facts: Facts) -> list[Drawing]:
    """Ranked scores of every task that has scores."""
    selection = facts.selection
    drawings = []
    for task, scores in (selection.scores or {}).items():
        shown = min(len(scores), MOST_BARS)
        caption = (f"Scores for task {task}: {len(selection.selected[task])} of {len(scores)} fields"
                   f"{f', the best {shown}' if shown < len(scores) else ''}")
        bars = ranked_bars(scores, selection.selected[task], selection.settings.get("chance"))
        drawings += [Drawing(caption, bars, 0.19 * shown + 0.6)] if scores else []
    return drawings


def curve_drawings(facts: Facts) -> list[Drawing]:
    """Training loss, validation AUC and log loss over the epochs; a value that is None is a gap."""
    history, best, tasks = facts.history, facts.metrics["best_epoch"], facts.selection.tasks
    epochs = [record["epoch"] for record in history]
    lines = {"Training loss": {"all tasks": [record["train_loss"] for record in history]}}
    for key, name in (("auc", "AUC"), ("logloss", "log loss"), ("r2", "R²")):
        values = {task: [record["valid"][task][key] for record in history] for task in tasks
                  if history and key in history[0]["valid"][task]}
        lines.update({f"Validation {name}": values} if values else {})
    return [Drawing(caption, learning_curves(epochs, values, best)) for caption, values in lines.items() if history]


def quality_drawings(facts: Facts) -> list[Drawing]:
    """ROC, precision-recall and calibration curves of the test split; of a number, its calibration alone."""
    if "test" not in facts.predictions:
        return []
    found, columns, numbers = facts.predictions["test"], {}, []
    scales = found.scales or [None] * len(facts.selection.tasks)
    for task, scale, (logit, label, _) in zip(facts.selection.tasks, scales, known_rows(*found.arrays)):
        if scale is not None and len(label):
            numbers.append(Drawing(f"Predicted and true {visible(task)}",
                                   predicted_and_true(scale.own(logit), scale.own(label.astype(np.float64)))))
        elif scale is None and len(np.unique(label)) == 2:
            columns[task] = (logit, label)
    kinds = [("ROC curve", roc, "false positive rate", "true positive rate"),
             ("Precision and recall", precision_recall, "recall", "precision"),
             ("Calibration", calibration, "predicted probability", "share of positives")]
    return [*(Drawing(caption, curves_of_test(columns, points, x, y)) for caption, points, x, y in kinds if columns),
            *numbers]


def comparison_drawings(runs: Mapping[str, tuple]) -> list[Drawing]:
    """Of several runs: mean test AUC with its interval, and mean validation AUC over the epochs.

    Args:
        runs: by label, the mean AUC or None, half its interval or None, and the history.
    """
    epochs = max(len(history) for *_, history in runs.values())
    lines = {label: [record["mean_auc"] for record in history] + [None] * (epochs - len(history))
             for label, (*_, history) in runs.items()}
    return [Drawing("Mean test AUC and its 95 % interval", intervals_of_runs(runs), 0.25 * len(runs) + 0.6),
            Drawing("Mean validation AUC", learning_curves(range(1, epochs + 1), lines, None, ""), 3)]


def intervals_of_runs(runs: Mapping[str, tuple]) -> Callable:
    """One line a run."""
    def draw(axes) -> None:
        for place, (auc, error, _) in enumerate(runs.values()):
            if auc is not None:
                axes.errorbar(auc, place, xerr=error, color=TASKS[0], marker="o")
        axes.set_yticks(range(len(runs)), [_short(label, 30) for label in runs])
        axes.set_ylim(len(runs) - 0.5, -0.5)

    return draw


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
    """Writes curves.png, selection.png where there are scores, and quality.png where there are predictions."""
    folder.mkdir(exist_ok=True)
    for name, drawings in (("selection", selection_drawings(facts)), ("curves", curve_drawings(facts)),
                           ("quality", quality_drawings(facts))):
        if drawings:
            with _figure(drawings) as figure:
                figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})


@contextlib.contextmanager
def _figure(drawings: Sequence[Drawing], titles: bool = True) -> Iterator:
    import matplotlib  # takes longer to import than the rest of the report to write
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **LOOK}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a font may lack a letter; old keys in a user's style file do not matter here
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
    names = sorted(scores, key=lambda name: -scores[name])[:MOST_BARS]
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


def learning_curves(epochs: Sequence[int], lines: Mapping[str, Sequence[float | None]], best: int | None,
                    what: str = "task ") -> Callable:
    """One line a name over the epochs; ``best`` is the epoch whose weights the run has, ``what`` the names' kind."""
    def draw(axes) -> None:
        for place, (name, values) in enumerate(lines.items()):
            values = [np.nan if value is None else value for value in values]
            axes.plot(epochs, values, **_style(place), label=f"{what}{_short(name)}")
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


def curves_of_test(columns: Mapping[str, tuple], points: Callable, x: str, y: str) -> Callable:
    """One line a task through the points of its logits and labels."""
    def draw(axes) -> None:
        if points is not precision_recall:
            axes.plot((0, 1), (0, 1), color=SOFT, linestyle="--", linewidth=0.8)
        for place, (name, column) in enumerate(columns.items()):
            across, up, error = points(*column)
            style = {**_style(place), "marker": None if error is None else MARKS[place % 5]}
            axes.errorbar(across, up, error, **style, label=f"task {_short(name)}")
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.legend()

    return draw


def roc(logits: np.ndarray, labels: np.ndarray) -> tuple:
    """False and true positive rates, thinned to what a picture shows."""
    wrong, right, _ = roc_curve(labels, logits)
    return _thin(wrong), _thin(right), None


def precision_recall(logits: np.ndarray, labels: np.ndarray) -> tuple:
    """Recall and precision; the first rows, whose precision is a matter of luck, are left out."""
    precision, recall, _ = precision_recall_curve(labels, logits)
    known = recall >= 0.02
    return _thin(recall[known]), _thin(precision[known]), None


def calibration(logits: np.ndarray, labels: np.ndarray) -> tuple:
    """Mean prediction, share of positives and half its 95 % interval, of groups of rows by prediction."""
    predicted, share, rows = calibration_groups(logits, labels)
    return predicted, share, NORMAL_95 * np.sqrt(share * (1 - share) / rows)


def predicted_and_true(predicted: np.ndarray, labels: np.ndarray) -> Callable:
    """Mean label, and where half of the labels are, of ten groups of rows by predicted number."""
    groups = calibration_places(predicted)
    held = [(predicted[groups == group], labels[groups == group]) for group in np.unique(groups)]
    across, up = (np.array([pair[place].mean() for pair in held]) for place in (0, 1))
    error = [NORMAL_95 * label.std() / np.sqrt(len(label)) for _, label in held]
    quarters = np.array([np.quantile(label, (0.25, 0.75)) for _, label in held])

    def draw(axes) -> None:
        axes.plot((across.min(), across.max()), (across.min(), across.max()), color=SOFT, linestyle="--", linewidth=0.8)
        axes.fill_between(across, quarters[:, 0], quarters[:, 1], color=TASKS[0], alpha=0.15, linewidth=0,
                          label="half of the labels")
        axes.errorbar(across, up, error, **_style(0), label="mean label")
        axes.set_xlabel("mean prediction")
        axes.set_ylabel("label")
        axes.legend()

    return draw


def _thin(values: np.ndarray, most: int = 200) -> np.ndarray:
    return values[np.linspace(0, len(values) - 1, min(most, len(values))).astype(int)]


def _style(place: int) -> dict:
    return {"color": TASKS[place % 5], "marker": MARKS[place % 5], "linestyle": DASHES[place % 5], "linewidth": 1.5}


def _short(name: str, most: int = 20) -> str:
    name = visible(name)
    return name if len(name) <= most else name[:most - 1] + "…"

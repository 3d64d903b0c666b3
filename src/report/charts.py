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
"""Charts as inline SVG: ranked bars and learning curves. Plain text in, HTML out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .page import escape

WIDTH, LABELS, ROW, NUMBERS = 360, 130, 18, 64  # pixels: whole, names, one bar, space for the numbers
HEIGHT, LEFT, TOP, BOTTOM = 220, 44, 22, 30
MARKS = ("circle", "square", "diamond", "triangle", "cross")  # lines differ by mark and dashes, not by colour alone
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 4")


class Scale:
    """Score to a place in [0, 1]: linear, or logarithmic away from 0 where some scores dwarf the others.

    Args:
        scores: what it has to hold; 0 is always in it.
        unit: score at which the logarithm sets in: the chance level, or None for the median magnitude.
    """

    def __init__(self, scores: Sequence[float], unit: float | None):
        sizes = sorted(abs(score) for score in scores)
        self.unit = unit if unit and unit > 0 else sizes[len(sizes) // 2]
        self.logarithmic = 0 < 20 * self.unit < sizes[-1]
        self.low, self.high = self._bend(min(0.0, *scores)), self._bend(max(0.0, *scores))

    def _bend(self, score: float) -> float:
        return math.copysign(math.log1p(abs(score) / self.unit), score) if self.logarithmic else score

    def __call__(self, score: float) -> float:
        return (self._bend(score) - self.low) / (self.high - self.low) if self.high > self.low else 0.0


def ranked_bars(task: str, scores: Mapping[str, float], kept: Sequence[str], chance: float | None) -> str:
    """One bar a field, best first: filled and ticked where the task keeps it, hollow where not; a line at chance."""
    names = sorted(scores, key=lambda name: -scores[name])
    scale = Scale([*scores.values(), *([] if chance is None else [chance])], chance)
    room, height = WIDTH - LABELS - NUMBERS, ROW * len(names) + 22
    zero, keeps = LABELS + room * scale(0.0), set(kept)
    bars, texts, level = [], [], ""
    if chance is not None:
        x = LABELS + room * scale(chance)
        level = (f'<line class="chance" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 16}"/>'
                 f'<text x="{x:.1f}" y="{height - 4}" text-anchor="middle">chance {chance:.4g}</text>')
    for place, name in enumerate(names):
        end, top = LABELS + room * scale(scores[name]), 4 + ROW * place
        style, mark, state = ("kept", "✓ ", "kept") if name in keeps else ("dropped", "", "dropped")
        title = f"<title>{escape(name)}: {scores[name]:.6g}, {state}</title>"
        bars.append(f'<g>{title}<rect class="{style}" x="{min(zero, end):.1f}" y="{top}" '
                    f'width="{abs(end - zero):.1f}" height="{ROW - 5}"/></g>')
        texts.append(f'<g>{title}<text x="{LABELS - 6}" y="{top + 11}" text-anchor="end">{mark}'
                     f'{escape(_short(name))}</text>'
                     f'<text x="{max(zero, end) + 4:.1f}" y="{top + 11}">{scores[name]:.4g}</text></g>')
    caption = f"{task}: {len(keeps)} of {len(names)} fields{', logarithmic scale' if scale.logarithmic else ''}"
    return _figure(caption, f"Scores of the fields for task {task}, best first", height, [*bars, level, *texts])


def curves(caption: str, lines: Mapping[str, Sequence[float | None]], best: int | None, colours: bool = True) -> str:
    """Lines over epochs 1, 2, …; None is a gap. ``best`` is the epoch whose weights the run has."""
    known = [value for values in lines.values() for value in values if value is not None]
    if not known:
        return ""
    low, high, epochs = min(known), max(known), max(len(values) for values in lines.values())
    pad = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    low, high = low - pad, high + pad

    def at(epoch: int, value: float) -> tuple[float, float]:
        across = (epoch - 1) / (epochs - 1) if epochs > 1 else 0.5
        return (LEFT + 8 + (WIDTH - LEFT - 18) * across,
                TOP + (HEIGHT - BOTTOM - TOP) * (1 - (value - low) / (high - low)))

    parts = [_axis_y(low, high, at), _axis_x(epochs, at, low)]
    if best:
        x = at(best, low)[0]
        anchor = "end" if x > WIDTH / 2 else "start"
        parts.append(f'<line class="chance" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{HEIGHT - BOTTOM}"/>'
                     f'<text x="{x + (-4 if anchor == "end" else 4):.1f}" y="13" text-anchor="{anchor}">best: '
                     f"epoch {best}</text>")
    for place, (name, values) in enumerate(lines.items()):
        parts.append(_line(name, values, at, place if colours else 0))
    legend = "" if len(lines) < 2 else f'<ul class="legend">{"".join(map(_legend, range(len(lines)), lines))}</ul>'
    return _figure(caption, f"{caption} over {epochs} epochs", HEIGHT, parts, legend)


def _line(name: str, values: Sequence[float | None], at, place: int) -> str:
    points = [at(epoch, value) if value is not None else None for epoch, value in enumerate(values, 1)]
    steps, pen = [], "M"
    for point in points:
        if point is not None:
            steps.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L" if point is not None else "M"
    marks = "".join(f"<g><title>{escape(name)}, epoch {epoch}: {value:.6g}</title>{_mark(*point, place)}</g>"
                    for epoch, (point, value) in enumerate(zip(points, values), 1) if point is not None)
    return (f'<path d="{" ".join(steps)}" fill="none" stroke="var(--task{place % 5})" stroke-width="2" '
            f'stroke-dasharray="{DASHES[place % 5]}"/>{marks}')


def _legend(place: int, name: str) -> str:
    colour = f"var(--task{place % 5})"
    return (f'<li><svg viewBox="0 0 40 12" aria-hidden="true" class="key"><path d="M0 6H40" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{DASHES[place % 5]}"/>{_mark(20, 6, place)}</svg>{escape(name)}</li>')


def _mark(x: float, y: float, place: int) -> str:
    kind, colour = MARKS[place % 5], f"var(--task{place % 5})"
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
    if kind == "cross":
        return f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" stroke="{colour}" stroke-width="2"/>'
    shape = {"square": "m-3 -3h6v6h-6z", "diamond": "m0 -5l5 5l-5 5l-5 -5z", "triangle": "m0 -4l4 7h-8z"}[kind]
    return f'<path d="M{x:.1f} {y:.1f}{shape}" fill="{colour}"/>'


def _axis_y(low: float, high: float, at) -> str:
    ticks = [low + (high - low) * part for part in (0.08, 0.36, 0.64, 0.92)]
    form = ".3f" if high - low >= 0.01 else ".5f"
    return "".join(f'<line class="axis" x1="{LEFT}" x2="{WIDTH}" y1="{at(1, tick)[1]:.1f}" y2="{at(1, tick)[1]:.1f}"/>'
                   f'<text x="{LEFT - 4}" y="{at(1, tick)[1] + 4:.1f}" text-anchor="end">{tick:{form}}</text>'
                   for tick in ticks)


def _axis_x(epochs: int, at, low: float) -> str:
    step = max(1, math.ceil(epochs / 8))
    labels = "".join(f'<text x="{at(epoch, low)[0]:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{epoch}</text>'
                     for epoch in range(1, epochs + 1, step))
    return f'{labels}<text x="{WIDTH}" y="{HEIGHT - 2}" text-anchor="end">epoch</text>'


def _figure(caption: str, title: str, height: int, parts: Sequence[str], legend: str = "") -> str:
    return (f'<figure><figcaption>{escape(caption)}</figcaption>{legend}<div class="scroll" tabindex="0" role="region" '
            f'aria-label="{escape(caption)}"><svg viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(parts)}</svg></div></figure>\n')


def _short(name: str, most: int = 20) -> str:
    return name if len(name) <= most else name[:most - 1] + "…"

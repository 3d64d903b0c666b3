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
"""HTML of a self-contained page: escaping, sections, tables that sort, and the frame with its styles and script."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

# Forbids whatever is not in the file itself: the page needs no network.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --band: #f3f5f8;
  --kept: #0072b2; --task0: #0072b2; --task1: #b34700; --task2: #007a57; --task3: #a3427a; --task4: #6b6200; }
body { margin: 0 auto; max-width: 75rem; padding: 0 1rem 3rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.5rem 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
p { max-width: 46rem; margin: .5rem 0; }
.soft { color: var(--soft); }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
nav a { display: inline-block; padding: .25rem 0; }
a { color: var(--kept); }
code, pre { font: .85rem/1.45 ui-monospace, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--band); padding: .75rem; border-radius: 6px; }
.scroll { overflow: auto; max-height: 80vh; border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0;
  width: fit-content; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { text-align: left; padding: .4rem .6rem; color: var(--soft); }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
thead th { position: sticky; top: 0; background: var(--band); vertical-align: bottom; z-index: 1; padding: 0; }
tbody th { font-weight: 600; max-width: 14rem; position: sticky; left: 0; background: var(--back); }
th button { font: inherit; color: inherit; background: none; border: 0; padding: .4rem .6rem; width: 100%;
  min-height: 2.5rem; text-align: inherit; cursor: pointer; }
th button::after { content: "\\a0\\2195"; color: var(--soft); }
th[aria-sort=ascending] button::after { content: "\\a0\\2191"; }
th[aria-sort=descending] button::after { content: "\\a0\\2193"; }
:focus-visible { outline: 3px solid #d55e00; outline-offset: -3px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; margin: .5rem 0 .25rem; }
figure .scroll { width: auto; padding: .4rem; }
svg { display: block; width: 100%; max-width: 34rem; height: auto; font: 11px system-ui, sans-serif; }
svg text { fill: var(--text); stroke: var(--back); stroke-width: 3px; paint-order: stroke; }
svg .axis { stroke: var(--line); }
svg .chance { stroke: var(--text); stroke-dasharray: 4 3; }
svg .kept { fill: var(--kept); }
svg .dropped { fill: var(--back); stroke: var(--soft); }
.bold { font-weight: 700; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1rem; padding: 0; margin: 0; font-size: .85rem; }
.legend li { display: flex; align-items: center; gap: .4rem; }
svg.key { width: 40px; height: 12px; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14171c; --text: #e6e9ed; --soft: #a3acb7; --line: #3a424c; --band: #1f242b; --kept: #56b4e9;
    --task0: #56b4e9; --task1: #f0a35e; --task2: #35c79a; --task3: #e096c1; --task4: #e5d84a; }
}
@media (max-width: 40rem) {
  th, td { padding: .3rem .35rem; }
  th button { padding: .4rem .35rem; }
  tbody th { max-width: 10rem; }
}
@media print { .scroll { max-height: none; overflow: visible; } }
"""

# A click, or Enter on the focused heading, sorts; a second one turns the order round. Empty cells stay last.
SCRIPT = """
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), body = head.closest("table").tBodies[0];
    const column = [...head.parentNode.children].indexOf(head);
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const key = row => row.children[column].dataset.key ?? row.children[column].textContent;
    const order = (a, b) => head.classList.contains("n") ? a - b : a.localeCompare(b, undefined, {numeric: true});
    const rows = [...body.rows].map(row => [key(row), row]);
    rows.sort(([a], [b]) => a === "" || b === "" ? (a === "") - (b === "") : sign * order(a, b));
    for (const other of head.parentNode.children) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    body.append(...rows.map(([, row]) => row));
  });
}
"""


class Cell(NamedTuple):
    """A table cell.

    Attributes:
        text: what it shows, not yet escaped.
        key: the number it is sorted by, or None where there is none.
        heat: 0 to 9, how strong its background is; None for no background.
        bold: whether it stands out.
    """

    text: str
    key: float | None = None
    heat: int | None = None
    bold: bool = False


def escape(value: Any) -> str:
    """Text as HTML, safe inside elements and quoted attributes."""
    return html.escape(str(value), quote=True)


def number(value: float | None, form: str = ".4f", heat: int | None = None) -> Cell:
    """A cell with a number; None, which stands for "cannot be computed", is a dash."""
    return Cell("–", None, heat) if value is None else Cell(format(value, form), value, heat)


def count(value: int) -> Cell:
    """A cell with a whole number."""
    return Cell(f"{value:,}", value)


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def code(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in a container of its own that scrolls.

    The first cell of a row is its heading. Columns that have a Cell sort by its key, the others as text.
    """
    numeric = [any(isinstance(row[column], Cell) for row in rows) for column in range(len(header))]
    heads = "".join(_head(name, right) for name, right in zip(header, numeric))
    body = "".join("<tr>" + "".join(_cell(value, place, numeric[place]) for place, value in enumerate(row)) + "</tr>\n"
                   for row in rows)
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
            f"<caption>{escape(caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
            f"<tbody>\n{body}</tbody></table></div>")


def _head(name: str, right: bool) -> str:
    style = ' class="n"' if right else ""
    return f'<th scope="col"{style} aria-sort="none"><button type="button">{escape(name)}</button></th>'


def _cell(value: Any, place: int, right: bool) -> str:
    if not isinstance(value, Cell):
        return f'<th scope="row">{escape(value)}</th>' if place == 0 else f"<td>{escape(value)}</td>"
    style = " ".join(["n"] * right + [f"h{value.heat}"] * (value.heat is not None) + ["bold"] * value.bold)
    key = "" if value.key is None else repr(value.key)
    return f'<td class="{style}" data-key="{key}">{escape(value.text)}</td>'


def page(title: str, lead: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """The whole document.

    Args:
        title: heading and title, not yet escaped.
        lead: HTML below the heading.
        sections: (id, heading not yet escaped, HTML) in order.
    """
    links = "".join(f'<li><a href="#{name}">{escape(heading)}</a></li>' for name, heading, _ in sections)
    bodies = "\n".join(f'<section id="{name}" aria-labelledby="{name}-heading">\n<h2 id="{name}-heading">'
                       f"{escape(heading)}</h2>\n{body}\n</section>" for name, heading, body in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{_heat_styles()}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{lead}
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main>
{bodies}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _heat_styles() -> str:
    """Backgrounds h0 to h9: one hue from pale to strong, which reads without colour vision; text stays readable."""
    def rules(paper: tuple, ink: tuple, most: float, text: str) -> str:
        shades = [[round(p + (i - p) * most * step / 9) for p, i in zip(paper, ink)] for step in range(10)]
        return "".join(f".h{step} {{ background: rgb{tuple(shade)}; color: {text}; }}\n"
                       for step, shade in enumerate(shades))

    light = rules((255, 255, 255), (0, 114, 178), 0.55, "#111")
    return f"{light}@media (prefers-color-scheme: dark) {{\n{rules((20, 23, 28), (0, 114, 178), 0.9, '#fff')}}}\n"

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
"""Names that are the user's own, made safe to show: in a terminal, in Markdown, in a spreadsheet."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"  # invisible, but Persian, Indic scripts and emoji are spelt with them


def visible(text: str) -> str:
    r"""Spells out letters that act on the text around them, such as U+202E, which reverses its direction: ``\u202e``.

    These are control and format letters, line breaks and halves of surrogate pairs.
    """
    return "".join(f"\\u{ord(letter):04x}" if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")
                   and letter not in JOINERS else letter for letter in text)


def markdown_cell(text: str) -> str:
    """The text as a cell of a Markdown table: it can be neither two cells nor HTML."""
    return visible(text).replace("|", "\\|").replace("<", "&lt;")


def csv_cell(text: str) -> str:
    """The text as a cell of a CSV file; what a spreadsheet would run as a formula gets an apostrophe in front."""
    shown = visible(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) and not _is_number(shown) else shown


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

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
"""Writes AliCCP's four raw files in their real layout, with random content.

    python tests/makers/aliccp.py --folder /tmp/aliccp --rows 5000000
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

# Field -> number of features; the real counts, so that vocabularies have their real sizes.
COMMON = {"101": 238_635, "121": 98, "122": 14, "124": 3, "125": 8, "126": 4, "127": 4, "128": 3, "129": 5}
COMMON_MULTI = {"109_14": 5_853, "110_14": 105_622, "127_14": 53_843, "150_14": 31_858}
ROW = {"205": 467_298, "206": 6_929, "207": 263_942, "216": 106_399, "508": 5_888, "509": 104_830, "702": 51_878,
       "853": 37_148, "301": 3}
ROW_MULTI = {"210": 80_232}
_CHUNK = 200_000


def _items(field: str, size: int, rows: int, draw: np.random.Generator) -> pl.Series:
    feature = (size * draw.random(rows) ** 3).astype(np.int64) + 1_000_000
    value = draw.integers(1, 5, rows)
    frame = pl.DataFrame({"feature": feature, "value": value})
    return frame.select(pl.format(f"{field}\x02{{}}\x03{{}}.0", "feature", "value").alias(field)).to_series()


def _lists(single: dict, multi: dict, rows: int, draw: np.random.Generator) -> pl.Series:
    columns = [_items(field, size, rows, draw) for field, size in single.items()]
    for field, size in multi.items():
        columns += [_items(field, size, rows, draw).alias(f"{field}-{copy}") for copy in range(3)]
    return pl.DataFrame(columns).select(pl.concat_str(pl.all(), separator="\x01").alias("list")).to_series()


def write_aliccp(folder: Path, rows: int, seed: int = 0, test_share: float = 0.2) -> None:
    """Writes the files: ``rows`` impressions in all, about 60 for every common feature index."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (split, count) in enumerate((("train", rows - int(rows * test_share)),
                                             ("test", int(rows * test_share)))):
        draw = np.random.default_rng([seed, number])
        visits = max(count // 60, 2)
        with open(folder / f"common_features_{split}.csv", "wb") as file:
            for start in range(0, visits, _CHUNK):
                size = min(_CHUNK, visits - start)
                keys = pl.Series("key", [f"{place:016x}" for place in range(start, start + size)])
                pl.DataFrame([keys, pl.Series("n", np.full(size, 21)), _lists(COMMON, COMMON_MULTI, size, draw)]
                             ).write_csv(file, include_header=False)
        with open(folder / f"sample_skeleton_{split}.csv", "wb") as file:
            for start in range(0, count, _CHUNK):
                size = min(_CHUNK, count - start)
                click = (draw.random(size) < 0.04).astype(np.int8)
                bought = ((draw.random(size) < 0.01) & ((click == 1) | (draw.random(size) < 0.01))).astype(np.int8)
                keys = pl.Series("key", [f"{place:016x}" for place in draw.integers(0, visits, size)])
                pl.DataFrame([pl.Series("id", np.arange(start, start + size)), pl.Series("click", click),
                              pl.Series("buy", bought), keys, pl.Series("n", np.full(size, 12)),
                              _lists(ROW, ROW_MULTI, size, draw)]).write_csv(file, include_header=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write_aliccp(options.folder, options.rows, options.seed)

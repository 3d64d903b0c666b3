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
"""Prepares a data set: raw files -> encoded shards that train.py reads.

    python preprocess.py --dataset movielens
    python preprocess.py --dataset kuairand --raw_dir KuaiRand-Pure.tar.gz --data_dir data/kuairand
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any

from src.command_line import Parser, names
from src.data.preparing.prepare import SOURCES, prepare
from src.data.simulation.laws import LAWS
from src.errors import UserError, nearest, run_program


def build_parser() -> argparse.ArgumentParser:
    """Returns the command line of this program."""
    parser = Parser(prog="preprocess.py", description=__doc__.splitlines()[0], allow_abbrev=False)
    add = parser.add_argument
    add("--dataset", default="movielens", help=f"one of {', '.join(SOURCES)} (default: movielens)")
    add("--raw_dir", help="folder or file with the raw data; movielens and adult can be fetched without it")
    add("--data_dir", help="where to put the prepared set (default: data/<dataset> below the project)")
    add("--preset", help="YAML file whose data: mapping holds the options (default: configs/<dataset>.yaml)")
    add("--overwrite", action="store_true", help="replace a prepared set, also one made with other settings")
    add("--split", dest="by", help="random, time, column or given; the column is split.column of the preset")
    add("--seed", type=int, help="seed of the split")
    add("--fields", type=names, help="fields to prepare, as a,b,c (default: all of the preset)")
    add("--tasks", type=names, help="tasks to prepare, as a,b (default: all of the preset)")
    add("--table", help="table: YAML file that describes the columns")
    add("--logs", help="kuairand, simulate: standard, random or all")
    add("--layout", help="official: kuairand, aliccp or qb")
    add("--task_t", type=int, help="official: the authors' choice of labels, 0 to 4")
    add("--rows", type=int, help="simulate: number of standard impressions")
    add("--law", help=f"simulate: {', '.join(LAWS)}")
    add("--entities", help="simulate: unique, real or auto")
    add("--min_count", type=int, help="values seen less often on train become id 0")
    add("--buckets", type=int, help="quantile buckets of a number")
    return parser


def main(arguments: list[str]) -> None:
    """Runs the program.

    Raises:
        UserError: the command line or the raw data is wrong.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    parser = build_parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = [name for action in parser._actions for name in action.option_strings]
        raise UserError(f"argument {unknown[0]} is unknown{nearest(unknown[0], known)}; see python preprocess.py "
                        "--help")
    values = vars(options)
    fixed = {key: values.pop(key) for key in ("dataset", "raw_dir", "data_dir", "preset", "overwrite")}
    prepare(overrides=_given(values), **fixed)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


if __name__ == "__main__":
    run_program(main)

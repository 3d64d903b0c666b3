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

import sys

from ..command_line import parse, start_logging
from ..common.option import Option
from ..pooling import POOLS

OPTIONS = (
    Option("dataset", "movielens", "movielens, adult, flights, caravan, yeast, kuairand, tenrec, aliccp, aliexpress, "
           "official, table or simulate"),
    Option("raw_dir", None, "folder or file with the raw data; the first five can be fetched without it", "path"),
    Option("data_dir", None, "where to put the prepared set (default: data/<dataset>, where train.py looks)", "path"),
    Option("preset", None, "YAML file whose data: mapping holds the options (default: configs/<dataset>.yaml)", "path"),
    Option("overwrite", False, "replace a prepared set, also one made with other settings", "flag"),
)
OVERRIDES = (  # of the preset's data: mapping
    Option("split", help="random, time, column, given or file; the column is split.column of the preset"),
    Option("seed", help="seed of the split", kind="whole"),
    Option("fields", help="fields to prepare, as a,b,c (default: all of the preset)", kind="names"),
    Option("tasks", help="tasks to prepare, as a,b (default: all of the preset)", kind="names"),
    Option("keep_leaks", help="fields to keep although each tells a label exactly on train, as a,b", kind="names"),
    Option("group", help="column, such as user_id, within whose values GAUC is measured"),
    Option("table", help="table: YAML file that describes the columns", kind="path"),
    Option("logs", help="kuairand, simulate: standard, random or all"),
    Option("layout", help="official: kuairand, aliccp or qb"),
    Option("task_t", help="official: the authors' choice of labels, 0 to 4", kind="whole"),
    Option("rows", help="simulate: number of standard impressions", kind="whole"),
    Option("law", help="simulate: mix, additive, pairwise, copies, noise, opposed, three_tasks, seven_tasks, rare, "
           "rare_agreeing, correlated, all or none"),
    Option("entities", help="simulate: unique, real or auto"),
    Option("min_count", help="values seen less often on train become id 0", kind="whole"),
    Option("buckets", help="quantile buckets of a number", kind="whole"),
    Option("pool", help="mean or sum of the vectors of all values of a list, in place of its first value",
           choices=POOLS),
)
OTHER_NAMES = {"dataset_name": "dataset", "dataset_path": "raw_dir", "data_url": "raw_dir", "country": "raw_dir"}


def main(arguments: list[str]) -> None:
    """Runs the program.

    Raises:
        UserError: the command line or the raw data is wrong.
    """
    given = vars(parse(arguments, __doc__, (*OPTIONS, *OVERRIDES), other_names=OTHER_NAMES))
    from ..data import prepare

    start_logging(sys.stdout)
    overrides = {"by" if option.name == "split" else option.name: given[option.name]
                 for option in OVERRIDES if given[option.name] is not None}
    prepare(overrides=overrides, **{option.name: given[option.name] for option in OPTIONS})

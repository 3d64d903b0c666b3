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
"""Trains a reference model on a prepared data set, for figures that owe nothing to this project's own networks.

    python -m pytorch_reference.train --dataset movielens --backbone mmoe --seed 1
    python -m pytorch_reference.train --dataset movielens --selection outputs/RUN/selection.json

Early stopping watches the mean AUC of the valid split; the test split is read once, at the end. The optimizer is
PyTorch's Adam as MTReclib uses it. The last lines are MTReclib's result lines.
"""

from __future__ import annotations

from src.command_line import parse
from src.common.errors import run_program
from src.settings import load_settings


def main(arguments: list) -> None:
    """Trains the model that the settings describe."""
    given = parse(arguments, __doc__, settings=True)
    from pytorch_reference.training import train
    train(load_settings(given.settings))


if __name__ == "__main__":
    run_program(main)

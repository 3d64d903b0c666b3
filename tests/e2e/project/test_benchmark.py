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
"""python -m benchmarks as a user runs it: small suites end to end, and its messages about wrong options."""

import json

import pytest

from benchmarks.rivals import FORMS
from src.training import fast_instructions
from tests.commands import refused, run

SMALL = ["--embedding_dim", "8", "--bottom_dims", "16", "--tower_dims", "8", "--experts", "2", "--batch_size", "64"]


@pytest.mark.e2e
@pytest.mark.slow
def test_the_train_suite_compares_with_pytorch(tmp_path):
    pytest.importorskip("torch")
    done = run("-m benchmarks", "train", "--backbone", "mmoe", "--shape", "kuairand", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "benchmark.json").read_text())["train"]
    seconds = found["kuairand mmoe"]
    candidates = {title for form, title in FORMS.items() if "bf16" not in form or fast_instructions()}
    assert set(seconds["train"]) == candidates and set(seconds["evaluate"]) == candidates - {FORMS["compiled"]}
    assert found["peak_flops"] > 0 and "GFLOP/s here" in done.stdout
    assert all(title in done.stdout for title in candidates)


@pytest.mark.parametrize("arguments, words", [
    (["inputs"], ["suite is 'inputs'; expected one of all, train, ", "did you mean input"]),
    (["train", "--shape", "round"], ["shape is 'round' on the command line; expected one of kuairand, movielens"]),
    (["input", "--rows", "many"], ["rows is 'many' on the command line; expected a whole number at least 1"]),
    (["selection", "--sets", "moon"], ["sets is 'moon'; expected some of simulate"]),
    (["selection", "--lawz", "mix"], ["unknown key 'lawz' on the command line; did you mean laws"]),
])
def test_wrong_options_are_one_line(arguments, words):
    refused("benchmarks.__main__", arguments, *words)

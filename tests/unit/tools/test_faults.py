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
"""The fault campaign's own judgement: what it does to files, and what counts as survived."""

import random

import numpy as np
import pytest

from src.common.files import check_seal, write_json, write_sealed
from tools.faults import mixups
from tools.faults.corruptions import KINDS, OF_TABLES, _changed, judge
from tools.faults.kills import counts
from tools.faults.lab import Ended, Lab
from tools.faults.mixups import MIXUPS, RUN, SET

ONE_LINE = "working\nerror: a.json is damaged; make it again\n"


@pytest.mark.parametrize("kind", sorted({*KINDS, *OF_TABLES} - {"remove", "folder", "other"}))
def test_damage_changes_the_content(kind):
    content = b"a,b,c\n" + b"1,2,3\n" * 200
    for seed in range(50):
        assert _changed(content, kind, random.Random(seed))[0] != content


@pytest.mark.parametrize("code, errors, result, outcome", [
    (2, ONE_LINE, None, "clear"), (0, "a warning", "as ever", "recovered"), (0, "", "other", "silent"),
    (1, "Traceback (most recent call last):\nKeyError: 'test'", None, "traceback"),
    (2, f"Traceback (most recent call last):\n{ONE_LINE}", None, "traceback"),
    (2, ONE_LINE * 2, None, "traceback"), (2, "", None, "traceback"), (-9, "", None, "hang"),
    (0, "Traceback (most recent call last):", "as ever", "traceback"),
])
def test_outcomes(code, errors, result, outcome):
    assert judge(Ended(code, "", errors, 0.1), result, "as ever", "cut a.json")[0] == outcome


@pytest.mark.parametrize("kills", [0, 1, 7, 200])
def test_every_kill_has_a_stage(kills):
    assert sum(counts(kills).values()) == kills and min(counts(kills).values()) >= 0


def test_every_mixup_changes_a_file_and_keeps_its_checksum(tmp_path):
    """Otherwise the command would be right to accept it, or would notice the checksum alone."""
    lab = small_lab(tmp_path)
    for mixup in MIXUPS:
        for seed in range(10):
            lab.fresh(RUN, "runs/whole")
            lab.fresh(SET, "set")
            before = {**Lab.tree(lab.folder / RUN), **Lab.tree(lab.folder / SET)}
            if mixup.mix is mixups._nothing:
                continue  # the command names another set
            mixup.mix(lab, random.Random(seed))
            after = {**Lab.tree(lab.folder / RUN), **Lab.tree(lab.folder / SET)}
            assert after != before, mixup
            for folder in (RUN, SET):
                for seal in (lab.folder / folder).glob("*.sha256"):
                    check_seal(seal.with_suffix(""))


def small_lab(folder):
    """Files of the lab's form and names, of runs that nobody made."""
    lab = Lab.__new__(Lab)
    lab.folder = folder
    for number, name in enumerate(("set", "other-set")):
        array = np.full((4, 2), number, np.int32)
        (folder / name).mkdir()
        for kind in ("ids", "labels"):
            np.save(folder / name / f"train-{kind}.npy", array)
        shard = {"ids": "train-ids.npy", "labels": "train-labels.npy", "ids_sha256": "", "labels_sha256": ""}
        write_json(folder / name / "schema.json", {
            "fields": [{"name": field, "cardinality": 9, "vocabulary": "vocab/a.json"} for field in "ab"],
            "shards": dict.fromkeys(("train", "valid", "test"), [shard])}, sealed=True)
    for number, name in enumerate(("whole", "other-run", "other-rate", "other-data")):
        run = folder / "runs" / name
        run.mkdir(parents=True)
        (run / "config.yaml").write_text("data_dir: set\n")
        for file in ("best.ckpt", "last.ckpt", "metrics.json"):
            write_sealed(run / file, str(number))
        write_json(run / "selection.json", {"fields": ["a", "b"], "tasks": ["x", "y"], "shared": ["a", "b"],
                                            "selected": {"x": ["a", "b"], "y": ["a", "b"]}, "n": number}, sealed=True)
    return lab

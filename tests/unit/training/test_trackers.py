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
"""Trackers: real files of TensorBoard and MLflow; modules in place of the others, which note what they are told."""

from __future__ import annotations

import importlib.machinery
import json
import struct
import sys
import types
import warnings

import pytest

from src.common.errors import Interrupted, UserError
from src.settings import load_settings
from src.training import Tracking, tracking
from src.training.trackers import TRACKERS
from tests.unit.training.test_trainer import make_trainer

VALID = {"click": {"auc": 0.7, "logloss": None}, "like": {"auc": float("nan"), "logloss": 0.5}}
EPOCH = {"train/loss": 0.25, "valid/click/auc": 0.7, "valid/like/logloss": 0.5}
TEST = {"click": {"auc": 0.6}}


def scalars(path):
    """Every scalar of an event file by name: records of a length, its checksum, an Event, and its checksum."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    content, found = path.read_bytes(), {}
    while content:
        length, = struct.unpack("<Q", content[:8])
        event = event_pb2.Event.FromString(content[12:12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, {})[event.step] = value.simple_value
        content = content[12 + length + 4:]
    return found


class Noting(types.ModuleType):
    """A library of the kind of wandb and swanlab, which notes what it is told."""

    def __init__(self, name):
        super().__init__(name)
        self.__spec__ = importlib.machinery.ModuleSpec(name, None)
        self.started, self.logged, self.ended, self.id, self.fails = [], [], [], "x7", False

    def init(self, **options):
        self.started.append(options)
        return self

    def log(self, values, **options):
        if self.fails:
            raise ConnectionError("no route\nto host")
        self.logged.append((values, options))

    def finish(self, **options):
        self.ended.append(options)


@pytest.fixture
def library(monkeypatch):
    def install(name):
        module = Noting(name)
        monkeypatch.setitem(sys.modules, name, module)
        return module
    return install


def follow(kinds, folder):
    with tracking(kinds, "mine", {"seed": 1, "tower_dims": [8]}, folder) as trackers:
        trackers.epoch(1, 0.25, VALID)
        trackers.test(1, TEST)


def test_what_trackers_are_asked_for():
    def kinds(*arguments):
        return load_settings(["dataset=toy", *arguments]).trackers

    assert kinds() == [] and kinds("summary=true") == ["tensorboard"] == kinds("tracker=TensorBoard", "summary=true")
    assert kinds("tracker=mlflow", "summary=true") == ["tensorboard", "mlflow"]
    with pytest.raises(UserError, match="tracker is 'mlfow'.*did you mean mlflow"):
        kinds("tracker=mlfow")


def test_curves_of_tensorboard_are_those_of_the_history(tmp_path):
    pytest.importorskip("tensorboardX")
    trainer = make_trainer(tmp_path, None)
    with tracking(["tensorboard"], "mine", {}, tmp_path) as trainer.trackers:
        trainer.fit()
    path, = (tmp_path / "summary").iterdir()
    found = scalars(path)
    assert set(found) == {"train/loss", "valid/t0/auc", "valid/t0/logloss", "valid/t1/auc", "valid/t1/logloss"}
    assert found["train/loss"] == pytest.approx({r["epoch"]: r["train_loss"] for r in trainer.history})
    assert found["valid/t1/auc"] == pytest.approx({r["epoch"]: r["valid"]["t1"]["auc"] for r in trainer.history})


def test_mlflow_has_settings_curves_and_test_metrics_and_goes_on_with_its_run(tmp_path, monkeypatch):
    with warnings.catch_warnings():  # of a library of others
        warnings.simplefilter("ignore")
        mlflow = pytest.importorskip("mlflow")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path}/runs")
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        follow(["mlflow"], tmp_path)
        with pytest.raises(Interrupted), tracking(["mlflow"], "mine", {}, tmp_path) as trackers:
            trackers.epoch(2, 0.125, {"50% \u2265 4": {"auc": 0.9}})
            raise Interrupted(15)
        client = mlflow.MlflowClient()
        found, = client.search_runs([client.get_experiment_by_name("multisfs").experiment_id])
        curve = {point.step: point.value for point in client.get_metric_history(found.info.run_id, "train/loss")}
    assert found.info.run_name == "mine" and found.info.status == "KILLED"
    assert found.data.params == {"seed": "1", "tower_dims": "[8]"} and curve == {1: 0.25, 2: 0.125}
    assert found.data.metrics == {**EPOCH, "train/loss": 0.125, "test/click/auc": 0.6, "valid/50_ _ 4/auc": 0.9}


def test_wandb_and_swanlab_are_told_the_same(tmp_path, library):
    wandb, swanlab = library("wandb"), library("swanlab")
    follow(["wandb", "swanlab"], tmp_path)
    assert wandb.logged == [({**EPOCH, "epoch": 1}, {}), ({"test/click/auc": 0.6, "epoch": 1}, {})]
    assert swanlab.logged == [(EPOCH, {"step": 1}), ({"test/click/auc": 0.6}, {"step": 1})]
    assert wandb.ended == [{"exit_code": 0}] and swanlab.ended == [{}]
    assert wandb.started[0]["config"] == swanlab.started[0]["config"] == {"seed": 1, "tower_dims": [8]}
    assert (wandb.started[0]["name"], wandb.started[0]["id"]) == ("mine", None)
    follow(["wandb"], tmp_path)
    assert (wandb.started[1]["id"], wandb.started[1]["resume"]) == ("x7", "allow")
    assert json.loads((tmp_path / "wandb.json").read_text()) == {"run": "x7"}


def test_a_tracker_that_fails_later_is_left_and_the_others_go_on(tmp_path, library, caplog):
    wandb, swanlab = library("wandb"), library("swanlab")
    wandb.fails = True
    follow(["wandb", "swanlab"], tmp_path)
    assert "tracker wandb failed (ConnectionError: no route to host); the run goes on without it" in caplog.text
    assert len(swanlab.logged) == 2 and caplog.text.count("failed") == 1


def test_a_tracker_that_does_not_start_is_one_line_and_ends_the_others(tmp_path, library, monkeypatch):
    wandb, swanlab = library("wandb"), library("swanlab")
    monkeypatch.delattr(Noting, "init")
    monkeypatch.setattr(wandb, "init", lambda **options: wandb, raising=False)
    with pytest.raises(UserError, match="tracker swanlab does not start: AttributeError: .*; correct its settings"):
        follow(["wandb", "swanlab"], tmp_path)
    assert wandb.ended == [{"exit_code": 1}] and not wandb.logged and not swanlab.logged


@pytest.mark.parametrize("kind", TRACKERS)
def test_a_library_that_is_missing_is_one_line_before_anything_starts(kind, tmp_path, monkeypatch):
    module, package = TRACKERS[kind].needs
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"tracker is {kind}, but {module} is not installed; pip install {package}, or"):
        follow([kind], tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_tracker_writes_nothing(tmp_path):
    follow([], tmp_path)
    Tracking().epoch(1, 0.25, VALID)
    assert not list(tmp_path.iterdir())

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
"""Learning curves and test metrics for trackers, on request: TensorBoard, MLflow, Weights & Biases, SwanLab.

A tracker has the methods of :class:`Tracker`. Its library is imported only where it is asked for. Training does not
depend on it: what fails later than its start is a warning, and the run goes on without it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..common.errors import Interrupted, UserError
from ..common.files import read_json, write_json

LOG = logging.getLogger(__name__)
PROJECT = "multisfs"  # where a tracker's own variables name no other
Metrics = Mapping[str, Mapping[str, "float | None"]]


class Tracker(Protocol):
    """What follows a run. It is made of the run's name, its settings and its folder."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Adds values: those of an epoch, or at the best epoch's number those of the test split."""

    def close(self, state: str) -> None:
        """Ends it: finished, failed or interrupted. A run that is continued opens it again."""


class TensorBoard:
    """Event files in summary/ of the run folder, through tensorboardX, which writes them with threads.

    MindSpore's own SummaryRecord forks processes, which can hang once a graph has started threads.
    """

    needs = "tensorboardX", "-r requirements/tensorboard.txt"

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path):
        from tensorboardX import SummaryWriter

        self.writer = SummaryWriter(str(folder / "summary"))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():
            self.writer.add_scalar(key, value, step)
        self.writer.flush()

    def close(self, state: str) -> None:
        self.writer.close()


class MLflow:
    """A run of MLflow, where MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME say."""

    needs = "mlflow", "mlflow-skinny"

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path):
        from mlflow import MlflowClient

        self.client = MlflowClient()
        self.run = _known_run(folder, "mlflow")
        if self.run is not None:
            self.client.update_run(self.run, status="RUNNING")
            return
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        found = self.client.get_experiment_by_name(experiment)
        place = self.client.create_experiment(experiment) if found is None else found.experiment_id
        self.run = self.client.create_run(place, run_name=name).info.run_id
        write_json(folder / "mlflow.json", {"run": self.run})
        for key, value in settings.items():
            self.client.log_param(self.run, key, value)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():  # with the letters that MLflow allows
            self.client.log_metric(self.run, re.sub(r"[^\w\-. /]", "_", key), value, step=step)

    def close(self, state: str) -> None:
        states = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
        self.client.set_terminated(self.run, states[state])


class WandB:
    """A run of Weights & Biases, in WANDB_PROJECT."""

    needs = "wandb", "wandb"

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path):
        import wandb

        known = _known_run(folder, "wandb")
        self.run = wandb.init(project=os.environ.get("WANDB_PROJECT", PROJECT), name=name, config=dict(settings),
                              dir=str(folder), id=known, resume="allow" if known else None)
        write_json(folder / "wandb.json", {"run": self.run.id})

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.run.log({**values, "epoch": step})  # its own steps may not go back, as to the best epoch

    def close(self, state: str) -> None:
        self.run.finish(exit_code=0 if state == "finished" else 1)


class SwanLab:
    """An experiment of SwanLab, in SWANLAB_PROJ_NAME; its files are in swanlog/ of the run folder."""

    needs = "swanlab", "swanlab"

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path):
        import swanlab

        self.run = swanlab.init(project=os.environ.get("SWANLAB_PROJ_NAME", PROJECT), experiment_name=name,
                                config=dict(settings), logdir=str(folder / "swanlog"))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.run.log(dict(values), step=step)

    def close(self, state: str) -> None:
        self.run.finish()


TRACKERS = {"tensorboard": TensorBoard, "mlflow": MLflow, "wandb": WandB, "swanlab": SwanLab}


class Tracking:
    """The trackers of one run; none do nothing."""

    def __init__(self, trackers: Mapping[str, Tracker] | None = None):
        self.trackers = dict(trackers or {})

    def epoch(self, number: int, loss: float, valid: Metrics) -> None:
        """Adds an epoch: train/loss, and valid/<task>/<metric> for every metric that could be computed."""
        self._each("log", number, {**_flat({"train": {"loss": loss}}), **_flat(valid, "valid/")})

    def test(self, best_epoch: int, test: Metrics) -> None:
        """Adds the test split's metrics, test/<task>/<metric>, at the best epoch."""
        self._each("log", best_epoch, _flat(test, "test/"))

    def close(self, state: str) -> None:
        """Ends all of them."""
        self._each("close", state)

    def _each(self, method: str, *arguments: Any) -> None:
        for name, tracker in list(self.trackers.items()):
            try:
                getattr(tracker, method)(*arguments)
            except Exception as error:  # a library of others, often over a network
                LOG.warning("tracker %s failed (%s); the run goes on without it", name, _line(error))
                del self.trackers[name]


@contextlib.contextmanager
def tracking(kinds: Sequence[str], name: str, settings: Mapping[str, Any], folder: Path) -> Iterator[Tracking]:
    """Opens trackers for a run, and ends them with it.

    Args:
        kinds: names of TRACKERS.
        name: the run's.
        settings: the run's.
        folder: the run's.

    Raises:
        UserError: a library is not installed, or its tracker does not start.
    """
    for kind in kinds:
        module, package = TRACKERS[kind].needs
        if importlib.util.find_spec(module) is None:
            raise UserError(f"tracker is {kind}, but {module} is not installed; pip install {package}, or leave it out")
    found, state = Tracking(), "failed"
    try:
        for kind in kinds:
            try:
                found.trackers[kind] = TRACKERS[kind](name, settings, folder)
            except Exception as error:
                raise UserError(f"tracker {kind} does not start: {_line(error)}; correct its settings, or leave it "
                                "out") from None
        yield found
        state = "finished"
    except (KeyboardInterrupt, Interrupted):
        state = "interrupted"
        raise
    finally:
        found.close(state)


def _known_run(folder: Path, kind: str) -> str | None:
    """The tracker's own name of a run that is continued."""
    path = folder / f"{kind}.json"
    return str(read_json(path)["run"]) if path.exists() else None


def _flat(metrics: Metrics, start: str = "") -> dict[str, float]:
    return {f"{start}{place}/{name}": float(value) for place, of in metrics.items() for name, value in of.items()
            if value is not None and math.isfinite(value)}


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]

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
"""Training with early stopping on the validation split, into a run folder: history, checkpoints, signals."""

from __future__ import annotations

import functools
import logging
import resource
import signal
from collections.abc import Mapping
from typing import Any

import numpy as np
from mindspore import Tensor

from ..common.compat import on_cpu
from ..common.errors import Interrupted, UserError
from ..data.loader import TrainLoader
from ..data.subsets import DataSet
from ..evaluation import Predictions, mean_auc, monitored, names_of, task_metrics
from ..models import InputPlan, LearnedMaskModel, MultiTaskModel, TotalLoss, moving_statistics
from ..run import RunFolder
from ..settings import Settings
from .checkpoint import load_checkpoint, load_latest, pop_state, restore, save_checkpoint
from .loop import predict_logits, run_epoch
from .machine.ranks import Ranks
from .steps import make_step
from .trackers import Tracking
from .weighting import task_weights

LOG = logging.getLogger(__name__)
TOLD_EVERY = 16  # steps after which ranks tell each other of signals: that costs each of them a wait


class Trainer:
    """Trains one model on a prepared data set into a run folder.

    Args:
        model: the model to train.
        plan: its input plan.
        data: its train and valid splits are read.
        tasks: task names, in the model's order.
        config: the run's Settings.
        run: the folder that receives history.jsonl and the checkpoints.
        ranks: the processes that train together, each of which has a Trainer of its own.
        trackers: what follows the training.
    """

    def __init__(self, model: MultiTaskModel | LearnedMaskModel, plan: InputPlan, data: DataSet, tasks: list[str],
                 config: Settings, run: RunFolder, ranks: Ranks | None = None,
                 trackers: Tracking | None = None):
        self.model, self.plan, self.data, self.tasks, self.config, self.run = model, plan, data, tasks, config, run
        self.ranks, self.trackers = ranks or Ranks(), trackers or Tracking()
        self.task_indices = data.schema.task_indices(tasks)
        self.step = make_step(model, config, self.ranks, task_weights(config.task_weights, tasks))
        batch_size = config.batch_size * (self.ranks.size if config.batch_per_rank else 1)
        self.loader = TrainLoader(data.split("train"), plan.columns, self.task_indices, batch_size, config.seed,
                                  model.mask_rows, model.dropout, self.ranks.rank, self.ranks.size)
        self.history: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {
            "epoch": 1, "step": 0, "loss_sum": 0.0, "best": None, "best_epoch": 0, "waited": 0,
            "train_seconds": 0.0, "compile_seconds": 0.0, "rows": 0,
        }
        self._signal: int | None = None

    @functools.cached_property
    def _origin(self) -> dict[str, Any]:
        """What the run is made of, for its checkpoints."""
        return self.run.origin()

    def fit(self) -> None:
        """Trains until the validation monitor has not improved for ``patience`` epochs, or ``epochs`` are done; then
        loads the best weights. Resumes from last.ckpt if there is one.

        Raises:
            UserError: the loss is not finite, or the monitor cannot be computed.
            Interrupted: SIGTERM or SIGINT came; last.ckpt has been written.
        """
        self._resume()
        handlers = {number: signal.signal(number, self._remember_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while self.state["epoch"] <= self.config.epochs and self.state["waited"] < self.config.patience:
                self._train_epoch()
                self._finish_epoch()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        restore(self.model, load_checkpoint(self.run.path / "best.ckpt", self.run), "best.ckpt")

    def _train_epoch(self) -> None:
        state, epoch = self.state, self.state["epoch"]
        steps = run_epoch(self.step, self.loader, epoch, f"epoch {epoch}", self._advice(), self.config.progress,
                          state["step"], 1 if on_cpu() else TOLD_EVERY)
        for losses, seconds in steps:
            state["step"] += len(losses)
            for loss in losses:
                state["loss_sum"] += loss
            if state["compile_seconds"]:
                state["train_seconds"] += seconds
                state["rows"] += self.loader.batch_size * len(losses)
            else:
                state["compile_seconds"] = seconds  # the first step compiles the graph
            if self.ranks.size == 1 or state["step"] % TOLD_EVERY == 0:
                self._stop_if_told()

    def _advice(self) -> str:
        """What to do when training diverges."""
        last = self.run.path / "last.ckpt"
        kept = f"the last good checkpoint is {last}" if last.exists() else "no epoch was finished before"
        return (f"{kept}; try a smaller learning_rate than {self.config.learning_rate} or a smaller weight_decay than "
                f"{self.config.weight_decay}")

    def _finish_epoch(self) -> None:
        """Validates, writes history and checkpoints, and moves on to the next epoch."""
        state = self.state
        self._share_statistics()
        for parameter in self.model.get_parameters():  # ReLU turns NaN into 0, so a finite loss does not tell
            if not np.isfinite(parameter.asnumpy()).all():
                raise UserError(f"{parameter.name} is not finite in epoch {state['epoch']}, batch {state['step']}; "
                                f"{self._advice()}")
        metrics = self.evaluate("valid")
        value = monitored(metrics, self.config.monitor)
        if value is None:
            raise UserError(f"monitor {self.config.monitor} cannot be computed on the valid split: a task has one "
                            "class there; name other tasks, or prepare the data with another split")
        improved = state["best"] is None or value > state["best"]
        if improved:
            state.update(best=value, best_epoch=state["epoch"], waited=0)
            if self.run.writes:
                save_checkpoint(self.model, self.run.path / "best.ckpt", origin=self._origin)
        else:
            state["waited"] += 1
        loss = state["loss_sum"] / max(1, state["step"])
        self.history.append({"epoch": state["epoch"], "train_loss": loss, "valid": metrics,
                             "mean_auc": mean_auc(metrics), "monitor": value, "best": improved})
        self.run.write_history(self.history)
        self.trackers.epoch(state["epoch"], loss, metrics)
        LOG.info("epoch %d: loss %.4f, valid %s%s", state["epoch"], loss, ", ".join(
            f"{task} {_quality(entry)}" for task, entry in metrics.items()), " (best)" if improved else "")
        state.update(epoch=state["epoch"] + 1, step=0, loss_sum=0.0)
        self._save_last()
        self._stop_if_told()

    def _share_statistics(self) -> None:
        """Gives all ranks the mean of what their batch normalisations remember, where these are not synchronised."""
        if self.ranks.size > 1 and not self.config.sync_batch_norm:
            for parameter in moving_statistics(self.model):
                parameter.set_data(Tensor(self.ranks.total(parameter.asnumpy()) / self.ranks.size))

    def evaluate(self, split: str, show: bool = False) -> dict[str, dict[str, float | None]]:
        """The metrics of every task on a split, as ``task_metrics`` gives them."""
        return self.measure(self.predict(split, show), split)

    def measure(self, found: Predictions, split: str) -> dict[str, dict[str, float | None]]:
        """The metrics of every task, from the predictions of a split."""
        return task_metrics(*found.arrays, self.tasks, split, found.scales)

    def predict(self, split: str, show: bool = False) -> Predictions:
        """Logits and labels of a split."""
        return Predictions(*predict_logits(self.model, self.data.split(split), self.plan, self.task_indices,
                                           self.config.batch_size, show, self.ranks),
                           self.data.schema.scales_of(self.tasks))

    def _save_last(self) -> None:
        """Writes last.ckpt; every rank waits until it is there."""
        if self.run.writes:
            state = {**self.state, "history": self.history, "memory": getattr(self.step, "memory", None)}
            save_checkpoint(self.step, self.run.path / "last.ckpt", state, True, self._origin)
        self.ranks.total(np.zeros(1, np.float32))

    def _resume(self) -> None:
        parameters = load_latest(self.run.path / "last.ckpt", self.run)
        if parameters is None:
            return
        state = pop_state(parameters, str(self.run.path / "last.ckpt"))
        self.history = state.pop("history")
        memory = state.pop("memory", None)
        restore(self.step, parameters, "last.ckpt")
        if memory is not None:
            self.step.memory = memory
        self.state = state
        self.state["compile_seconds"] = 0.0  # this process compiles again
        self.run.write_history(self.history)
        LOG.info("resuming at epoch %d, step %d", state["epoch"], state["step"])

    def _remember_signal(self, number, _frame) -> None:
        self._signal = number

    def _stop_if_told(self) -> None:
        """Stops all ranks after the same step, when one of them has got a signal."""
        if self.ranks.total(np.float32(self._signal is not None)) > 0:
            self._save_last()
            raise Interrupted(self._signal or signal.SIGTERM)


def _quality(entry: Mapping[str, float | None]) -> str:
    """A task's AUC, or the XAUC and R² of a number, for the log."""
    shown = {key: name for key, name in names_of(entry).items() if key in ("auc", "r2")}
    return " ".join(f"{name} {entry[key] if entry[key] is None else round(entry[key], 4)}"
                    for key, name in shown.items())


def training_summary(trainer: Trainer) -> dict[str, Any]:
    """The part of metrics.json that training knows: sizes, speed, memory, and the tasks' weights if it learned them."""
    learned = [cell.learned_weights() for _, cell in trainer.step.cells_and_names()
               if isinstance(cell, TotalLoss) and cell.learned]
    state, model = trainer.state, trainer.model
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    return {
        "best_epoch": state["best_epoch"], "epochs": state["epoch"] - 1, "parameters": model.parameter_count(),
        "embedding_parameters": model.embedding_parameter_count(),
        "train_rows_per_second": state["rows"] / state["train_seconds"] if state["train_seconds"] else None,
        "peak_memory_mb": round(peak, 1),
        **({"task_weights": dict(zip(trainer.tasks, learned[0].tolist()))} if learned else {}),
    }

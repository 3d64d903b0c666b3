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
"""The folder of one run: its files, its log, and the lock that keeps a second run out. No MindSpore."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .common.environment import environment
from .common.errors import UserError
from .common.files import check_seal, read_json, remove_leftovers, write_json, write_sealed, write_text
from .common.typed import Number, Text, Whole, parse
from .origin import changed_settings, difference, make_origin
from .schema import Selection
from .settings import Settings, read_yaml

LOG = logging.getLogger(__name__)
DATA = "data.json"  # what data set the run is made of

SEALED = (DATA, "selection.json", "metrics.json")  # what others rely on, with a checksum file


@dataclass(frozen=True)
class MadeOf:
    """What data.json holds: the data set a run is made of."""

    dataset: Text
    sha256: Text
    rows: dict[str, Whole]
    path: Text


@dataclass(frozen=True)
class TaskMetrics:
    """The metrics of one task; an AUC is null where the split has one class.

    A binary task has ``logloss``; one whose label is a number has the others.
    """

    auc: Optional[Number]
    logloss: Optional[Number] = None
    r2: Optional[Number] = None
    mae: Optional[Number] = None
    rmse: Optional[Number] = None
    loss: Optional[Number] = None


@dataclass(frozen=True)
class Metrics:
    """What every metrics.json holds, at least."""

    test: dict[str, TaskMetrics]
    valid: dict[str, TaskMetrics]
    mean_auc: Optional[Number]
    input_fields: dict[str, Whole]
    parameters: Whole
    train_rows_per_second: Optional[Number]
    seed: Whole
    seconds: dict[str, Number]


class RunFolder:
    """The folder of one run, ``<output_dir>/<run_name>/``: reads and writes its files."""

    def __init__(self, path: Path, writes: bool = True):
        self.path = Path(path)
        self.writes = writes  # of the processes of a distributed run, rank 0 alone does
        self._release: Callable[[], None] | None = None  # gives the lock back; called when this object goes, too
        self._data: str | None = None  # SHA-256 of the data set it is used with, once that is checked

    @classmethod
    def create(cls, config: Settings, data) -> RunFolder:
        """Makes the folder of a new run, or opens one with the same settings and data, and locks it.

        Args:
            config: the run's settings.
            data: the data set it is made of, a PreparedData.

        Raises:
            UserError: the folder holds a run with other settings or of other data, is in use, or cannot be written.
        """
        run = cls(config.output_path / run_name(config))
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            run._take_lock()
            remove_leftovers(run.path)
        except OSError as error:
            raise UserError(f"cannot write to {run.path}: {error.strerror}; name another output_dir") from None
        try:
            run._begin(config, data)
        except BaseException:
            run.close()
            raise
        return run

    def _begin(self, config: Settings, data) -> None:
        if (self.path / "config.yaml").exists():
            self._check_resumable(config)
            self.check_data(data)
            return
        self._data = data.fingerprint
        self.write(DATA, {"dataset": data.schema.dataset, "sha256": data.fingerprint, "rows": dict(data.schema.rows),
                          "path": os.path.abspath(data.path)})
        write_text(self.path / "config.yaml", config.to_yaml())  # last: with it the folder is a run's

    @classmethod
    def join(cls, config: Settings) -> RunFolder:
        """The folder of a run that rank 0 makes, for the other ranks: they read it and write nothing."""
        return cls(config.output_path / run_name(config), writes=False)

    def wait_for(self, name: str) -> None:
        """Returns once another rank has written the file; if that rank ends without, the launcher ends this one."""
        while not (self.path / name).exists():
            time.sleep(0.1)

    def close(self) -> None:
        """Releases the folder for another run; the end of the process does so too."""
        if self._release is not None:
            self._release()

    def _take_lock(self) -> None:
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        self._release = weakref.finalize(self, os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another run is writing to {self.path}; wait for it or give another run_name") from None

    def _check_resumable(self, config: Settings) -> None:
        changed = changed_settings(read_yaml(self.path / "config.yaml"), config.to_dict())
        if changed:
            raise UserError(f"{self.path} holds a run with other settings ({changed}); give another run_name")

    def check_data(self, data) -> None:
        """Refuses a data set that the run was not made of; one that was moved or copied is the same.

        The folder of a run made before this was recorded is accepted, with a warning.

        Raises:
            UserError: it was made of other data.
        """
        recorded = self._recorded_data()
        if recorded is None and self._data is None:
            LOG.warning("%s does not say which data set it was made of, as an earlier version made it; %s is taken for "
                        "it", self.path, data.path)
        elif recorded is not None and recorded.sha256 != data.fingerprint:
            raise UserError(f"{self.path} was made of another data set than {data.path}: {_data_change(recorded, data)}"
                            f"; name the one it was made of with data_dir (it was {recorded.path}), prepare that "
                            "again as it was, or train again under another run_name")
        self._data = data.fingerprint

    @property
    def data_fingerprint(self) -> str | None:
        """SHA-256 of the schema.json of the run's data set; None for a run made before it was recorded."""
        return self._data or getattr(self._recorded_data(), "sha256", None)

    @property
    def data_path(self) -> Path | None:
        """Where the run's data set was when the run began; None for a run made before it was recorded."""
        recorded = self._recorded_data()
        return recorded and Path(recorded.path)

    def _recorded_data(self) -> MadeOf | None:
        path = self.path / DATA
        return parse(MadeOf, self.read(DATA), str(path), "restore it") if path.exists() else None

    def origin(self) -> dict[str, Any]:
        """What the run is made of, for its checkpoints and its metrics; see src/origin.py."""
        selection = self.read_selection() if (self.path / "selection.json").exists() else None
        return make_origin(read_yaml(self.path / "config.yaml"), self.data_fingerprint, selection)

    def check_origin(self, theirs: Mapping[str, Any] | None, path: Path) -> None:
        """Refuses a file of another run, by the record that it carries.

        Args:
            theirs: the record; None for files of earlier versions, which only runs of earlier versions have.
            path: the file.

        Raises:
            UserError: the file is of another run.
        """
        if theirs is None:
            differs = "it does not name its run" if (self.path / DATA).exists() else ""
        else:
            differs = difference(theirs, self.origin())
        if differs:
            raise UserError(f"{path} is that of another run: {differs}; restore it, or remove it and run train.py "
                            "again")

    @property
    def finished(self) -> bool:
        return (self.path / "metrics.json").exists()

    def log_to_file(self) -> None:
        """Sends what the project logs to train.log too, if this process is the one that writes."""
        if not self.writes:
            return
        handler = logging.FileHandler(self.path / "train.log", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.getLogger().addHandler(handler)

    def write_environment(self, device: str, processes: int = 1, precision: str = "float32") -> None:
        """Writes env.json: versions, device, precision, number of processes, machine, git revision, exact command."""
        self.write("env.json", {**environment(device), "precision": precision, "processes": processes})

    @property
    def precision(self) -> str:
        """In which the run computes products; runs of earlier versions say nothing and have float32."""
        return self.read("env.json").get("precision", "float32") if (self.path / "env.json").exists() else "float32"

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Writes metrics.json with the record of what the run is made of: the last file of a finished run."""
        self.write("metrics.json", {**metrics, "run": self.origin()})

    def write(self, name: str, value: Any) -> None:
        """Writes a JSON file of the folder, if this process is the one that writes."""
        if self.writes:
            write_json(self.path / name, value, sealed=name in SEALED)

    def read_history(self) -> list[dict[str, Any]]:
        """One record per finished epoch."""
        path = self.path / "history.jsonl"
        if not path.exists():
            return []
        try:
            check_seal(path)
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (ValueError, RecursionError):
            raise UserError(f"{path} is damaged: not one JSON record a line") from None

    def write_history(self, records: list[Mapping[str, Any]]) -> None:
        if self.writes:
            write_sealed(self.path / "history.jsonl", "".join(json.dumps(record) + "\n" for record in records))

    def read(self, name: str) -> Any:
        return read_json(self.path / name)

    def read_selection(self) -> Selection:
        """The fields that the run's tasks keep.

        Raises:
            UserError: selection.json is missing or damaged.
        """
        return Selection.from_json(self.read("selection.json"), str(self.path / "selection.json"))

    def read_selection_seconds(self) -> dict[str, float]:
        """The seconds of the selection's parts and their total.

        Raises:
            UserError: selection_seconds.json is missing or damaged.
        """
        path, remedy = self.path / "selection_seconds.json", "remove selection.json to select again"
        seconds = parse(dict[str, Number], self.read(path.name), str(path), remedy)
        if "total" not in seconds:
            raise UserError(f"{path} is damaged: it has no total; {remedy}")
        return seconds

    def read_metrics(self) -> dict[str, Any]:
        """The numbers of a finished run.

        Raises:
            UserError: metrics.json is damaged, or is that of another run.
        """
        path, metrics = self.path / "metrics.json", self.read("metrics.json")
        parse(Metrics, metrics, str(path), "remove it and run train.py again")
        for task, entry in (*metrics["test"].items(), *metrics["valid"].items()):
            if "logloss" not in entry and not {"r2", "mae", "rmse", "loss"} <= set(entry):
                raise UserError(f"{path} is damaged: {task} has no key 'logloss'; remove it and run train.py again")
        seed = read_yaml(self.path / "config.yaml").get("seed")
        if metrics["seed"] != seed:
            raise UserError(f"{path} is that of another run: its seed is {metrics['seed']}, this run's {seed}; remove "
                            "it and run train.py again")
        self.check_origin(metrics.get("run"), path)
        return metrics


def _data_change(recorded: MadeOf, data) -> str:
    """How a data set differs from the recorded one, in words."""
    for what, old, new in (("it was of data set", recorded.dataset, data.schema.dataset),
                           ("it had rows", recorded.rows, dict(data.schema.rows)),
                           ("its schema.json had SHA-256", recorded.sha256[:12], data.fingerprint[:12])):
        if old != new:
            return f"{what} {old}, now {new}"
    return ""


def refuse_other_data(runs: Sequence[RunFolder]) -> None:
    """Refuses to show runs of different data next to each other.

    Raises:
        UserError: their data differ.
    """
    known = [run for run in runs if run.data_fingerprint]
    for run in known[1:]:
        if run.data_fingerprint != known[0].data_fingerprint:
            raise UserError(f"{run.path} and {known[0].path} were made of different data sets; compare runs of one")


def run_name(config: Settings) -> str:
    """The run's name: the user's, or data set, backbone, selector and seed."""
    if config.run_name != "auto":
        return config.run_name
    how = config.selector if config.selection == "none" else "given"
    if how == "multisfs":
        how = f"multisfs-{config.score}"
    elif config.end_to_end:
        how += "-end-to-end"
    return f"{config.dataset}-{config.backbone}-{how}-{config.seed}"

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
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import check_seal, read_json, remove_leftovers, write_json, write_sealed, write_text
from .schema import Selection
from .settings import ROOT, Settings, defaults, read_yaml

PACKAGES = ("mindspore", "mindspore-gpu", "numpy", "pandas", "polars", "scikit-learn", "scipy")
SEALED = ("selection.json", "metrics.json")  # what others rely on, with a checksum beside it
METRICS = ("test", "valid", "mean_auc", "input_fields", "parameters", "train_rows_per_second", "seed")
# Settings that may differ when a run is gone on with.
SAME_RUN = ("progress", "output_dir", "run_name", "device_id", "verify_data", "data_dir", "summary")


class RunFolder:
    """``<output_dir>/<run_name>/`` and the files DESIGN section 3 names."""

    def __init__(self, path: Path, writes: bool = True):
        self.path = Path(path)
        self.writes = writes  # of the processes of a distributed run, rank 0 alone does
        self._lock = None

    @classmethod
    def create(cls, config: Settings) -> RunFolder:
        """Makes the folder of a new run, or takes up an unfinished one with the same settings, and locks it.

        Raises:
            UserError: the folder holds a run with other settings, is in use, or cannot be written.
        """
        run = cls(config.output_path / run_name(config))
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            run._take_lock()
            remove_leftovers(run.path)
        except OSError as error:
            raise UserError(f"cannot write to {run.path}: {error.strerror}; name another output_dir") from None
        if (run.path / "config.yaml").exists():
            run._check_resumable(config)
        else:
            write_text(run.path / "config.yaml", config.to_yaml())
        return run

    @classmethod
    def join(cls, config: Settings) -> RunFolder:
        """The folder of a run that rank 0 makes, for the other ranks: they read it and write nothing."""
        return cls(config.output_path / run_name(config), writes=False)

    def wait_for(self, name: str) -> None:
        """Returns once another rank has written the file; if that rank ends without, the launcher ends this one."""
        while not (self.path / name).exists():
            time.sleep(0.1)

    def close(self) -> None:
        """Gives the folder free for another run; the end of the process does so too."""
        if self._lock is not None:
            self._lock.close()

    def _take_lock(self) -> None:
        self._lock = open(self.path / ".lock", "w", encoding="utf-8")  # noqa: SIM115 held until the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another run is writing to {self.path}; wait for it or give another run_name") from None

    def _check_resumable(self, config: Settings) -> None:
        changed = changed_settings(read_yaml(self.path / "config.yaml"), config)
        if changed:
            raise UserError(f"{self.path} holds a run with other settings ({changed}); give another run_name")

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

    def write_environment(self, device: str, processes: int = 1) -> None:
        """Writes env.json: versions, device, number of processes, machine, git revision, exact command."""
        self.write("env.json", {**environment(device), "processes": processes})

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
        except ValueError:
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

    def read_metrics(self) -> dict[str, Any]:
        """The numbers of a finished run.

        Raises:
            UserError: metrics.json is damaged, or is that of another run.
        """
        path, metrics = self.path / "metrics.json", self.read("metrics.json")
        missing = [key for key in METRICS if not isinstance(metrics, dict) or key not in metrics]
        if missing:
            raise UserError(f"{path} is damaged: it has no {', '.join(missing)}; remove it and run train.py again")
        seed = read_yaml(self.path / "config.yaml").get("seed")
        if metrics["seed"] != seed:
            raise UserError(f"{path} is that of another run: its seed is {metrics['seed']}, this run's {seed}; remove "
                            "it and run train.py again")
        return metrics


def changed_settings(before: Mapping[str, Any], config: Settings) -> str:
    """The first settings that would make another run than that of ``before``, as "key old -> new"; "" for none.

    A setting that ``before`` does not have was not there yet: it had what is now its default.
    """
    now, before = config.to_dict(), {**defaults(), **before}
    changed = [key for key, value in now.items() if key not in SAME_RUN and before[key] != value]
    return ", ".join(f"{key} {before[key]} -> {now[key]}" for key in changed[:3])


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


def environment(device: str) -> dict[str, Any]:
    """Versions, machine and command of this process, for env.json."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]], "device": device, "python": platform.python_version(),
        "packages": versions, "platform": platform.platform(), "cpus": os.cpu_count(), "git": _git_revision(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _git_revision() -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"],
                              capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"

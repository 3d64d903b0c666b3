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
"""Checkpoints that survive crashes: written aside, synced, renamed, with a checksum next to them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from ..common.errors import UserError
from ..common.files import digest_file, matching_digest, naming, put_in_place, sha256
from ..run import RunFolder

LOG = logging.getLogger(__name__)
# JSON as bytes, saved as one more tensor each: exact numbers, and nothing that is executed.
STATE = "training_state"
ORIGIN = "origin"  # the record of the run it belongs to, see src/origin.py; the last tensor of the file


def save_checkpoint(cell: nn.Cell, path: Path, state: Mapping[str, Any] | None = None,
                    keep_previous: bool = False, origin: Mapping[str, Any] | None = None) -> None:
    """Writes a Cell's parameters to ``path`` and the checksum to ``path.sha256``.

    Args:
        cell: what to save.
        path: where to.
        state: of the training, saved as JSON.
        keep_previous: the file that was there becomes ``previous.ckpt``.
        origin: the record of the run that the checkpoint belongs to.
    """
    path = Path(path)
    records = [{"name": parameter.name, "data": parameter} for parameter in cell.get_parameters()]
    records += [{"name": name, "data": Tensor(np.frombuffer(json.dumps(dict(value)).encode(), np.uint8))}
                for name, value in ((STATE, state), (ORIGIN, origin)) if value is not None]
    temporary = path.with_name(f"tmp-{os.getpid()}-{path.name}")
    try:
        with naming(path):
            ms.save_checkpoint(records, str(temporary))
        os.chmod(temporary, 0o644)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        digest = sha256(temporary)
        before = matching_digest(path) if keep_previous else None
        if before:  # a damaged one must not take the place of a good one
            put_in_place(path, path.with_name("previous.ckpt"), before)
        put_in_place(temporary, path, digest)
    except RuntimeError as error:  # MindSpore reports a full disk this way
        raise UserError(f"cannot write {path}: {' '.join(str(error).split())[:200]}") from None
    finally:
        temporary.unlink(missing_ok=True)
        temporary.with_suffix(".tmp").unlink(missing_ok=True)  # under which MindSpore begins the file


def load_checkpoint(path: Path, run: RunFolder | None = None) -> dict[str, Parameter]:
    """Reads a checkpoint's parameters by name.

    Args:
        path: the checkpoint.
        run: the run that it has to belong to; None takes that of any run.

    Raises:
        UserError: it is missing, does not match its checksum, or is that of another run.
    """
    return _of_run(_read(path), path, run)


def _read(path: Path) -> dict[str, Parameter]:
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} does not exist; has the run finished an epoch?")
    try:
        if not matching_digest(path):
            raise UserError(f"{path} is damaged: it does not match {digest_file(path).name}; train again, or restore "
                            "it")
        return ms.load_checkpoint(str(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; train again, or restore it") from None
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from None


def _of_run(parameters: dict[str, Parameter], path: Path, run: RunFolder | None) -> dict[str, Parameter]:
    """Takes the record of its run out of a checkpoint and compares it."""
    origin = _pop_json(parameters, ORIGIN, str(path)) if ORIGIN in parameters else None
    if run is not None:
        run.check_origin(origin, path)
    return parameters


def has_checkpoint(path: Path) -> bool:
    """Whether a whole checkpoint is there: one that matches its checksum."""
    return matching_digest(Path(path)) is not None


def load_latest(path: Path, run: RunFolder | None = None) -> dict[str, Parameter] | None:
    """Reads ``path``, or ``previous.ckpt`` next to it with a warning when it is damaged; None when there is neither.

    Raises:
        UserError: it is that of another run than ``run``.
    """
    for candidate in (Path(path), Path(path).with_name("previous.ckpt")):
        if candidate.exists():
            try:
                parameters = _read(candidate)
            except UserError as error:
                LOG.warning("%s; trying an older one", error)
            else:
                return _of_run(parameters, candidate, run)
    return None


def pop_state(parameters: dict[str, Parameter], where: str = "last.ckpt") -> dict[str, Any]:
    """Takes the state of the training out of loaded parameters.

    Raises:
        UserError: there is none, as in best.ckpt, or it is damaged.
    """
    return _pop_json(parameters, STATE, where)


def _pop_json(parameters: dict[str, Parameter], name: str, where: str) -> dict[str, Any]:
    if name not in parameters:
        raise UserError(f"{where} has no {name}: it is no checkpoint to continue from; restore it, or remove it")
    try:
        return json.loads(bytes(parameters.pop(name).asnumpy().astype(np.uint8)))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is damaged: its {name} cannot be read ({error}); restore it") from None


def restore(cell: nn.Cell, parameters: Mapping[str, Parameter], where: str) -> None:
    """Loads parameters into a Cell, each exactly once.

    Raises:
        UserError: a name or a shape does not fit.
    """
    own = {parameter.name: parameter for parameter in cell.get_parameters()}
    missing, extra = sorted(own.keys() - parameters.keys()), sorted(parameters.keys() - own.keys())
    if missing or extra:
        raise UserError(f"{where} does not fit this model: {len(missing)} parameters missing, {len(extra)} unknown "
                        f"(first: {(missing + extra)[0]})")
    for name, parameter in own.items():
        if parameter.shape != parameters[name].shape:
            raise UserError(f"{where} does not fit this model: {name} is {tuple(parameters[name].shape)}, expected "
                            f"{tuple(parameter.shape)}")
        parameter.set_data(Tensor(parameters[name].asnumpy(), parameter.dtype))

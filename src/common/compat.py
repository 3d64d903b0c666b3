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
"""The few places where MindSpore 1.10 (the last mindspore-gpu) and 2.x differ."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

import mindspore as ms
from mindspore import log, nn, ops

MINDSPORE_2 = hasattr(ms, "set_device")
ONEDNN_MODE = "ONEDNN_DEFAULT_FPMATH_MODE"  # read at a process's first product; see training/machine/precision.py


def set_device(device: str, device_id: int = 0) -> None:
    """Graph mode on the given device, with products in float32, whatever the environment says of oneDNN's."""
    os.environ[ONEDNN_MODE] = "STRICT"
    ms.set_context(mode=ms.GRAPH_MODE)
    if MINDSPORE_2:
        ms.set_device(device, device_id)
    elif device == "CPU":
        ms.set_context(device_target=device)
    else:
        ms.set_context(device_target=device, device_id=device_id)  # which 1.10 lets a process do once


@contextlib.contextmanager
def graph_mode() -> Iterator[None]:
    """Graph mode for a while: a program that calls the estimator has MindSpore's own mode, step by step, in which
    training takes many times as long."""
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        yield
    finally:
        ms.set_context(mode=before)


def on_cpu() -> bool:
    """Whether this process computes on the CPU, where a call returns when all is computed."""
    return ms.get_context("device_target") == "CPU"


# Products of bfloat16 on the CPU, which 1.10's oneDNN does not have, and level "auto" of mindspore.amp for float16.
LOW_PRECISION = MINDSPORE_2
NORM_TAKES_PRODUCTS = MINDSPORE_2  # BatchNorm's factor may be computed; in 1.10 it has to be a Parameter
value_and_grad = getattr(ms, "value_and_grad", None) or ops.value_and_grad


def make_adam(parameters: list, learning_rate: float) -> nn.Adam:
    """``nn.Adam``, without the warning that a part of it is deprecated: MindSpore 2.8 and later make their own Adam of
    parts that they warn of, which no user can change.

    Args:
        parameters: parameters, or groups of them as ``nn.Adam`` takes them.
        learning_rate: the step size.
    """
    logger = log._get_logger()
    logger.addFilter(_other_than_adams_parts)
    try:
        return nn.Adam(parameters, learning_rate=learning_rate)
    finally:
        logger.removeFilter(_other_than_adams_parts)


def _other_than_adams_parts(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not (message.startswith("'FusedSparse") and "is deprecated" in message)

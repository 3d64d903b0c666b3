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
"""The fields of the path that all tasks share, from those that every task keeps; and what every task reads then."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from ..models import traits_of
from ..settings import Settings

LOG = logging.getLogger(__name__)


def shared_fields(rule: str | None, selected: Sequence[Sequence[int]], fields: int, tried: bool = False) -> list[int]:
    """Fields of the path that all tasks share, in field order.

    Args:
        rule: union, intersection, or None for a backbone without such a path.
        selected: kept fields of every task, best first.
        fields: number of fields.
        tried: nothing is logged of a choice that is only tried out.

    An empty intersection falls back to as many fields as the smallest task keeps, those with the best mean rank among
    the fields that some task keeps, with a warning.
    """
    if rule is None:
        return []
    union = sorted(set().union(*map(set, selected)))
    if rule == "union":
        return union
    common = sorted(set(union).intersection(*map(set, selected)))
    if common:
        return common
    if not tried:
        LOG.warning("no field is kept by all tasks; the shared path takes those with the best mean rank")
    ranks = [[list(kept).index(field) if field in kept else fields for kept in selected] for field in union]
    order = np.argsort([np.mean(rank) for rank in ranks], kind="stable")
    return sorted(union[index] for index in order[:min(map(len, selected))])


def shared_path(config: Settings, selected: Sequence[Sequence[int]], fields: int, tried: bool = False) -> list[int]:
    """The shared fields that the backbone, or ``shared_fields``, asks for; see ``shared_fields``."""
    rule = traits_of(config.backbone, len(selected)).shared
    if rule is not None and config.shared_fields != "auto":
        rule = config.shared_fields
    return shared_fields(rule, selected, fields, tried)


def fields_read(config: Settings, selected: Sequence[Sequence[int]], fields: int) -> list[tuple[int, ...]]:
    """Every task's fields in the backbone, which are tried out: of its own path, if it has one, and of the shared one;
    rising."""
    shared = shared_path(config, selected, fields, tried=True)
    own = selected if traits_of(config.backbone, len(selected)).tasks else [()] * len(selected)
    return [tuple(sorted({*kept, *shared})) for kept in own]

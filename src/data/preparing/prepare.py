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
"""Preparing a data set, from its name to the set on disk: stage the raw rows, deal them out, fit, encode, write."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import UserError
from ...common.files import read_json, sha256, write_json
from ...common.home import HOME
from ...schema import SPLITS, Field, Schema, Task
from ..description.options import DataOptions
from ..encoding.encode import FieldEncoder
from ..encoding.groups import write_groups
from ..encoding.labels import describe_tasks, refuse_label_columns
from ..encoding.weights import write_weights
from ..prepared import ENCODER_VERSION, INPUTS_FILE, PreparedData
from ..reading.cells import CellError
from ..staging.split import TRAIN, assign_splits
from ..staging.stage import Stage
from .encode_rows import fit_encoders, fit_scales, write_rows
from .place import Place
from .presets import load_options
from .reuse import describe_origin, find_set
from .source import Source, load_source
from .write import PreparedWriter

LOG = logging.getLogger(__name__)


def prepare(dataset: str, raw_dir=None, data_dir=None, preset=None, overrides: Mapping[str, Any] | None = None,
            overwrite: bool = False) -> PreparedData:
    """Prepares a data set, or reuses the prepared one that the same files and settings gave before.

    Args:
        dataset: the name of a module of ``src/data/sources``.
        raw_dir: folder (or file) of the raw data; None for the sources that can fetch their own.
        data_dir: where to put the prepared set; default ``data/<dataset>`` below HOME of src/common/home.py.
        preset: YAML file whose ``data:`` mapping holds the options; default ``configs/<dataset>.yaml``.
        overrides: keys of that mapping to replace; also split_by, seed, tasks and fields as lists of names.
        overwrite: replace a prepared set, whatever it was made of.

    Returns:
        The opened prepared set.

    Raises:
        UserError: anything the user can correct, such as a set made with other settings that is in the way; what was
            at ``data_dir`` before is then untouched.
    """
    source = load_source(dataset)
    raw_dir = None if raw_dir is None else Path(raw_dir)
    options = load_options(dataset, preset, overrides or {}, raw_dir)
    place = Place(HOME / "data" / dataset if data_dir is None else data_dir)
    if raw_dir is not None and not raw_dir.exists() and not source.GENERATED:
        raise UserError(f"raw_dir {raw_dir} does not exist; expected the raw files of {dataset}")
    place.put_back()
    has_set = place.holds_set()
    files = source.inputs(raw_dir, options)
    made_of = describe_origin(dataset, options, files)
    if has_set and not overwrite:
        found = find_set(place, made_of)
        if found is not None:
            return found
    started = time.monotonic()
    with PreparedWriter(place) as writer:
        stage = _open_stage(source, writer, made_of)
        source.stage(files, options, stage)
        try:
            schema = encode_stage(stage, options, writer, dataset)
        except CellError as error:
            raise UserError(f"{error}; it is in {stage.place_of(error.column, error.cell)}; {error.advice}") from None
        for path in stage.extras:
            shutil.copy(path, writer.folder)
        if stage.folder.parent == writer.folder:
            stage.remove()
        writer.commit(schema, {**made_of, "extras": [path.name for path in stage.extras]})
        shutil.rmtree(stage.folder, ignore_errors=True)
    seconds = time.monotonic() - started
    LOG.info("prepared %s: %d rows, %d fields, %d tasks in %.1f s (%.0f rows/s)", place.name, stage.rows,
                len(schema.fields), len(schema.tasks), seconds, stage.rows / seconds)
    return PreparedData.open(place.folder, verify=False)


def _open_stage(source: Source, writer: PreparedWriter, made_of: Mapping[str, Any]) -> Stage:
    """Returns where raw rows are staged: for a source that can be resumed, a folder that outlives a kill.

    Such a folder is taken up again only if it was begun with the same files and settings.
    """
    if not source.RESUMABLE:
        folder = writer.folder / "stage"
        folder.mkdir()
        return Stage(folder)
    folder = writer.place.hidden("staging")
    if (folder / INPUTS_FILE).is_file() and read_json(folder / INPUTS_FILE) == made_of:
        stage = Stage.resume(folder)
        LOG.info("continuing after %d rows that an interrupted preparation left", stage.rows)
        return stage
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_json(folder / INPUTS_FILE, made_of)
    return Stage(folder)


def encode_stage(stage: Stage, options: DataOptions, writer: PreparedWriter, dataset: str) -> Schema:
    """Deals staged rows out, fits the encoders on train, writes shards and vocabularies, and returns the schema.

    Raises:
        UserError: there are no rows, a column is absent, or a field gives a label away.
        CellError: a cell is not what its column may hold.
    """
    if not stage.rows:
        raise UserError(f"the raw data of {dataset} has no rows left; expected at least one")
    refuse_label_columns(options.fields, options.tasks)
    homes = [stage.home(spec.column) for spec in options.fields]
    for column in (column for task in options.tasks for column in task.all_columns):
        if stage.home(column) is not None:
            raise UserError(f"label column {column!r} is not a column of the log itself")
    codes = assign_splits(stage, options.split)
    rows = dict(zip(SPLITS, np.bincount(codes, minlength=3).tolist()))
    for name, count in rows.items():
        stage.step(f"rows of {name}", count)
    encoders, scales = fit_encoders(stage, options, homes, codes), fit_scales(stage, options, codes)
    positives, known, constant = write_rows(stage, options, homes, codes, encoders, scales, writer)
    tasks = describe_tasks(options.tasks, positives, known, scales)
    for spec, task, labelled in zip(options.tasks, tasks, known[TRAIN].tolist()):
        if spec.partial:
            stage.step(f"rows of train with a label of task {task.name}", labelled)
        _warn_of_one_value(task, labelled)
    group = write_groups(stage, options.group, codes, options.missing, writer.folder) if options.group else None
    if group:
        stage.step(f"groups by {group.column}", group.count)
    weight = write_weights(stage, options.weight, codes, writer.folder) if options.weight else None
    if constant:
        stage.step(f"fields that are constant on train: {', '.join(constant)}", len(constant), fields=constant)
    return Schema(
        dataset=dataset, fields=_write_vocabularies(encoders, writer.folder),
        tasks=tasks, rows=rows, shards=writer.finish_shards(), encoder_version=ENCODER_VERSION,
        steps=tuple(stage.steps), settings=options.to_json(), group=group, weight=weight)


def _warn_of_one_value(task: Task, labelled: int) -> None:
    """Says where the train labels of a task are all alike."""
    if task.scale is None and task.positive_rate["train"] in (0, 1, None):
        LOG.warning("task %s has one class only on train (%.0f of %d rows positive): it cannot be trained", task.name,
                    (task.positive_rate["train"] or 0) * labelled, labelled)
    elif task.scale is not None and not task.scale.std:
        LOG.warning("task %s has no two different numbers on train (%d rows with a label): it cannot be trained",
                    task.name, labelled)


def _write_vocabularies(encoders: Sequence[FieldEncoder], folder: Path) -> tuple[Field, ...]:
    """Writes one file per field, with all that is needed to encode a raw value again; returns the schema's fields."""
    (folder / "vocab").mkdir()
    fields = []
    for place, encoder in enumerate(encoders):
        spec = encoder.spec
        name = f"vocab/{place:03d}-{''.join(c if c.isalnum() else '_' for c in spec.name)[:60]}.json"
        write_json(folder / name, encoder.to_json())
        fields.append(Field(spec.name, encoder.cardinality, spec.kind, (spec.column,), name, sha256(folder / name),
                            spec.pool, encoder.width))
    return tuple(fields)

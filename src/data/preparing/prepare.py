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
"""Preparing a data set by name: the one entry that programs and tests call."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import read_json, write_json
from ...settings import ROOT
from ..prepared import INPUTS_FILE, PreparedData
from .pipeline import prepare_stage
from .place import Place
from .presets import load_options
from .reuse import describe_origin, find_set
from .source import Source, load_source
from .stage import Stage
from .write import PreparedWriter

logger = logging.getLogger(__name__)


def prepare(dataset: str, raw_dir=None, data_dir=None, preset=None, overrides: Mapping[str, Any] | None = None,
            overwrite: bool = False) -> PreparedData:
    """Prepares a data set, or reuses the prepared one that the same files and settings gave before.

    Args:
        dataset: the name of a module of ``src/data/sources``.
        raw_dir: folder (or file) of the raw data; None for the sources that can fetch their own.
        data_dir: where to put the prepared set; default ``data/<dataset>`` below the project root.
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
    place = Place(ROOT / "data" / dataset if data_dir is None else data_dir)
    if raw_dir is not None and not raw_dir.exists() and not source.GENERATED:
        raise UserError(f"raw_dir {raw_dir} does not exist; expected the raw files of {dataset}")
    place.put_back()
    stands = place.holds_set()
    files = source.inputs(raw_dir, options)
    made_of = describe_origin(dataset, options, files)
    if stands and not overwrite:
        found = find_set(place, made_of)
        if found is not None:
            return found
    started = time.monotonic()
    with PreparedWriter(place) as writer:
        out = _open_stage(source, writer, made_of)
        source.stage(files, options, out)
        schema = prepare_stage(out, options, writer, dataset)
        for path in out.extras:
            shutil.copy(path, writer.folder)
        if out.folder.parent == writer.folder:
            out.remove()
        writer.commit(schema, {**made_of, "extras": [path.name for path in out.extras]})
        shutil.rmtree(out.folder, ignore_errors=True)
    seconds = time.monotonic() - started
    logger.info("prepared %s: %d rows, %d fields, %d tasks in %.1f s (%.0f rows/s)", place.name, out.rows,
                len(schema.fields), len(schema.tasks), seconds, out.rows / seconds)
    return PreparedData.open(place.folder, verify=False)


def _open_stage(source: Source, writer: PreparedWriter, made_of: Mapping[str, Any]) -> Stage:
    """Returns where raw rows are staged: for a source that can go on after an interruption, a folder that outlives it.

    Such a folder is taken up again only if it was begun with the same files and settings.
    """
    if not source.RESUMABLE:
        folder = writer.folder / "stage"
        folder.mkdir()
        return Stage(folder)
    folder = writer.place.hidden("staging")
    if (folder / INPUTS_FILE).is_file() and read_json(folder / INPUTS_FILE) == made_of:
        stage = Stage.resume(folder)
        logger.info("going on after %d rows that an interrupted preparation left", stage.rows)
        return stage
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_json(folder / INPUTS_FILE, made_of)
    return Stage(folder)

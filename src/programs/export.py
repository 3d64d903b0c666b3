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
"""Export a finished run: its best weights as a model file that gives predictions, and signature.json.

    python export.py --run_dir outputs/movielens-mmoe-multisfs-calibrated-42                     # MINDIR
    python export.py --run_dir DIR --file_format ONNX --output_dir served                        # ONNX

--output_dir is RUN_DIR/export-mindir or RUN_DIR/export-onnx where it is not given. The model takes ids, int32
[batch, fields], and gives float32 [batch, tasks], for any batch size: the probability of a binary task, the number of a
task of kind regression in its own units. It has the fields that the run reads, and no others. signature.json holds the
fields in order, with all that is needed to encode raw rows, the tasks, the selection, versions, and the model file's
SHA-256. predict.py serves such a folder; see docs/SERVING.md. ONNX needs requirements/serve.txt.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from ..command_line import parse, start_logging
from ..common.errors import UserError
from ..common.files import sha256, write_json
from ..common.option import Option

LOG = logging.getLogger("export")
OPTIONS = (
    Option("run_dir", help="folder of a finished run", kind="path", required=True),
    Option("file_format", "MINDIR", "kind of model file", choices=("MINDIR", "ONNX")),
    Option("output_dir", "", "folder to write (default: export-mindir or export-onnx in RUN_DIR)", kind="path"),
)


def main(arguments: list) -> None:
    """Exports, checks, and prints the folder as one JSON object."""
    given = parse(arguments, __doc__, OPTIONS, settings=True)
    from ..common.environment import package_versions
    from ..models import without_folding
    from ..serving import SIGNATURE_FILE, InputField, Signature
    from ..serving.exporting import PACKAGES, export_model, import_onnx, read_encoder
    from ..training import choose_device
    from ..workflow import load_model, load_run, open_data, refuse_learned_masks

    start_logging()
    kind = given.file_format
    run, config = load_run(given.run_dir, given.settings)
    refuse_learned_masks(run, config)
    if kind == "ONNX":
        import_onnx()
    data = open_data(config.replace(verify_data=False))  # only its schema and vocabularies are read
    choose_device("CPU")
    _, plan, selection = load_model(run, config, data)
    folder = Path(given.output_dir) if given.output_dir else run.path / f"export-{kind.lower()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; name another output_dir") from None
    fields = [data.schema.fields[column] for column in plan.columns]
    model, scales = folder / f"model.{kind.lower()}", data.schema.scales_of(selection.tasks)
    difference = export_model(lambda: without_folding(load_model(run, config, data)[0], config),
                              plan.id_limits, kind, model, scales)
    encoders = [read_encoder(data.path, field) for field in fields]
    signature = Signature(
        data.schema.dataset, tuple(InputField(field.name, encoder) for field, encoder in zip(fields, encoders)),
        selection.tasks, {"file": model.name, "format": kind, "sha256": sha256(model)},
        {"backbone": config.backbone, "data": {"dataset": data.schema.dataset, "sha256": data.fingerprint},
         "versions": package_versions(PACKAGES),
         "selection": {"selector": selection.selector, "selected": {task: list(selection.selected[task])
                                                                    for task in selection.tasks},
                       "shared": list(selection.shared)}},
        {task: scale for task, scale in zip(selection.tasks, scales) if scale is not None})
    write_json(folder / SIGNATURE_FILE, signature.to_json(), sealed=True)
    LOG.info("%d fields, %d tasks; predictions differ from the run's by at most %.1e", len(fields),
             len(selection.tasks), difference)
    print(json.dumps({"output_dir": str(folder), "model": model.name, "signature": SIGNATURE_FILE,
                      "bytes": model.stat().st_size, "largest_difference": difference}))

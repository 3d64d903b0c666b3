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
"""Select fields only; writes selection.json into the run folder.

    python select_features.py --dataset adult --backbone ple --score paper --keep_fields 6
    python select_features.py --feature_rank FOLDER      # also FOLDER/<task>/feature_rank.npy, as ERASE reads it
"""

from __future__ import annotations

from ..command_line import parse, start_logging
from ..common.errors import UserError
from ..common.option import Option
from ..run import RunFolder
from ..settings import load_settings

OPTIONS = (Option("feature_rank", "", "folder for ERASE's <task>/feature_rank.npy", kind="path"),)


def main(arguments: list) -> None:
    """Selects, writes and prints."""
    given = parse(arguments, __doc__, OPTIONS, settings=True)
    import mindspore as ms

    from ..report import selection_table
    from ..report.feature_rank import write_feature_ranks
    from ..selection import check_request, select_fields
    from ..training import choose_device
    from ..workflow import choose_tasks, open_data

    start_logging()
    config = load_settings(given.settings)
    if config.end_to_end:
        raise UserError("end_to_end trains masks that are part of a network; use train.py, or leave it out")
    data = open_data(config)
    tasks = choose_tasks(data, config)
    check_request(data, tasks, config)
    run = RunFolder.create(config, data)
    run.write_environment(choose_device(config.device_target, config.device_id))
    ms.set_seed(config.seed)
    selection, seconds = select_fields(data, tasks, config)
    run.write("selection_seconds.json", seconds)
    run.write("selection.json", selection.to_json())
    print(f"{selection.selector} on {data.schema.dataset}, {seconds['total']:.1f} s")
    print(selection_table(selection))
    print(f"selection: {run.path / 'selection.json'}")
    if given.feature_rank:
        print(f"feature ranks: {', '.join(map(str, write_feature_ranks(selection, given.feature_rank)))}")

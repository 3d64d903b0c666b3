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
"""Make the report of a finished run again, with what every dropped field would cost; or print a table of several runs.

    python report.py --run_dir outputs/movielens-mmoe-multisfs-calibrated-42
    python report.py --run_dir RUN --all_fields RUN_WITH_ALL_FIELDS --open false
    python report.py RUN RUN ...                          # one table: fields, parameters, speed, AUC and log loss
    python report.py RUN RUN ... --html FILE              # and a page: differences with intervals, curves, fields

The costs need a run with all fields (train.py --selector none): the one named, else one with the same settings in
the same output folder. They are computed once and kept in the run folder's field_costs.json.
"""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

from ..command_line import parse, start_logging
from ..common.errors import UserError
from ..common.files import write_text
from ..common.option import Option
from ..run import RunFolder

OPTIONS = (
    Option("run_dir", "", "folder of a finished run", "path"),
    Option("all_fields", "", "run with all fields to take the costs from (default: one in the same folder)", "path"),
    Option("open", True, "open the page in a browser", "flag"),
    Option("html", "", "with RUN RUN ...: file for a page of these runs", "path"),
)


def main(arguments: list) -> None:
    """Computes missing costs, writes the page and opens it; for several runs, prints their table."""
    given = parse(arguments, __doc__, OPTIONS, settings=True, words=("RUN",))
    start_logging()
    if given.words:
        show_runs(given.words, given.html)
        return
    if given.html:
        raise UserError("html is the page of several runs; give them as report.py RUN RUN ... --html FILE")
    if not given.run_dir:
        raise UserError("--run_dir is missing; give --run_dir RUN for a page, or RUN RUN ... for a table")
    path = make_report(given.run_dir, given.all_fields, given.settings)
    print(path)
    if given.open and sys.stdout.isatty():
        webbrowser.open(path.resolve().as_uri())


def show_runs(runs: list, page: str) -> None:
    """Prints the table of several runs; writes a page of them, too, if ``page`` names a file."""
    from ..report.run_table import page_of_runs, table_of_runs

    print(table_of_runs(runs))
    if page:
        write_text(Path(page), page_of_runs(runs))
        print(page)


def make_report(run_dir: str, all_fields: str, settings: list) -> Path:
    """Writes report.html of a run, and before it what the page needs and is not there; returns its path."""
    from ..report import field_values, write_report
    from ..report.facts import compare_with, find_all_fields, keeps_all
    from ..report_inputs import write_costs, write_missing_predictions
    from ..workflow import load_run, open_data

    run, config = load_run(run_dir, settings)
    data = open_data(config)
    run.check_data(data)
    other = compare_with(run, RunFolder(Path(all_fields))) if all_fields else find_all_fields(run)
    if keeps_all(run.read_selection()):
        write_costs(run, run, data, config)
    elif other is not None:
        write_costs(run, RunFolder(other.path), data, config)
    write_missing_predictions(run, data, config)
    if other is not None:
        write_missing_predictions(RunFolder(other.path), data, config)
        other = compare_with(run, RunFolder(other.path))
    return write_report(run, data.schema, other, values=field_values(data))

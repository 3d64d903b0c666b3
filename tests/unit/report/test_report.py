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
"""The report of a run: what it shows is what the run's files hold, whatever they lack and whatever they are called."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from src.common.errors import UserError
from src.report.facts import AllFields, compare_with, find_all_fields, read_facts
from src.report.figures import MOST_BARS, log_threshold, write_plots
from src.report.page import POLICY, Cell, Table
from src.report.report import report, write_report
from src.report.tables import markdown_table
from src.run import RunFolder
from src.schema import Selection
from tests.commands import ROOT
from tests.report_helpers import HOSTILE, Page, all_kept, make_facts, write_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_the_page_shows_the_numbers_of_fields_that_were_tried():
    facts = make_facts()
    steps = [{"fields": {"t0": 1, "t1": 2}, "kept": False, "change": 0.0125, "error": 0.004,
              "losses": {"t0": 0.52, "t1": 0.41}},
             {"fields": {"t0": 3, "t1": 3}, "kept": True, "change": -0.001, "error": 0.003,
              "losses": {"t0": 0.5, "t1": 0.4}},
             {"fields": {"t0": 5, "t1": 5}, "kept": False, "change": None, "error": None, "losses": None}]
    chosen = dataclasses.replace(facts.selection, settings={**facts.selection.settings, "ladder": steps})
    page = Page(report(dataclasses.replace(facts, selection=chosen)))
    assert page.tables["Numbers of fields tried"][1:] == [
        ["1, 2", "+1.25 % ± 0.40 %", "0.5200", "0.4100", ""], ["3, 3", "-0.10 % ± 0.30 %", "0.5000", "0.4000", "✓"],
        ["5, 5", "not tried", "–", "–", ""]]
    assert "Numbers of fields tried" not in Page(report(facts)).tables


def test_the_page_shows_the_numbers_of_the_run():
    facts = make_facts()
    better = {**facts.metrics, "test": {task: {"auc": 0.8, "logloss": 0.4} for task in ("t0", "t1")}}
    costs = {"all_fields": "whole", "split": "valid", "auc": {"t0": 0.75, "t1": None},
             "without": {name: {"t0": 0.7 + i / 100, "t1": None} for i, name in enumerate(facts.selection.fields)}}
    page = Page(report(dataclasses.replace(
        facts, costs=costs, all_fields=AllFields(Path("runs/whole"), better, {"epochs": (2, 9)}))))
    results = page.tables["Metrics of every task, at the best epoch"]
    assert [cell.rstrip() for cell in results[0]] == ["task", "metric", "this run", "all fields", "change"]
    assert results[1] == ["t0", "test AUC", "0.7123", "0.8000", "-0.0877"]
    assert results[6] == ["t1", "test log loss", "0.5100", "0.4000", "+0.1100"]
    heat = {row[0]: row[1:] for row in page.tables["Fields of every task: 6 fields, 2 tasks"]}
    assert heat["f0"] == ["✓ 50.5", "51.5", "✓"] and heat["f2"] == ["✓ 16.83", "✓ 17.83", ""]
    assert page.tables["Fields two tasks have in common (Jaccard index)"][1:] == [
        ["t0", "3 (1.00)", "2 (0.50)"], ["t1", "2 (0.50)", "3 (1.00)"]]
    assert page.tables["Every epoch, on the validation split"][2][:3] == ["2", "0.6250", "0.7123"]
    cost = page.tables["Change of AUC without the field"]
    assert cost[1:3] == [["f0", "✓ -0.0500", "–"], ["f3", "-0.0200", "✓ –"]] and len(cost) == 5  # f1, f2: in both
    assert page.tables["Rows and positive rates"][1:] == [
        ["rows", "80,123", "10", "0"], *([f"positive rate of t{i}", "0.2500", "0.1250", "–"] for i in (0, 1))]
    assert page.tables["Fields"][1] == ["f0", "1,000", "categorical", "raw", "1"]
    assert ["learning_rate", "0.000123456"] in page.tables["Settings of the run"]
    assert ["numpy", "1.26.4"] in page.tables["Machine and versions"]
    assert ["parameters", "123,456", "123,456"] in page.tables["Size and speed"]
    for words in ("python train.py --tasks 'a b'", "chance 3", "It differs in epochs: 9, here 2.",
                  "2 of 6 fields are kept by all tasks, 2 by some, 2 by none",
                  "run whole (all fields: t0 0.7500, t1 –)"):
        assert words in page.text, words


@pytest.mark.parametrize("tasks, fields", [(1, 1), (1, 10), (5, 10), (2, 200)])
def test_every_size_makes_a_sound_page(tasks, fields, tmp_path):
    facts = make_facts(tasks, fields)
    page = Page(report(facts))
    assert not page.open, "a tag stays open"
    heat = page.tables[f"Fields of every task: {fields} fields, {tasks} tasks"]
    assert len(heat) == fields + 1 and {len(row) for row in heat} == {tasks + 2}
    fields = min(fields, MOST_BARS)
    bars = [attributes["id"] for tag, attributes in page.tags if tag == "g" and "-bar" in attributes.get("id", "")]
    assert len(bars) == tasks * fields
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for tag, attributes in page.tags:
        assert tag not in ("img", "link", "iframe", "object") and not {"src", "onclick"} & set(attributes)
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden")
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}) in page.tags
    write_plots(facts, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"selection.png", "curves.png"}


def test_hostile_names_are_text(tmp_path):
    facts = make_facts(names=HOSTILE, config={"selection": "none", "<b>": "<i>"})
    facts = dataclasses.replace(facts, path=Path("runs/<u>"), env={"command": ["train.py", "<s>"]})
    text = report(facts)
    page = Page(text)
    assert not {"b", "i", "u", "s"} & {tag for tag, _ in page.tags}
    assert sum(tag == "script" for tag, _ in page.tags) == 1 and "onclick" not in {
        key for _, attributes in page.tags for key in attributes}
    names = [row[0] for row in page.tables["Fields"][1:]]
    assert names == [*HOSTILE[:-2], r"a\u202eb\u001b\u000a", "{{ 7 * 7 }}"]
    assert not {"\u202e", "\x1b"} & set(text) and "\\u202e" in page.text
    write_plots(facts, tmp_path)


def test_names_in_markdown_are_one_cell_of_text():
    table = markdown_table(["<u>t</u>|\"", "b"], [["a\u202eb\nc", "1"]]).splitlines()
    assert table == [r'| &lt;u>t&lt;/u>\|" | b |', "| " + "-" * 17 + " | - |", r"| a\u202eb\u000ac   | 1 |"]


def test_a_table_is_downloaded_as_csv_that_runs_nothing():
    table = Table("c", ["field", "score"], [["=2+3", Cell("-0.33", -1 / 3)], ['a,"b', Cell("–")]])
    kind, text = table.download.split(",", 1)
    assert kind == "data:text/csv;charset=utf-8"
    assert list(csv.reader(unquote(text).splitlines())) == [
        ["field", "score"], ["'=2+3", repr(-1 / 3)], ['a,"b', ""]]


def test_what_a_run_lacks_is_said():
    facts = make_facts()
    nothing = {task: {"auc": None, "logloss": None} for task in facts.selection.tasks}
    bare = all_kept(dataclasses.replace(
        facts, history=[{"epoch": 1, "train_loss": 0.5, "valid": nothing}],
        metrics={**facts.metrics, "valid": nothing, "test": nothing, "mean_auc": None, "best_epoch": 1}))
    text = Page(report(bare)).text
    for words in ("This run has all fields", "No scores", "no relations", "mean test AUC cannot be computed",
                  "Not computed yet", "python report.py --run_dir runs/one"):
        assert words in text, words
    level = dataclasses.replace(facts.selection, settings={"chance": None})
    text = Page(report(dataclasses.replace(facts, selection=level, history=[]))).text
    for words in ("has no chance level", "has no epoch", "There is no run with all fields", "--all_fields"):
        assert words in text, words
    assert "There is one task" in Page(report(make_facts(tasks=1))).text


def test_relations_and_where_they_are_not_told():
    facts = make_facts()
    matrices = {name: [[1.0, 0.25], [-0.5, 1.0]] for name in facts.selection.fields}
    facts = dataclasses.replace(facts, selection=dataclasses.replace(facts.selection, relations=matrices))
    page = Page(report(facts))
    assert page.tables["Mean relation over fields"][1:] == [["t0", "1.000", "0.250"], ["t1", "-0.500", "1.000"]]
    assert page.tables["Relations of every field"][1] == ["f0", "1.000", "0.250", "-0.500", "1.000"]
    assert "sum over tasks of relation times score" in page.text
    shared = dataclasses.replace(facts.selection, settings={"score": "calibrated", "relation": "evidence"})
    text = Page(report(dataclasses.replace(facts, selection=shared))).text
    assert "How far two tasks agree" in text and "relation times score" not in text
    page = Page(report(dataclasses.replace(facts, config={"selection": "other/selection.json"})))
    assert "Mean relation over fields" not in page.tables and "read from other/selection.json" in page.text


def test_a_scale_is_logarithmic_where_scores_dwarf_others():
    assert log_threshold([1.0, 2.0, 19.0], 1.0) is None and log_threshold([0.0, 0.0], None) is None
    assert log_threshold([-3.0, 3.0, 3000.0], 3.0) == 3.0
    assert log_threshold([0.5, -1.0, 2000.0], None) == 1.0, "without a chance level, the median magnitude"


def test_commands_name_no_absolute_path():
    facts = make_facts(path=ROOT / "outputs" / "one", env={"command": ["train.py", f"output_dir={ROOT}/outputs/x"]})
    text = Page(report(facts)).text
    assert "python train.py output_dir=outputs/x" in text and "report.py --run_dir outputs/one" in text


def test_a_run_with_all_fields_is_found_in_the_same_folder(tmp_path):
    facts = make_facts()
    run = write_run(tmp_path, facts)
    assert find_all_fields(run) is None
    write_run(tmp_path, all_kept(facts), "another seed", selector="none", seed=43)
    write_run(tmp_path, all_kept(facts), "damaged", selector="none")
    (tmp_path / "damaged" / "metrics.json").write_text("{")
    assert find_all_fields(run) is None
    whole = write_run(tmp_path, all_kept(facts), "whole", selector="none", run_name="whole")
    assert find_all_fields(run) == AllFields(whole.path, facts.metrics)
    assert find_all_fields(whole) is None
    assert compare_with(run, RunFolder(tmp_path / "another seed")).differences == {"seed": (42, 43)}
    path = write_report(run, facts.schema)
    assert "All fields: run whole." in path.read_text(encoding="utf-8") and (path.parent / "plots").is_dir()
    other = all_kept(make_facts(tasks=3))
    for bad, words in ((run, "does not keep all"), (write_run(tmp_path, other, "three"), "other tasks")):
        with pytest.raises(UserError, match=words):
            compare_with(run, bad)


def test_the_report_comes_before_the_last_file_of_a_run(tmp_path):
    """metrics.json makes a run a finished one; what belongs to it is there by then."""
    facts = make_facts()
    run = write_run(tmp_path, facts)
    (run.path / "metrics.json").unlink()
    with pytest.raises(UserError, match="has no metrics.json"):
        write_report(run, facts.schema)
    path = write_report(run, facts.schema, metrics=facts.metrics)
    assert "0.7123" in path.read_text(encoding="utf-8") and len(list((run.path / "plots").iterdir())) == 2
    assert not run.finished


def test_the_history_of_another_run_is_refused(tmp_path):
    facts = make_facts()
    run = write_run(tmp_path, facts)
    for history in (facts.history[:1], [*facts.history, {**facts.history[1], "epoch": 3}], [],
                    [facts.history[0], {**facts.history[1], "valid": {
                        task: {**entry, "logloss": entry["logloss"] + 0.001}
                        for task, entry in facts.metrics["valid"].items()}}]):
        run.write_history(history)
        with pytest.raises(UserError, match="history.jsonl is that of another run: its best epoch is not that of"):
            read_facts(run, facts.schema)


@pytest.mark.parametrize("file, content", [
    ("selection.json", "{}"), ("env.json", "[]"), ("env.json", "{}"), ("history.jsonl", '{"epoch": 1}\n'),
    ("history.jsonl", "{"), ("metrics.json", '{"valid": {}}'), ("metrics.json", "[]"), ("config.yaml", "a: [1"),
    ("field_costs.json", '{"auc": {}, "without": {}}'), ("metrics.json", None), ("selection.json", None),
])
def test_a_damaged_file_is_named(tmp_path, file, content):
    facts = make_facts()
    run = write_run(tmp_path, facts)
    assert read_facts(run, facts.schema).metrics == facts.metrics
    if content is None:
        (run.path / file).unlink()
    else:
        (run.path / file).write_text(content)
    with pytest.raises(UserError, match=file):
        write_report(run, facts.schema)
    assert not (run.path / "report.html").exists()


def test_other_fields_than_the_run_has(tmp_path):
    run = write_run(tmp_path, make_facts())
    with pytest.raises(UserError, match="other fields"):
        read_facts(run, make_facts(fields=7).schema)


def chromium(page: Path, tmp_path: Path) -> tuple[str, str]:
    """The page's DOM after its scripts, and what was logged."""
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
         f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True, env={**os.environ, "HOME": str(tmp_path)})
    return done.stdout, done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH; apt-get install chromium")
def test_in_a_browser_the_page_is_clean_and_its_tables_sort(tmp_path):
    text = report(make_facts(names=[*HOSTILE, "f6", "f10"]))
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    dom, log = chromium(tmp_path / "report.html", tmp_path)
    assert "CONSOLE" not in log, log
    assert dom.rstrip().endswith("</html>") and "Learning curves" in dom
    # The same page with a user at the end, who sorts one table by each of three columns, one of them twice.
    steps = """<script>
const table = document.querySelector("#data table:has(th:nth-child(5))"), seen = [];
const press = column => {
  const head = table.tHead.rows[0].cells[column];
  head.firstChild.focus();
  head.firstChild.click();
  seen.push([head.getAttribute("aria-sort"), ...[...table.tBodies[0].rows].map(row => row.cells[column].textContent)]);
};
[1, 1, 0, 4].forEach(press);
seen.push(document.activeElement.textContent, table.querySelectorAll("[aria-sort=none]").length);
document.body.append(Object.assign(document.createElement("output"), {textContent: JSON.stringify(seen)}));
</script>"""
    (tmp_path / "pressed.html").write_text(text.replace("</body>", steps + "</body>"), encoding="utf-8")
    dom, log = chromium(tmp_path / "pressed.html", tmp_path)
    assert "CONSOLE" not in log, log
    up, down, names, kept, focused, unsorted = json.loads(
        dom.split("<output>")[1].split("</output>")[0].replace("&lt;", "<").replace("&gt;", ">"))
    numbers = [f"{1000 + i:,}" for i in range(10)]
    assert up == ["ascending", *numbers] and down == ["descending", *reversed(numbers)]
    assert names[0] == "ascending" and names.index("f6") < names.index("f10")
    assert kept[0] == "ascending" and kept[1:] == sorted(kept[1:])
    assert focused == "tasks that keep it" and unsorted == 4


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH; apt-get install chromium")
def test_a_browser_reports_a_page_that_wants_the_network(tmp_path):
    """The check above can fail: the policy refuses what would be fetched, and the browser says so."""
    text = report(make_facts()).replace("</main>", '<img alt="" src="https://example.com/a.png"></main>')
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    assert "CONSOLE" in chromium(tmp_path / "report.html", tmp_path)[1]


def test_selection_of_a_reused_file_may_lack_a_task():
    facts = make_facts()
    scores = {"t0": facts.selection.scores["t0"]}
    selection: Selection = dataclasses.replace(facts.selection, scores=scores)
    page = Page(report(dataclasses.replace(facts, selection=selection, config={"selection": "x.json"})))
    assert page.tables["Fields of every task: 6 fields, 2 tasks"][1] == ["f0", "✓ 50.5", "–", "✓"]

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
"""python -m pytorch_reference on real runs: it agrees, notices a wrong weight, converts both ways."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: pip install -r requirements/pytorch.txt")

from pytorch_reference.__main__ import main  # noqa: E402
from pytorch_reference.networks.models import BACKBONES, Shape  # noqa: E402
from src.common.errors import run_program  # noqa: E402
from tests.commands import run  # noqa: E402

SMALL = ["epochs=1", "embedding_dim=4", "bottom_dims=[8,6]", "tower_dims=[5]", "experts=4", "batch_size=128",
         "score=paper", "score_batches=2", "relation=none", "progress=false", "report=false"]
TABLE = """
fields: [{names}]
tasks: [{{name: click, label: click}}, {{name: like, label: like}}, {{name: buy, label: buy}}]
split: {{by: random, seed: 1, parts: [0.8, 0.1, 0.1]}}
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """3,000 rows of six fields; the first three matter for three tasks."""
    folder = tmp_path_factory.mktemp("compare")
    rng = np.random.default_rng(0)
    ids = np.stack([rng.integers(0, size, 3000) for size in (3, 8, 40, 5, 12, 2)], 1)
    chance = 1 / (1 + np.exp(1.5 - ids[:, 0] - 0.5 * (ids[:, 1] % 2) - (ids[:, 2] % 3 == 0)))
    labels = rng.random((3000, 1)) < chance[:, None] * [1, 0.6, 0.4]
    lines = ["a,b,c,d,e,g,click,like,buy"] + [",".join(map(str, row)) for row in np.hstack([ids, labels.astype(int)])]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    names = ", ".join(f"{{name: {name}, kind: categorical}}" for name in "abcdeg")
    (folder / "table.yaml").write_text(TABLE.format(names=names))
    done = run("preprocess.py", "--dataset", "table", "--raw_dir", folder / "rows.csv", "--table",
               folder / "table.yaml", "--data_dir", folder / "set")
    assert done.returncode == 0, done.stderr
    return folder / "set"


def train(prepared, output, backbone, tasks, pruned):
    how = ["keep_fields=3"] if pruned else ["selector=none"]
    done = run("train.py", "dataset=table", f"data_dir={prepared}", f"output_dir={output}", "run_name=run",
               f"backbone={backbone}", f"tasks={','.join(['click', 'like', 'buy'][:tasks])}", *how, *SMALL)
    assert done.returncode == 0, done.stderr
    return output / "run"


@pytest.fixture(scope="module")
def pruned_ple(prepared, tmp_path_factory):
    return train(prepared, tmp_path_factory.mktemp("runs"), "ple", 3, True)


@pytest.fixture(scope="module")
def written(pruned_ple):
    """The run's state_dict, as written for MTReclib's classes."""
    file = pruned_ple.parent / "ple.pt"
    done = run("-m pytorch_reference", "--run_dir", pruned_ple, "--to_pytorch", file, "--numerical", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agrees with PyTorch" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[1:5]] == ["logits", "loss", "AUC", "gradient"]
    return file


def test_the_written_state_dict_gives_the_runs_own_metrics(pruned_ple, written, prepared):
    """A class that reads all fields on every path, and MTReclib's numerical input, predicts what metrics.json says."""
    note = json.loads(Path(f"{written}.json").read_text())
    schema = json.loads((prepared / "schema.json").read_text())
    columns = [[field["name"] for field in schema["fields"]].index(name) for name in note["fields"]]
    shape = Shape(tuple(note["categorical_field_dims"]), 3, 4, (8, 6), (5,), 4, 0.0, numerical=2)
    model = BACKBONES["ple"](shape).eval()
    model.load_state_dict(torch.load(written, weights_only=True), strict=True)
    ids, labels = np.load(prepared / "test-00000-ids.npy"), np.load(prepared / "test-00000-labels.npy")
    with torch.no_grad():
        logits = model(torch.tensor(ids[:, columns]), numerical=torch.randn(len(ids), 2)).double().numpy()
    losses = (np.logaddexp(0, logits) - labels * logits).mean(0)
    metrics = json.loads((pruned_ple / "metrics.json").read_text())
    assert losses == pytest.approx([metrics["test"][task]["logloss"] for task in ("click", "like", "buy")], rel=1e-6)


def compare(*arguments):
    """The program in this process, for the exit code alone."""
    with pytest.raises(SystemExit) as end, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["-m pytorch_reference", *map(str, arguments)])
        run_program(main)
        sys.exit(0)
    return end.value.code


def test_a_wrong_weight_is_noticed_and_a_converted_one_agrees(pruned_ple, written, tmp_path, capsys):
    state = torch.load(written, weights_only=True)
    state["tower.1.mlp.0.weight"][0, 0] += 0.5
    torch.save(state, tmp_path / "wrong.pt")
    assert compare("--run_dir", pruned_ple, "--from_pytorch", tmp_path / "wrong.pt") == 1
    assert "beyond tolerance" in capsys.readouterr().out
    assert compare("--run_dir", pruned_ple, "--from_pytorch", tmp_path / "wrong.pt", "--to_checkpoint",
                   tmp_path / "converted.ckpt") == 0
    assert {"converted.ckpt", "converted.ckpt.sha256"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
def test_a_converted_checkpoint_serves_a_run(pruned_ple, written, tmp_path):
    """Converted weights in place of best.ckpt: eval.py gives the numbers they had."""
    assert compare("--run_dir", pruned_ple, "--from_pytorch", written, "--to_checkpoint", tmp_path / "best.ckpt") == 0
    for name in ("config.yaml", "selection.json"):
        (tmp_path / name).write_bytes((pruned_ple / name).read_bytes())
    done = run("eval.py", "--run_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["test"] == json.loads((pruned_ple / "metrics.json").read_text())["test"]


@pytest.mark.parametrize("arguments, word", [
    (["--from_pytorch", "none.pt"], "none.pt"), (["--from_pytorch", "text.pt"], "is no state_dict"),
    (["--from_pytorch", "short.pt"], "has no tower.0.mlp.0.bias"), (["--tolerance", "-1"], "tolerance"),
    (["--split", "tets"], "did you mean test"), (["--to_checkpoint", "a.ckpt"], "--from_pytorch"),
])
def test_bad_input_is_one_line(pruned_ple, written, tmp_path, monkeypatch, capsys, arguments, word):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.pt").write_text("not weights")
    state = torch.load(written, weights_only=True)
    del state["tower.0.mlp.0.bias"]
    torch.save(state, "short.pt")
    assert compare("--run_dir", pruned_ple, *arguments) == 2
    assert word in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("tasks", [2, 3])
@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_every_backbone_agrees(prepared, tmp_path, backbone, tasks, pruned):
    folder = train(prepared, tmp_path, backbone, tasks, pruned)
    done = run("-m pytorch_reference", "--run_dir", folder)
    assert done.returncode == 0, done.stdout + done.stderr

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
"""tools/gpu/speed: a training step of ours and of PyTorch's, measured on the CPU, for want of a card."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.gpu import speed


def test_a_line():
    assert speed.line("ours, float16", 1024, [0.002, 0.001, 0.004], 3 << 20) == (
        "ours, float16: 2.00 ms (1.00-4.00), 512,000 rows/s, 3 MiB")
    assert speed.line("ours, float32", 1, [1.0], None).endswith("1 rows/s, memory unknown")


def test_what_counts():
    calls = []
    assert len(speed.measure(lambda: calls.append(1), warm=2, rounds=3, steps=4)) == 3 and len(calls) == 14


def test_wrong_words(capsys):
    with pytest.raises(SystemExit, match="speed ours GPU kuairand mmoe"):
        speed.main(["ours", "GPU", "kuairnd", "mmoe"])


@pytest.mark.slow
@pytest.mark.parametrize("whose, device, forms", [("ours", "CPU", 2), ("pytorch", "cpu", len(speed.TORCH_FORMS))])
def test_every_form_has_a_line(whose, device, forms, capsys, monkeypatch):
    if whose == "pytorch":
        pytest.importorskip("torch")
        plain = {name: form for name, form in speed.TORCH_FORMS.items() if not form[2]}
        monkeypatch.setattr(speed, "TORCH_FORMS", plain)
        forms = len(speed.TORCH_FORMS)  # compiling takes a minute
    monkeypatch.setattr(speed, "measure", lambda step: [(step(), 0.5)[1]])
    speed.main([whose, device, "movielens", "shared_bottom"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == forms
    assert all(re.fullmatch(rf"{whose}, .*: 500.00 ms \(500.00-500.00\), 2,048 rows/s, memory unknown", found)
               for found in lines), lines


def test_pytorchs_side_needs_pytorch_alone():
    """The Python of a machine with a card has no MindSpore, Polars or pydantic."""
    code = ("import sys\nfor name in ('mindspore', 'polars', 'pydantic', 'yaml', 'sklearn'): sys.modules[name] = None\n"
            "import tools.gpu.speed\n"
            "try: import torch\nexcept ImportError: sys.exit()\nimport pytorch_reference.networks.models")
    subprocess.run([sys.executable, "-c", code], cwd=Path(speed.__file__).parents[2], check=True)

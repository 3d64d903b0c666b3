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
"""What precision a run has, and that a process has one for good."""

import os
import subprocess
import sys

import pytest

from src.common.errors import UserError
from src.training.machine import precision
from src.training.machine.precision import choose_precision, fast_instructions
from tests.helpers import make_config

WITHOUT_BF16 = pytest.mark.skipif(not fast_instructions(), reason="this processor has no products of bfloat16")
WIDE = {"bottom_dims": (256, 8)}


@pytest.fixture(autouse=True)
def mindspore_2(monkeypatch):
    """What is tested here is what MindSpore 2 does, on 1.10 too."""
    monkeypatch.setattr(precision, "LOW_PRECISION", True)


@pytest.mark.parametrize("has, sizes, wanted, expected", [
    (["amx_bf16"], WIDE, "auto", "bf16"), ([], WIDE, "auto", "float32"), (["amx_bf16"], {}, "auto", "float32"),
    (["amx_bf16"], {}, "bf16", "bf16"), (["amx_bf16"], WIDE, "float32", "float32")])
def test_auto_takes_bf16_for_wide_networks_where_the_processor_has_it(has, sizes, wanted, expected, monkeypatch):
    monkeypatch.setattr(precision, "fast_instructions", lambda: has)
    assert choose_precision(make_config(precision=wanted, **sizes), "CPU") == expected


def test_other_devices_have_float32(monkeypatch):
    monkeypatch.setattr(precision, "fast_instructions", lambda: ["amx_bf16"])
    assert choose_precision(make_config(precision="auto", **WIDE), "GPU") == "float32"
    with pytest.raises(UserError, match="^precision bf16 is for CPUs, this device is GPU; expected float16, float32 or "
                                        "auto$"):
        choose_precision(make_config(precision="bf16"), "GPU")


def test_float16_is_for_gpu_and_ascend():
    assert choose_precision(make_config(precision="float16"), "Ascend") == "float16"
    with pytest.raises(UserError, match="^precision float16 is for GPU and Ascend, this device is CPU; expected bf16, "
                                        "float32 or auto$"):
        choose_precision(make_config(precision="float16"), "CPU")


@pytest.mark.parametrize("wanted, device", [("float16", "GPU"), ("bf16", "CPU")])
def test_mindspore_1_has_float32_alone(wanted, device, monkeypatch):
    monkeypatch.setattr(precision, "LOW_PRECISION", False)
    assert choose_precision(make_config(precision="auto", **WIDE), device) == "float32"
    with pytest.raises(UserError, match=f"^precision {wanted} needs MindSpore 2, this is 1.10; expected float32 or "):
        choose_precision(make_config(precision=wanted), device)


def test_bf16_is_refused_where_it_would_not_be_faster(monkeypatch):
    monkeypatch.setattr(precision, "fast_instructions", list)
    with pytest.raises(UserError, match="^precision bf16 needs a CPU with amx_bf16, which"):
        choose_precision(make_config(precision="bf16"), "CPU")


def test_instructions_are_read_from_linux(tmp_path):
    (tmp_path / "cpuinfo").write_text("flags : fpu avx512f avx512_bf16 amx_bf16\nbugs :\n")
    assert fast_instructions(tmp_path / "cpuinfo") == ["amx_bf16"]
    assert fast_instructions(tmp_path / "missing") == []


def test_a_processor_without_amx_computes_in_float32(tmp_path, monkeypatch):
    """AVX512-BF16 alone: oneDNN computes in float32 whatever it is told, so that auto must not ask for more."""
    (tmp_path / "cpuinfo").write_text("flags : fpu avx512f avx512_bf16\nbugs :\n")
    has = fast_instructions(tmp_path / "cpuinfo")
    monkeypatch.setattr(precision, "fast_instructions", lambda: has)
    assert has == [] and choose_precision(make_config(precision="auto", **WIDE), "CPU") == "float32"


@WITHOUT_BF16
@pytest.mark.parametrize("first, second", [("bf16", "float32"), ("float32", "bf16")])
def test_a_process_has_one_precision(first, second):
    """In a process of its own, for the same reason; the environment of the user does not count."""
    code = ("from src.training import choose_device, set_products; from src.common.errors import UserError\n"
            f"choose_device('CPU'); set_products('{first}')\n"
            f"try: set_products('{second}')\nexcept UserError as error: print(error)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "ONEDNN_DEFAULT_FPMATH_MODE": "BF16"})
    assert f"products of this process are {first}, not {second}" in done.stdout

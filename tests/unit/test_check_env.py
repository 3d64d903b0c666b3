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
"""scripts/lib/check_env.py: the CUDA folder it assembles, what it finds missing, how it says so."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("check_env", ROOT / "scripts" / "lib" / "check_env.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path):
    """A site-packages folder with two of NVIDIA's wheels, empty libraries and all."""
    for name in ("cuda_runtime/lib/libcudart.so.11.0", "cublas/lib/libcublas.so.11"):
        path = tmp_path / "site" / "nvidia" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    return tmp_path / "site"


def test_toolkit_of_the_wheels(check, site, tmp_path):
    home = tmp_path / "a toolkit"
    for _ in range(2):  # a second time completes the first
        assert check.assemble_toolkit(site, home) == home
    names = {path.name for path in (home / "lib64").iterdir()}
    assert names == {"libcudart.so.11.0", "libcublas.so.11", f"libcudart.so.{check.PLUGIN_CUDA}.0"}
    assert all((home / "lib64" / name).resolve().exists() for name in names)
    shown = subprocess.run([str(home / "bin" / "nvcc"), "--version"], capture_output=True, text=True, check=True).stdout
    assert shown == f"Cuda compilation tools, release {check.PLUGIN_CUDA}, V{check.PLUGIN_CUDA}.0\n"


def test_no_wheels_no_toolkit(check, tmp_path):
    assert check.assemble_toolkit(tmp_path, tmp_path / "home") is None
    assert not (tmp_path / "home").exists()


def test_only_cuda_11_of_the_system_counts(check, site, tmp_path, monkeypatch):
    home = check.assemble_toolkit(site, tmp_path / "eleven")
    monkeypatch.setenv("CUDA_HOME", str(home))
    assert check.system_toolkits()[0] == home
    nvcc = home / "bin" / "nvcc"
    nvcc.write_text(nvcc.read_text().replace(f"release {check.PLUGIN_CUDA}", "release 12.4"))
    assert home not in check.system_toolkits()


@pytest.mark.skipif(sys.platform != "linux", reason="the GPU plug-in is for Linux")
def test_ldd_is_read(check):
    """This Python needs libc, which is no CUDA library; the plug-in without CUDA's folder lacks several."""
    assert check.resolve_libraries(Path(sys.executable).resolve(), None) == {}


@pytest.mark.slow
def test_every_library_but_the_drivers_is_found(check, tmp_path):
    """The wheels of requirements/gpu.txt and MindSpore's own folders leave exactly the driver's library open."""
    site = Path(os.environ.get("MULTISFS_CUDA_SITE", sysconfig.get_paths()["purelib"]))
    home = check.assemble_toolkit(site, tmp_path / "toolkit")
    if home is None:
        pytest.skip(f"no CUDA wheels in {site}: pip install -r requirements/gpu.txt, or name their folder in "
                    "MULTISFS_CUDA_SITE")
    plugin = check.plugin_path()
    assert plugin is not None
    found = check.resolve_libraries(plugin, home)
    assert check.missing_libraries(plugin, home) == []
    assert found.get(check.DRIVER) is not None, "the plug-in asks for the driver's library"
    needed = {"libcublas.so.11", "libcurand.so.10", "libcudnn.so.8", "libcudart.so.11.0", "libcusolver.so.11",
              "libcufft.so.10", "libcusparse.so.11"}
    assert needed <= set(found)
    assert all(Path(found[name]).is_relative_to(home) for name in needed)


@pytest.mark.parametrize(("target", "problem"), [("GPU", "libcuda.so.1 not found"), ("Ascend", "/dev/davinci9")])
def test_report_names_what_is_missing(check, capsys, monkeypatch, target, problem):
    monkeypatch.setattr(check, "DRIVER", "libcuda.so.1-not-here")
    monkeypatch.setattr(check, "driver_problem", lambda device: "no NVIDIA driver (libcuda.so.1 not found)")
    assert check.main(["report", target, "9"]) == 1
    missing = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  MISSING")]
    assert problem in missing[0] and "install the" in missing[0]
    assert check.main(["problem", target, "9"]) == 0
    assert problem in capsys.readouterr().out


@pytest.mark.parametrize("free, shown", [
    (None, ("free memory", "", "unknown, nvidia-smi does not say")), (8000, ("free memory", "", "8000 MiB")),
    (300, ("free memory", "only 300 MiB", "end other processes on the GPU, or lower batch_size"))])
def test_free_memory(check, monkeypatch, free, shown):
    monkeypatch.setattr(check, "driver_problem", lambda device: "")
    monkeypatch.setattr(check, "plugin_path", lambda: Path("libmindspore_gpu.so.11.6"))
    monkeypatch.setattr(check, "find_toolkit", lambda: None)
    monkeypatch.setattr(check, "resolve_libraries", lambda plugin, home: {})
    monkeypatch.setattr(check, "mindspore_problem", lambda target, device: "")
    monkeypatch.setattr(check, "free_memory", lambda device: free)
    assert list(check.gpu_checks(0))[-1] == shown


def test_driver_that_is_not_there(check, monkeypatch):
    monkeypatch.setattr(check, "DRIVER", "libnothing.so.1")
    assert check.driver_problem(0) == "no NVIDIA driver (libnothing.so.1 not found)"


@pytest.mark.slow
def test_the_cpu_passes(check, capsys):
    assert check.main(["report", "CPU"]) == 0
    assert "MISSING" not in capsys.readouterr().out

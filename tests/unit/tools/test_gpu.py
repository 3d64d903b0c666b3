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
"""tools/gpu: reading saved graphs, the dry run over stub CUDA libraries, and what is said of Ascend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lib.check_env import plugin_path
from src.common.errors import UserError
from src.settings import choices
from tools.gpu import __main__ as tool
from tools.gpu import stubs
from tools.gpu.ascend import ascend_lines, cpu_kernels, kernel_names
from tools.gpu.graphs import Kernel, read_folder, read_kernels
from tools.gpu.programs import WITHOUT_NETWORK, programs

# As MindSpore 2.10 writes it, shortened; "MindSporesOwn" and "Conjured" are invented.
GRAPH = """\
subgraph @kernel_graph0() {
  %0(equiv_1_CNode_1) = Load(%para1_w, UMonad[U]) cnode_attrs: {checkpoint: Bool(1)}
      : (<Ref[Tensor[Float32]], (8, 4), ref_key=w>, <UMonad, NoShape>) -> (<Tensor[Float32], (8, 4)>)
      # Scope: (Default)
  %1(equiv_2_CNode_2) = PrimFunc_Gather(%0, Tensor(shape=[2, 2], dtype=Int32, value=
[[0 1]
 [2 3]]), I64(0)) {instance name: gather} primitive_attrs: {batch_dims: I64(0)}
      : (<Tensor[Float32], (8, 4)>, <Tensor[Int32], (2, 2), value=...>, <Int64, NoShape>) -> (<Tensor[Float32], (2, 2)>)
  %2(CNode_3) = Conjured(%1, %1) primitive_attrs: {kernel_backoff_with_failure_info: "Unsupported op [Conjured] on \
GPU, Please confirm#dmsg#The Function Call Stack:#dmsg#In file a.py:1"} cnode_attrs: {}
      : (<Tensor[Float32], (2, 2)>, <Tensor[Float32], (2, 2)>) -> (<Tuple[Tensor[Float32],Tensor[Int8]]>)
  Return(%2)
      : (<Tensor[Float32], (2, 2, 4)>)
}
"""
GATHER = Kernel("Gather", ("Float32", "Int32"), ("Float32",))
CONJURED = Kernel("Conjured", ("Float32",), ("Float32", "Int8"), "Unsupported op [Conjured] on GPU, Please confirm")


def result(*kernels: Kernel, error: str = "", name: str = "train") -> dict:
    return {"name": name, "expanded": ["Muls"], "error": error,
            "kernels": [{"name": kernel.name, "inputs": list(kernel.inputs), "outputs": list(kernel.outputs),
                         "reason": kernel.reason} for kernel in kernels]}


def test_operators_types_and_reasons_are_read():
    assert read_kernels(GRAPH) == {GATHER, CONJURED}


def test_what_the_back_end_expands(tmp_path):
    (tmp_path / "hwopt_d_before_optimization_without_backend_graph_0_0001.ir").write_text(
        GRAPH.replace("PrimFunc_Gather", "PrimFunc_Muls"))
    (tmp_path / "rank_0").mkdir()
    (tmp_path / "rank_0" / "graph_build_0_0002.ir").write_text(GRAPH)
    assert read_folder(tmp_path) == ({GATHER, CONJURED}, {"Muls"})


@pytest.mark.parametrize("results, words", [
    ([result(GATHER, CONJURED)], "no GPU kernel: Conjured(Float32) -> Float32, Int8: Unsupported op [Conjured]"),
    ([result(GATHER), result(GATHER, error="TypeError: no kernel", name="select")], "failed: select: TypeError"),
    ([result()], "failed: train: no graph was compiled"), ([], "0 programs")])
def test_a_dry_run_that_fails(results, words):
    lines, good = tool.summary(results)
    assert not good and words in "\n".join(lines)


def test_a_dry_run_that_passes():
    lines, good = tool.summary([result(GATHER)])
    assert good and "  Gather(Float32, Int32) -> Float32" in lines and lines[-1] == "every operator has a GPU kernel"


def test_every_variant_is_among_the_programs():
    cases = programs()
    for backbone in choices("backbone"):
        assert {f"train-{backbone}-{kind}" for kind in ("dense", "lazy", "masks", "float16")} <= set(cases)
    given = {argument for _, arguments in cases.values() for argument in arguments}
    without = {f"selector={name}" for name in (*WITHOUT_NETWORK, "none", "multisfs")}  # multisfs: named by its score
    assert {f"selector={name}" for name in choices("selector")} - given <= without
    assert {"score=paper", "score=calibrated", "relation=gnn", "relation=pearson"} <= given and "eval" in cases


def test_unknown_program():
    with pytest.raises(UserError, match="trian-ple-lazy.*did you mean train-ple-lazy"):
        tool.main(["only=trian-ple-lazy"])


def test_without_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setattr(stubs.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="gcc and nm and readelf not found.*apt install"):
        stubs.build_stubs(tmp_path / "libmindspore_gpu.so.11.6", tmp_path / "stubs")


@pytest.fixture(scope="module")
def needs_plugin():
    plugin = plugin_path()
    if plugin is None or not plugin.name.endswith(".11.6"):
        pytest.skip("this MindSpore has no GPU plug-in for CUDA 11.6")
    if stubs.missing_tools():
        pytest.skip(stubs.missing_tools())
    return plugin


@pytest.mark.slow
def test_missing_kernels_are_found(needs_plugin, tmp_path):
    """MindSpore's plug-in has no FusedSparseLazyAdam, and no product of 8-bit integers; the CPU would take both."""
    results = tool.dry_run(tmp_path, ["missing"])
    lines, good = tool.summary(results)
    missing = [line for line in lines if line.startswith("no GPU kernel: ")]
    assert not good and len(missing) == 2, lines
    assert missing[0].startswith("no GPU kernel: FusedSparseLazyAdam(Float32, Int32) -> Float32: Unsupported op")
    assert missing[1].startswith("no GPU kernel: MatMul(Int8) -> Int8: ") and "Unsupported data type" in missing[1]


@pytest.mark.slow
def test_everything_has_a_gpu_kernel(needs_plugin, tmp_path):
    results = tool.dry_run(tmp_path)
    lines, good = tool.summary(results)
    assert good, "\n".join(lines)
    assert [result["name"] for result in results] == list(programs())


@pytest.mark.slow
def test_a_card_is_told(needs_plugin, tmp_path):
    environment = stubs.build_stubs(needs_plugin, tmp_path / "stubs")
    root = Path(tool.__file__).parents[2]
    done = subprocess.run([sys.executable, str(root / "scripts" / "lib" / "device_facts.py"), "found", "GPU", "0",
                           "precision=float16"], env={**environment, "PATH": "/usr/bin:/bin"}, capture_output=True,
                          text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "GPU 0: Stub, compute capability 8.8, 4096 MiB"
    assert lines[1].endswith("knows CUDA up to 12.2") and lines[2].startswith("CUDA runtime: 11.8 (/")
    assert lines[3].startswith("cuDNN: 8.9.6 (/") and lines[4] == "precision: float16 in products, else float32"


@pytest.mark.slow
def test_a_card_that_does_not_add_is_refused(needs_plugin, tmp_path):
    """As the stubs are, whose kernels do nothing and say nothing."""
    code = ("from src.training.machine import device; device.SIGNS['GPU'] = ('/dev/null',); "
            "print(device.choose_device('GPU'))")
    environment = {**os.environ, **stubs.build_stubs(needs_plugin, tmp_path / "stubs")}
    environment.pop("REQUIRE_DEVICE", None)
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(tool.__file__).parents[2], env=environment,
                          capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "CPU"
    assert "GPU cannot be used here: it adds 1 and 2 to 0; MindSpore may have no code for this card" in done.stderr


@pytest.mark.slow
def test_kernels_are_loaded_when_used(needs_plugin, tmp_path):
    """So that the driver compiles only those for a card without machine code; who sets it otherwise gets that."""
    scripts = Path(tool.__file__).parents[2] / "scripts"
    command = f"source {scripts}/lib/common.sh; PYTHON={sys.executable}; set_cuda_paths; echo $CUDA_MODULE_LOADING"
    environment = {**stubs.build_stubs(needs_plugin, tmp_path / "stubs"), "PATH": "/usr/bin:/bin"}
    for given, shown in (({}, "LAZY"), ({"CUDA_MODULE_LOADING": "EAGER"}, "EAGER")):
        done = subprocess.run(["bash", "-c", command], env={**environment, **given}, capture_output=True, text=True,
                              check=True)
        assert done.stdout.strip() == shown


def test_classes_of_ascend_kernels(tmp_path):
    assert kernel_names(tmp_path) == set()
    (tmp_path / "libmindspore_ops_ascend.so").write_bytes(
        b"\0N9mindspore6kernel3add9AddAscendE\0N9mindspore6kernel18BatchNormExtAscendE\0"
        b"N9mindspore6kernel7pyboost9MulAscendE\0N9mindspore6kernel21AclnnSoftmaxKernelModILm3EEE\0"
        b"N9mindspore6kernel10reduce_sum23ReduceSumAclnnKernelModE\0")
    assert kernel_names(tmp_path) == {"Add", "BatchNormExt", "Softmax", "ReduceSum"}


def test_kernels_of_ascends_own_processor(tmp_path):
    (tmp_path / "gather.py").write_text("""\
gather_op_info = AiCPURegOp("Gather") \\
    .input(0, "x", "required") \\
    .input(1, "indices", "required") \\
    .output(0, "y", "required") \\
    .dtype_format(DataType.F32_Default, DataType.I32_Default, DataType.F32_Default) \\
    .dtype_format(DataType.BOOL_Default, DataType.I64_Default, DataType.BOOL_Default) \\
    .get_op_info()
""")
    (tmp_path / "__init__.py").write_text("from .gather import _gather_aicpu\n")
    assert cpu_kernels(tmp_path) == {GATHER, Kernel("Gather", ("Bool", "Int64"), ("Bool",))}


def test_what_is_said_of_ascend():
    wanted = [Kernel("Add", ("Float32",), ("Float32",)), Kernel("BatchNorm", ("Float32",), ("Float32",)), GATHER,
              Kernel("Gather", ("Int32",), ("Int32",)), Kernel("Slice", ("Float16",), ("Float16",))]
    tables = {GATHER, Kernel("Slice", ("Float16", "Int64", "Int64"), ("Float16",))}
    lines = ascend_lines(wanted, {"Add", "BatchNormExt"}, tables)
    assert lines[0] == "Ascend, by name alone: 2 of 4 operators have an aclnn kernel"
    assert lines[1].endswith("AI CPU has a kernel for: Slice") and lines[2].endswith("cannot be read here: Gather")
    assert ascend_lines(wanted, set(), tables) == ["Ascend: this MindSpore has no Ascend plug-in to read"]

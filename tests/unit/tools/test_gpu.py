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
"""tools/gpu: reading saved graphs, the dry run over stub CUDA libraries, and the pieces for another machine."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lib.check_env import plugin_path
from src.errors import UserError
from src.settings import choices
from tools.gpu import __main__ as tool
from tools.gpu import pieces, stubs
from tools.gpu.ascend import ascend_line, kernel_names
from tools.gpu.cards import Code, architectures, cards_line, for_card, unused
from tools.gpu.graphs import Kernel, read_folder, read_kernels
from tools.gpu.pieces import chosen, pack, system_libraries, take
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
        assert {f"train-{backbone}-{kind}" for kind in ("dense", "lazy", "masks")} <= set(cases)
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
    assert lines[3].startswith("cuDNN: 8.9.6 (/") and lines[4] == "precision: float16"


@pytest.mark.slow
def test_a_card_that_does_not_add_is_refused(needs_plugin, tmp_path):
    """As the stubs are, whose kernels do nothing and say nothing."""
    code = ("from src.training import device; device.SIGNS['GPU'] = ('/dev/null',); "
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


def fat_binary(*codes: tuple[int, int, bytes]) -> bytes:
    """As nvcc writes it: (kind, compute capability, code) one after another."""
    packed = b"".join(struct.pack("<HHIQ", kind, 1, 32, len(code)) + bytes(12) + struct.pack("<I", capability) + code
                      for kind, capability, code in codes)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(packed)) + packed


def test_cards_of_a_library(tmp_path):
    fat = fat_binary((2, 80, b"machine "), (1, 86, b"machine "))
    (tmp_path / "kernels.so").write_bytes(b"ELF" + fat + b"between" + fat)
    assert architectures(tmp_path / "kernels.so") == {"sass": [80], "ptx": [86]}
    line = cards_line({"sass": [80], "ptx": [86]})
    assert "machine code for compute capabilities 8.0; portable code for 8.6 and" in line
    (tmp_path / "plain.so").write_bytes(b"ELF")
    assert cards_line(architectures(tmp_path / "plain.so")) == "no GPU code found"


@pytest.mark.parametrize("card, kept", [
    (60, ["sass 60"]), (70, ["sass 70"]), (72, ["sass 70"]), (80, ["sass 80"]), (89, ["sass 86"]), (90, ["ptx 86"]),
    (52, ["ptx 52"]), (50, ["sass 60", "sass 70", "sass 80", "sass 86", "ptx 52", "ptx 86"])])
def test_code_that_a_card_uses(card, kept):
    codes = [Code("sass", capability, 0, 1) for capability in (60, 70, 80, 86)]
    codes += [Code("ptx", capability, 0, 1) for capability in (52, 86)]
    left_out = unused(codes, card)
    assert [f"{code.kind} {code.capability}" for code in codes if code not in left_out] == kept


def test_a_library_for_one_card(tmp_path):
    first, second = fat_binary((2, 70, b"seventy!"), (2, 80, b"eighty!!")), fat_binary((1, 60, b"portable"))
    whole = b"ELF seventy!" + first + b"between" + second + b"end"
    path = tmp_path / "kernels.so"
    path.write_bytes(whole)
    with for_card(path, 80) as content:
        assert content[:] == b"ELF seventy!" + first.replace(b"seventy!", bytes(8)) + b"between" + second + b"end"
    assert path.read_bytes() == whole


def test_pieces_for_one_card(tmp_path):
    """Only MindSpore's and NVIDIA's own libraries are changed."""
    whole = fat_binary((2, 70, b"seventy!"), (2, 80, b"eighty!!"))
    (tmp_path / "kernels.so").write_bytes(whole)
    names = ["site-packages/nvidia/cublas/lib/libcublas.so.11", "site-packages/nvidia/notes.txt", "polars/polars.so"]
    pack([(tmp_path / "kernels.so", name) for name in names], tmp_path / "out", 100, card=80)
    take(tmp_path / "out", tmp_path / "target")
    contents = [(tmp_path / "target" / name).read_bytes() for name in names]
    assert contents == [whole.replace(b"seventy!", bytes(8)), whole, whole]


def test_libraries_of_the_system():
    folder = "/usr/lib/x86_64-linux-gnu"
    loaded = [f"{folder}/{name}" for name in ("libffi.so.8", "libc.so.6", "libm.so.6", "libcrypto.so.3",
                                              "ld-linux-x86-64.so.2")]
    loaded += ["/home/me/lib/libpython3.11.so.1.0", "/usr/lib/python3.11/lib-dynload/_ssl.so"]
    assert system_libraries(loaded, [Path("/usr/lib/python3.11")]) == [f"{folder}/libcrypto.so.3",
                                                                        f"{folder}/libffi.so.8"]


@pytest.mark.skipif(sys.platform != "linux", reason="ldconfig is Linux's")
def test_only_lacking_libraries_of_the_system_are_used(tmp_path):
    (tmp_path / "system").mkdir()
    for name in ("libc.so.6", "libnobody-has-it.so.1"):
        (tmp_path / "system" / name).touch()
    (tmp_path / "activate").write_text(pieces.ACTIVATE)
    done = subprocess.run(["bash", "-c", f"source {tmp_path}/activate; echo $LD_LIBRARY_PATH; echo $MULTISFS_PYTHON"],
                          env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/mine"}, capture_output=True, text=True,
                          check=True)
    assert [path.name for path in (tmp_path / "lacking").iterdir()] == ["libnobody-has-it.so.1"]
    assert done.stdout.split() == [f"{tmp_path}/python/lib:{tmp_path}/lacking:/mine", f"{tmp_path}/python/bin/python3"]


def test_ascend_by_name(tmp_path):
    assert kernel_names(tmp_path) == set()
    (tmp_path / "libmindspore_ops_ascend.so").write_bytes(
        b"\0N9mindspore6kernel3add9AddAscendE\0N9mindspore6kernel18BatchNormExtAscendE\0"
        b"N9mindspore6kernel7pyboost9MulAscendE\0")
    kernels = kernel_names(tmp_path)
    assert kernels == {"Add", "BatchNormExt"}
    assert ascend_line(["Add", "BatchNorm", "Mul"], kernels).startswith("Ascend, by name alone: 2 of 3 operators")


def some_files(folder: Path) -> list:
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "large.so").write_bytes(bytes(range(256)) * 40 + folder.name.encode())
    (folder / "small.py").write_text("x = 1\n")
    return [(folder / "a" / "large.so", "lib/large.so"), (folder / "small.py", "small.py")]


def test_pieces_arrive_one_at_a_time(tmp_path):
    there, target = tmp_path / "there", tmp_path / "unpacked"
    made = pack(some_files(tmp_path / "env"), tmp_path / "out", 100)
    assert len(made) > 3 and all((tmp_path / "out" / piece["name"]).stat().st_size <= 100 for piece in made)
    there.mkdir()
    (there / "pieces.json").write_bytes((tmp_path / "out" / "pieces.json").read_bytes())
    for count, piece in enumerate(made, 1):
        (there / piece["name"]).write_bytes((tmp_path / "out" / piece["name"]).read_bytes())
        said = take(there, target)
        assert said.startswith(f"{count} of {len(made)} pieces" if count < len(made) else "all ")
    assert (target / "lib" / "large.so").read_bytes() == (tmp_path / "env" / "a" / "large.so").read_bytes()
    assert (target / "small.py").read_text() == "x = 1\n"
    assert sorted(path.name for path in there.iterdir()) == ["pieces.json"]
    assert take(there, target).startswith("all ")  # once more does no harm


def test_damaged_and_interrupted_pieces(tmp_path):
    there, target = tmp_path / "out", tmp_path / "unpacked"
    pack(some_files(tmp_path / "env"), there, 100)
    first, second = sorted(there.glob("piece-*"))[:2]
    good = second.read_bytes()
    second.write_bytes(good[:-1] + b"?")
    with pytest.raises(ValueError, match="piece-001 is damaged; send it again"):
        take(there, target)
    assert not first.exists() and json.loads((target / "taken").read_text())["pieces"] == 1
    with open(target / "archive", "ab") as archive:  # as if the next call had been killed while it wrote
        archive.write(b"half")
    second.write_bytes(good)
    assert take(there, target).startswith("all ")
    assert (target / "small.py").read_text() == "x = 1\n"


def test_pieces_without_their_index(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        pieces.main(["take", str(tmp_path), str(tmp_path / "unpacked")])
    assert ended.value.code == 2 and "pieces.json" in capsys.readouterr().err


def test_only_libraries_that_are_loaded_travel():
    plugin = Path("site/mindspore/lib/plugin")
    files = [plugin / "libmindspore_gpu.so.11.6", plugin / "gpu11.6/libakg.so", plugin / "libmindspore_gpu.so.11.1",
             Path("site/mindspore/nn/cell.py"),
             Path("site/mindspore/include/dataset/text.h"), Path("site/nvidia/cudnn/lib/libcudnn_cnn_infer.so.8"),
             Path("site/nvidia/cudnn/lib/libcudnn_ops_infer.so.8"), Path("site/polars/polars.abi3.so"),
             Path("site/mindspore/ops/_op_impl/akg/add.py"), Path("site/scipy/tests/test_a.py"),
             Path("site/scipy/tests/loaded.py")]
    kept = chosen(files, {"/somewhere/mindspore/lib/plugin/libmindspore_gpu.so.11.6", "site/scipy/tests/loaded.py"})
    assert {path.name for path in kept} == {"cell.py", "libmindspore_gpu.so.11.6", "libcudnn_ops_infer.so.8",
                                            "polars.abi3.so", "add.py", "loaded.py"}

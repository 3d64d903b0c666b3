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
"""tools/gpu: code for one card alone, and the pieces for another machine."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tools.gpu import pieces
from tools.gpu.cards import Code, architectures, cards_line, for_card, unused
from tools.gpu.pieces import chosen, pack, system_libraries, take


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


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc not found")
def test_a_library_has_every_name_that_programs_ask_for(tmp_path):
    """As libbz2 of Debian: libbz2.so.1 is a link to libbz2.so.1.0.4, whose own name is libbz2.so.1.0."""
    for name, own in (("libown.so.1.0.4", "libown.so.1.0"), ("libplain.so.2", "libplain.so.2")):
        subprocess.run(["gcc", "-shared", f"-Wl,-soname,{own}", "-x", "c", "/dev/null", "-o", str(tmp_path / name)],
                       check=True)
    for link in ("libown.so.1", "libown.so.1.0", "libown.so"):  # the last is for compilers
        (tmp_path / link).symlink_to("libown.so.1.0.4")
    (tmp_path / "libown.so.0").symlink_to("libplain.so.2")
    assert pieces.loaded_names(str(tmp_path / "libown.so.1.0.4")) == ["libown.so.1", "libown.so.1.0"]
    assert pieces.loaded_names(str(tmp_path / "libplain.so.2")) == ["libplain.so.2"]


@pytest.mark.skipif(sys.platform != "linux", reason="ldconfig is Linux's")
def test_only_lacking_libraries_of_the_system_are_used(tmp_path):
    (tmp_path / "system").mkdir()
    for name in ("libc.so.6", "libnobody-has-it.so.1"):
        (tmp_path / "system" / name).touch()
    (tmp_path / "python" / "bin").mkdir(parents=True)
    (tmp_path / "python" / "bin" / "python3").symlink_to(sys.executable)
    (tmp_path / "activate").write_text(pieces.ACTIVATE)
    done = subprocess.run(["bash", "-c", f"source {tmp_path}/activate; echo $LD_LIBRARY_PATH; echo $MULTISFS_PYTHON"],
                          env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/mine"}, capture_output=True, text=True,
                          check=True)
    assert [path.name for path in (tmp_path / "lacking").iterdir()] == ["libnobody-has-it.so.1"]
    assert done.stdout.split() == [f"{tmp_path}/python/lib:{tmp_path}/lacking:/mine", f"{tmp_path}/python/bin/python3"]
    assert (tmp_path / "python" / "bin" / "python").samefile(sys.executable)


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

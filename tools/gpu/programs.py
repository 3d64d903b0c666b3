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
"""The programs of a dry run, tried one after another in a process that has the stub CUDA libraries on its path.

    python -m tools.gpu.programs FOLDER ALL|NAME,NAME    # started by tools.gpu, which sets the environment

Prints one JSON object a program: its name, kernels, the operators that were expanded, and how it ended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from src.settings import choices
from tools.faults.lab import write_table
from tools.gpu.graphs import read_folder

SMALL = ["dataset=table", "data_dir=set", "output_dir=runs", "device_target=GPU", "embedding_dim=4", "bottom_dims=8",
         "tower_dims=4", "experts=2", "batch_size=512", "epochs=1", "progress=false", "score_batches=2",
         "relation_epochs=1", "search_epochs=1", "keep_ratio=0.5"]
WITHOUT_NETWORK = ("chi2", "chi2_z", "lasso", "mutual_information", "random")  # selectors that need no device


def programs() -> dict[str, tuple[str, list[str]]]:
    """Name of every case -> (program, its own arguments): what the project runs on a GPU, in every variant."""
    cases = {}
    for backbone in choices("backbone"):
        network = [f"backbone={backbone}"]
        for optimizer in ("dense", "lazy"):
            cases[f"train-{backbone}-{optimizer}"] = (
                "train", [*network, "selector=random", f"embedding_optimizer={optimizer}"])
        cases[f"train-{backbone}-masks"] = ("train", [*network, "selector=mssm", "end_to_end=true"])
        cases[f"train-{backbone}-float16"] = ("train", [*network, "selector=random", "precision=float16"])
    cases["train-cfs-masks"] = ("train", ["selector=cfs", "end_to_end=true"])
    cases["train-mmoe-lazy-float16"] = ("train", ["selector=random", "embedding_optimizer=lazy", "precision=float16"])
    for selector in ("mssm", "cfs"):
        cases[f"train-{selector}-masks-float16"] = (
            "train", [f"selector={selector}", "end_to_end=true", "precision=float16"])
    pooled = ["selector=none", "data_dir=pooled"]  # lists of values, embedded (large) and folded (small)
    cases["train-pooled-large-lazy"] = ("train", [*pooled, "embedding_optimizer=lazy"])
    cases["train-pooled-small-float16"] = ("train", [*pooled, "embedding_dim=16", "precision=float16"])
    for relation in ("gnn", "pearson"):
        cases[f"select-paper-{relation}"] = ("select_features", ["score=paper", f"relation={relation}"])
    cases["select-calibrated"] = ("select_features", ["score=calibrated", "keep_ratio=auto"])
    for selector in sorted(set(choices("selector")) - {"multisfs", "none"} - set(WITHOUT_NETWORK)):
        cases[f"select-{selector}"] = ("select_features", [f"selector={selector}"])
    cases["eval"] = ("eval", ["--run_dir", "runs/train-mmoe-dense"])
    cases["eval-float16"] = ("eval", ["--run_dir", "runs/train-mmoe-float16"])
    return cases


def probe_missing() -> None:
    """A graph with an operator and a data type that no GPU kernel has, which a dry run has to find."""
    import mindspore as ms
    import numpy as np
    from mindspore import Parameter, Tensor, nn, ops

    class Unsupported(nn.Cell):
        """FusedSparseLazyAdam, and a product of 8-bit integers."""

        def __init__(self):
            super().__init__()
            ones = Tensor(np.ones((2, 3), np.float32))
            self.weight, self.first, self.second = (Parameter(ones, name) for name in ("weight", "first", "second"))
            self.adam, self.matmul = ops.FusedSparseLazyAdam(), ops.MatMul()
            self.rate = Tensor(0.1, ms.float32)

        def construct(self, gradient, rows, whole):
            rate = self.rate
            return (self.adam(self.weight, self.first, self.second, rate, rate, rate, rate, rate, rate, gradient, rows),
                    self.matmul(whole, whole))

    Unsupported()(Tensor(np.ones((2, 3), np.float32)), Tensor([0, 1], ms.int32), Tensor(np.ones((2, 2), np.int8)))


def try_program(name: str, graphs: Path, cases: dict) -> dict:
    """Runs one case; what it needed, and the last line of its error if it did not finish."""
    shutil.rmtree(graphs, ignore_errors=True)
    error = ""
    try:
        if name == "missing":
            probe_missing()
        else:
            program, arguments = cases[name]
            given = [f"run_name={name}", *SMALL] if program != "eval" else ["device_target=GPU"]
            importlib.import_module(program).main([*given, *arguments])
    except (Exception, SystemExit) as problem:  # pylint: disable=broad-exception-caught
        error = f"{type(problem).__name__}: {' '.join(str(problem).split())[:600]}"
    kernels, expanded = read_folder(graphs)
    return {"name": name, "kernels": [asdict(kernel) for kernel in sorted(kernels)], "expanded": sorted(expanded),
            "error": error}


def loaded_files() -> list[str]:
    """Paths of the shared libraries and of the Python modules that this process has loaded by now."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    modules = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    libraries = {line.split(maxsplit=5)[5] for line in maps.splitlines() if ".so" in line.rpartition("/")[2]}
    return sorted(libraries | {str(path) for path in modules if path})


def main(arguments: list) -> None:
    """Prepares a small data set, sets the device, runs the cases."""
    from src.training.machine import device

    folder, wanted = Path(arguments[0]), arguments[1]
    os.chdir(folder)
    write_table(folder, 2400)
    report = sys.stdout
    device.SIGNS["GPU"] = ("/dev/null",)  # the driver's files, which this machine lacks
    device.SUM = 0.0                      # what the stubs' kernels, which do nothing, leave
    os.environ["REQUIRE_DEVICE"] = "1"    # never continue on the CPU
    with contextlib.redirect_stdout(sys.stderr):
        for data_dir, more in (("set", []), ("pooled", ["--pool", "mean"])):
            importlib.import_module("preprocess").main(["--dataset", "table", "--raw_dir", "data.csv", "--table",
                                                        "table.yaml", "--data_dir", data_dir, *more])
        device.choose_device("GPU")
        cases = programs()
        for name in list(cases) if wanted == "ALL" else wanted.split(","):
            result = try_program(name, Path(os.environ["MS_DEV_SAVE_GRAPHS_PATH"]), cases)
            print(json.dumps(result), file=report, flush=True)
    Path("loaded.txt").write_text("\n".join(loaded_files()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

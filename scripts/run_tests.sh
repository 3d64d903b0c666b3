#!/bin/bash
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
# Installs what the tests need and runs all but the slow ones, or those that the arguments (pytest's) name, in two
# processes of one thread each.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
USAGE=("usage: bash scripts/run_tests.sh [PYTEST ARGUMENT ...]"
    "for example: bash scripts/run_tests.sh -m slow tests"
    "MULTISFS_WORKERS is the number of processes (default: 2)"
    "MULTISFS_REAL_DATA names the folder with the real data some tests read (default: ../shared/data)")
TORCH_CPU=https://download.pytorch.org/whl/cpu  # its wheels are a tenth of those with CUDA

case "${1:-}" in -h | --help) usage 0 "${USAGE[@]}" ;; esac
use_python requirements.txt requirements/test.txt
if [ -z "${MULTISFS_PYTHON:-}" ] && ! is_old_python; then  # no such PyTorch for Python 3.9
    INDEX=()
    if "$PYTHON" -c "import urllib.request as r; r.urlopen('$TORCH_CPU/torch/', timeout=10)" 2>/dev/null; then
        INDEX=("--extra-index-url=$TORCH_CPU")
    fi
    install_once "$("$PYTHON" -c "import sys; print(sys.prefix)")" ${INDEX[@]+"${INDEX[@]}"} requirements/pytorch.txt
    install_once "$("$PYTHON" -c "import sys; print(sys.prefix)")" requirements/serve.txt
fi
if [ $# -eq 0 ]; then set -- -m "not slow" "$ROOT/tests"; fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
run "$PYTHON" -m pytest -c "$ROOT/pyproject.toml" --rootdir "$ROOT" -n "${MULTISFS_WORKERS:-2}" --dist loadfile "$@"

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
# What has to hold before a change is merged: the README's test command from an empty environment, the lint gate, and
# the unit tests and a short training on the older mindspore-gpu 1.10. Ends with pytest's closing lines.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
USAGE=("usage: bash scripts/run_gate.sh [-h]" "takes about an hour on two cores")
case "${1:-}" in -h | --help) usage 0 "${USAGE[@]}" ;; esac
[ $# -eq 0 ] || usage 2 "${USAGE[@]}"

WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
unset MULTISFS_PYTHON VIRTUAL_ENV
FAILED=()

step() { echo "== $SECONDS s: $1"; }

# inside ENVIRONMENT COMMAND...: with that virtual environment active.
inside() {
    local home="$1"
    shift
    VIRTUAL_ENV="$home" PATH="$home/bin:$PATH" "$@"
}

# tests NAME ENVIRONMENT [ARGUMENT...]: the README's test command; its output is shown and kept.
tests() {
    local name="$1" home="$2"
    shift 2
    inside "$home" bash "$ROOT/scripts/run_tests.sh" "$@" 2>&1 | tee "$WORK/$name.log" || FAILED+=("$name")
}

find_python39() {
    local candidate
    for candidate in python3.9 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.9*/bin/python; do
        if "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != (3, 9))" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

# A training and its evaluation on mindspore-gpu 1.10, all of it small.
train_on_old() {
    local settings=(epochs=2 embedding_dim=8 bottom_dims=16 tower_dims=8 experts=2 score_batches=3 relation_epochs=2
        progress=false "output_dir=$WORK/runs" "data_dir=$WORK/movielens")
    "$WORK/old/bin/python" "$ROOT/preprocess.py" --dataset movielens --data_dir "$WORK/movielens" &&
        inside "$WORK/old" bash "$ROOT/scripts/run_standalone_train_cpu.sh" movielens "${settings[@]}" &&
        inside "$WORK/old" bash "$ROOT/scripts/run_eval_cpu.sh" "$WORK/runs/movielens-mmoe-multisfs-calibrated-42"
}

OLD="$(find_python39)"
if [ -n "$OLD" ]; then
    step "environment of mindspore-gpu 1.10, with the CUDA libraries that a test below looks at too"
    "$OLD" -m venv "$WORK/old"
    inside "$WORK/old" bash -c "source '$ROOT/scripts/lib/common.sh'; use_python requirements.txt"
    MULTISFS_CUDA_SITE="$WORK/old/lib/python3.9/site-packages"
    export MULTISFS_CUDA_SITE
else
    step "NO PYTHON 3.9 HERE: mindspore-gpu 1.10 is not tested"
fi

step "fresh environment, README's test command"
python3 -m venv "$WORK/new"
tests new "$WORK/new"

if [ -n "$OLD" ]; then
    step "unit tests on mindspore-gpu 1.10"
    tests old "$WORK/old" "$ROOT/tests/unit"
    step "short training on mindspore-gpu 1.10"
    train_on_old || FAILED+=("training on mindspore-gpu 1.10")
fi

step "lint gate"
inside "$WORK/new" bash "$ROOT/scripts/check.sh" lint || FAILED+=("lint")

step "done"
if [ -n "$OLD" ]; then echo "mindspore-gpu 1.10: $(tail -n 1 "$WORK/old.log")"; fi
tail -n 1 "$WORK/new.log"
if [ ${#FAILED[@]} -gt 0 ]; then
    echo "failed: ${FAILED[*]}" >&2
    exit 1
fi

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
# Evaluates a finished run on a GPU, or on the CPU where none can be used.

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
USAGE=("usage: bash scripts/run_eval_gpu.sh RUN_DIR [KEY=VALUE ...]"
    "for example: bash scripts/run_eval_gpu.sh outputs/movielens-mmoe-none-42 split=valid")

case "${1:-}" in
    -h | --help) usage 0 "${USAGE[@]}" ;;
    "" | --*) usage 2 "${USAGE[@]}" ;;
esac
[ -d "$1" ] || fail "run folder $1 does not exist; bash scripts/run_standalone_train_gpu.sh makes some in outputs/"
RUN_DIR="$1"
shift
take_options "$@"
use_python requirements.txt
use_gpu
run "$PYTHON" "$ROOT/eval.py" --run_dir "$RUN_DIR" "device_target=$DEVICE" ${OPTIONS[@]+"${OPTIONS[@]}"}

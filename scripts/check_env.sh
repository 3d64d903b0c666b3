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
# Says for a device what MindSpore needs there, what of it is missing, and how to get it. Changes nothing; the exit
# code is 0 if the device can be used and 1 if not.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
USAGE=("usage: bash scripts/check_env.sh [gpu|ascend|cpu] [DEVICE_ID]"
    "for example: bash scripts/check_env.sh gpu 0")

case "${1:-gpu}" in
    gpu | GPU) TARGET=GPU ;;
    ascend | Ascend) TARGET=Ascend ;;
    cpu | CPU) TARGET=CPU ;;
    -h | --help) usage 0 "${USAGE[@]}" ;;
    *) usage 2 "${USAGE[@]}" ;;
esac
[[ $# -le 2 && "${2:-0}" =~ ^[0-9]+$ ]] || usage 2 "${USAGE[@]}"

find_environment
echo "$TARGET ${2:-0}, with $PYTHON"
if [ "$TARGET" = GPU ]; then set_cuda_paths; fi
if "$PYTHON" "$ROOT/scripts/lib/check_env.py" report "$TARGET" "${2:-0}"; then
    echo "the $TARGET can be used"
else
    echo "the $TARGET cannot be used until what is missing above is there; scripts for it continue on the CPU"
    exit 1
fi

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
# run_standalone_train.sh on a GPU. Installs CUDA 11 and cuDNN 8 as pip wheels unless the system has them, and sets the
# paths. Where no GPU can be used it says so and goes on on the CPU; with REQUIRE_DEVICE=1 that is an error.

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
USAGE=("usage: bash scripts/run_standalone_train_gpu.sh [DEVICE_ID] [DATASET] [CONFIG] [KEY=VALUE ...]"
    "for example: bash scripts/run_standalone_train_gpu.sh 0 movielens my.yaml backbone=ple")

case "${1:-}" in -h | --help) usage 0 "${USAGE[@]}" ;; esac
parse_arguments yes "$@" || usage 2 "${USAGE[@]}"
use_python requirements.txt
use_gpu
train_and_compare "$DEVICE" ${OPTIONS[@]+"${OPTIONS[@]}"}

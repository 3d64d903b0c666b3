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
# run_standalone_train.sh on the CPU, whatever else the machine has.

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
USAGE=("usage: bash scripts/run_standalone_train_cpu.sh [DATASET] [CONFIG] [KEY=VALUE ...]"
    "for example: bash scripts/run_standalone_train_cpu.sh movielens my.yaml backbone=ple")

case "${1:-}" in -h | --help) usage 0 "${USAGE[@]}" ;; esac
parse_arguments no "$@" || usage 2 "${USAGE[@]}"
use_python requirements.txt
train_and_compare CPU ${OPTIONS[@]+"${OPTIONS[@]}"}

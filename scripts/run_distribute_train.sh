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
# Data-parallel training on N Ascend NPUs of this host (HCCL), through msrun. Where none can be used it says so and goes
# on on the CPU; with REQUIRE_DEVICE=1 that is an error.

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
USAGE=("usage: bash scripts/run_distribute_train.sh N [DATASET] [CONFIG] [KEY=VALUE ...]"
    "for example: bash scripts/run_distribute_train.sh 2 movielens backbone=ple"
    "${DISTRIBUTED_USAGE[@]}"
    "--rank_table_file FILE (or RANK_TABLE_FILE in the environment) is HCCL's table of devices")

case "${1:-}" in -h | --help) usage 0 "${USAGE[@]}" ;; esac
parse_ranks "$@" || usage 2 "${USAGE[@]}"
use_python requirements.txt
use_ascend
train_in_parallel "$DEVICE"

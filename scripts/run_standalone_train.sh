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
# On a fresh machine: makes .venv, installs requirements.txt, prepares MovieLens-100K, selects, trains with all fields
# and with the selected ones, tests, and prints the comparison. Uses the CPU unless device_target=... says otherwise.

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
USAGE=("usage: bash scripts/run_standalone_train.sh [CONFIG] [KEY=VALUE ...]"
    "for example: bash scripts/run_standalone_train.sh my.yaml backbone=ple epochs=10"
    "CONFIG is a YAML file or a name in configs/; python train.py --help lists the keys")

case "${1:-}" in -h | --help) usage 0 "${USAGE[@]}" ;; esac
parse_arguments no "$@" || usage 2 "${USAGE[@]}"
use_python requirements.txt
train_and_compare CPU ${OPTIONS[@]+"${OPTIONS[@]}"}

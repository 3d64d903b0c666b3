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
# The paper's Tables 1-5 and Figures 2-3, by its own numbers, on one data set or several;
# src/experiments/paper/paper.yaml says what each is made of.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
EXPERIMENTS="table1 table2 table3 table4 table5 figure2 figure3 all"
USAGE=("usage: bash scripts/reproduce.sh {${EXPERIMENTS// /|}} [DATASET[,DATASET ...]] [OPTION OF compare.py ...]"
    "for example: bash scripts/reproduce.sh table3 movielens"
    "or:          bash scripts/reproduce.sh all adult --seeds 3 --workers 1"
    "tables and pictures: outputs/DATASET-reproduced/results; after an interruption the same command resumes")

case "${1:-}" in -h | --help) usage 0 "${USAGE[@]}" ;; esac
[[ " $EXPERIMENTS " == *" ${1:-} "* ]] && [ -n "${1:-}" ] || usage 2 "${USAGE[@]}"
EXPERIMENT="$1"
DATASETS=movielens
shift
if [ $# -gt 0 ] && [[ "$1" != --* && "$1" != *=* ]]; then
    DATASETS="$1"
    shift
fi
WORKERS="$(nproc)"
[ "$WORKERS" -le 4 ] || WORKERS=4
use_python requirements.txt
run "$PYTHON" "$ROOT/compare.py" --experiment "$EXPERIMENT" --datasets "$DATASETS" --workers "$WORKERS" \
    --output_dir "$ROOT/outputs/${DATASETS//,/+}-reproduced" "$@"

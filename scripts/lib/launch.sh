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
# The three things the run_*.sh scripts do: standalone_train, distribute_train and evaluate, on a CPU, GPU or Ascend.
# Sourced, never run; a script is one call, and its own name is the one in its usage.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
SCRIPT="bash scripts/${0##*/}"
OPTIONS=()    # set by parse_arguments
DEVICE_ID=""  # set by parse_arguments; use_gpu and use_ascend read it
RANKS=""      # set by parse_ranks
DEVICE=CPU    # set by use_gpu and use_ascend: CPU where the device cannot be used
DISTRIBUTED_USAGE=(
    "N processes on this host train one model; batch_size is that of all of them together"
    "several hosts: the same command on each, with --worker_num ALL --master_addr FIRST_HOST --master_port 8118"
    "--node_rank 0 (1, 2, ...), and output_dir and data_dir on storage that all of them share")

# use_device TARGET: installs what is needed, sets DEVICE, and says what an accelerator is and runs on.
use_device() {
    use_python requirements.txt
    case "$1" in GPU) use_gpu ;; Ascend) use_ascend ;; esac
    if [ "$DEVICE" = CPU ]; then return; fi
    "$PYTHON" "$ROOT/scripts/lib/device_facts.py" found "$DEVICE" "${DEVICE_ID:-0}" ${OPTIONS[@]+"${OPTIONS[@]}"} >&2
}

# standalone_train TARGET "$@": one model in one process, or three models side by side (train_and_compare).
standalone_train() {
    local target="$1" with_id=yes words="[DEVICE_ID] [DATASET]"
    shift
    if [ "$target" = CPU ]; then with_id=no words="[DATASET]"; fi
    local lines=("usage: $SCRIPT $words [CONFIG] [KEY=VALUE ...]"
        "for example: $SCRIPT movielens my.yaml backbone=ple"
        "CONFIG is a YAML file or a name in configs/; python train.py --help lists the keys")
    case "${1:-}" in -h | --help) usage 0 "${lines[@]}" ;; esac
    parse_arguments "$with_id" "$@" || usage 2 "${lines[@]}"
    use_device "$target"
    train_and_compare "$DEVICE" ${OPTIONS[@]+"${OPTIONS[@]}"}
}

# distribute_train TARGET "$@": one model in N processes of this host, through msrun.
distribute_train() {
    local target="$1"
    shift
    local lines=("usage: $SCRIPT N [DATASET] [CONFIG] [KEY=VALUE ...]"
        "for example: $SCRIPT 2 movielens backbone=ple" "${DISTRIBUTED_USAGE[@]}")
    if [ "$target" = Ascend ]; then
        lines+=("--rank_table_file FILE (or RANK_TABLE_FILE in the environment) is HCCL's table of devices")
    fi
    case "${1:-}" in -h | --help) usage 0 "${lines[@]}" ;; esac
    parse_ranks "$@" || usage 2 "${lines[@]}"
    use_device "$target"
    train_in_parallel "$DEVICE"
}

# evaluate TARGET "$@": the metrics of a finished run.
evaluate() {
    local target="$1" lines=("usage: $SCRIPT RUN_DIR [KEY=VALUE ...]"
        "for example: $SCRIPT outputs/movielens-mmoe-none-42 split=valid")
    shift
    case "${1:-}" in
        -h | --help) usage 0 "${lines[@]}" ;;
        "" | --*) usage 2 "${lines[@]}" ;;
    esac
    [ -d "$1" ] || fail "run folder $1 does not exist; bash scripts/run_standalone_train.sh makes some in outputs/"
    local run_dir="$1"
    shift
    take_options "$@"
    use_device "$target"
    run "$PYTHON" "$ROOT/eval.py" --run_dir "$run_dir" "device_target=$DEVICE" ${OPTIONS[@]+"${OPTIONS[@]}"}
}

# parse_arguments WITH_DEVICE_ID "$@": [DEVICE_ID] [DATASET] [CONFIG] [KEY=VALUE ...] -> DEVICE_ID and OPTIONS.
# DATASET is a name with a preset of its own in configs/, CONFIG another name there or a YAML file.
parse_arguments() {
    local with_device_id="$1" preset
    shift
    if [ "$with_device_id" = yes ] && [[ "${1:-}" =~ ^[0-9]+$ ]]; then
        DEVICE_ID="$1"
        OPTIONS+=("device_id=$1")
        shift
    fi
    preset="$ROOT/configs/${1:-}.yaml"
    if [ -f "$preset" ] && grep -q '^data:' "$preset"; then
        OPTIONS+=("dataset=$1")
        shift
    fi
    if [ -f "${1:-}" ] || [ -f "$ROOT/configs/${1:-}.yaml" ]; then
        OPTIONS+=("config=$1")
        shift
    fi
    case "${1:-}" in
        "" | --* | *=*) take_options "$@" ;;
        *) return 2 ;;
    esac
}

# parse_ranks N "$@": the number of processes, then what parse_arguments takes -> RANKS and OPTIONS.
parse_ranks() {
    [[ "${1:-}" =~ ^[1-9][0-9]*$ ]] || return 2
    RANKS="$1"
    shift
    parse_arguments no "$@"
}

# Adds KEY=VALUE, --KEY=VALUE, --KEY VALUE and --KEY (true) to OPTIONS, all as KEY=VALUE.
take_options() {
    local word
    while [ $# -gt 0 ]; do
        word="${1#--}"
        shift
        if [[ "$word" != *=* ]]; then
            if [ $# -gt 0 ] && [[ "$1" != --* ]]; then
                word+="=$1"
                shift
            else
                word+="=true"
            fi
        fi
        OPTIONS+=("$word")
    done
}

# train_in_parallel DEVICE_TARGET: trains in RANKS processes with OPTIONS.
train_in_parallel() {
    if [ "$1" = Ascend ] && [ -n "${RANK_TABLE_FILE:-}" ]; then OPTIONS+=("rank_table_file=$RANK_TABLE_FILE"); fi
    unset RANK_TABLE_FILE
    run "$PYTHON" "$ROOT/scripts/lib/run_ranks.py" "$RANKS" "$1" ${OPTIONS[@]+"${OPTIONS[@]}"}
}

# train_and_compare DEVICE_TARGET OPTION...: trains with all fields, with those of the paper's score and with those of
# the calibrated one, then prints one table. Finished runs are not repeated. Options that say how to select train that
# one model alone.
train_and_compare() {
    local device="$1" option choice output code=0 runs=()
    shift
    output="$(mktemp)"
    # shellcheck disable=SC2064
    trap "rm -f '$output'" EXIT
    for option in "$@"; do
        if [[ "$option" =~ ^(selector|selection|score)= ]]; then
            run "$PYTHON" "$ROOT/train.py" "device_target=$device" "$@" >"$output" || code=$?
            cat "$output"
            if [ "$code" -eq 0 ]; then say_reached "$(run_folder "$output")"; fi
            return "$code"
        fi
    done
    set -- "device_target=$device" "$@"
    if [[ " $*" != *" config="* ]]; then set -- keep_ratio=0.5 "$@"; fi # as many for both scores
    for choice in selector=none score=paper score=calibrated; do
        say "== $choice"
        run "$PYTHON" "$ROOT/train.py" "$@" "$choice" "$(named "$choice" "$@")" >"$output"
        runs+=("$(run_folder "$output")")
    done
    "$PYTHON" "$ROOT/report.py" "${runs[@]}"
    say_reached "${runs[@]}"
}

# The run folder that a training printed into a file.
run_folder() { sed -n 's/^run folder: //p' "$1"; }

# say_reached RUN...: device, metrics and speed of finished runs, one line each.
say_reached() { "$PYTHON" "$ROOT/scripts/lib/device_facts.py" reached "$@" >&2; }

# The run_name of one of the three runs: the caller's with an ending, or auto.
named() {
    local choice="$1" option
    shift
    for option in "$@"; do
        if [[ "$option" = run_name=* ]]; then
            echo "$option-${choice#*=}"
            return
        fi
    done
    echo run_name=auto
}

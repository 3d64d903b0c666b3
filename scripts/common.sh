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
# What the scripts of this folder share; sourced, never run. They change no working directory, so that relative paths
# mean what they mean to the caller, and they end with the exit code of the program they run: 0 done, 1 a check or an
# installation failed, 2 wrong input, 130 and 143 interrupted.

set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PYTHON=""     # set by use_python
OPTIONS=()    # set by parse_arguments
DEVICE_ID=""  # set by parse_arguments
RANKS=""      # set by parse_ranks
# shellcheck disable=SC2034  # the scripts run_distribute_train*.sh show it
DISTRIBUTED_USAGE=(
    "N processes on this host train one model; batch_size is that of all of them together"
    "several hosts: the same command on each, with --worker_num ALL --master_addr FIRST_HOST --master_port 8118"
    "--node_rank 0 (1, 2, ...), and output_dir and data_dir on storage that all of them share")
# shellcheck source=scripts/devices.sh
source "$ROOT/scripts/devices.sh"

say() { echo "$1" >&2; }

# fail MESSAGE [EXIT CODE]
fail() {
    say "error: $1"
    exit "${2:-2}"
}

# Shows the lines that a script passes as its usage; for a wrong command the exit code is 2.
usage() {
    local code="$1"
    shift
    if [ "$code" -eq 0 ]; then printf '%s\n' "$@"; else printf '%s\n' "$@" >&2; fi
    exit "$code"
}

# Sets PYTHON and installs the requirements files named (in the project's folder) for it, once.
# MULTISFS_PYTHON: a Python to take as it is. Otherwise the active virtual environment, otherwise ./.venv, made here.
use_python() {
    if [ -n "${MULTISFS_PYTHON:-}" ]; then
        PYTHON="$MULTISFS_PYTHON"
        "$PYTHON" -c "import importlib.util as u, sys; sys.exit(u.find_spec('mindspore') is None)" 2>/dev/null ||
            fail "MULTISFS_PYTHON is $PYTHON; expected a Python with MindSpore: install requirements.txt, or unset it"
        if is_old_python; then set_cuda_paths; fi
        return
    fi
    local home="${VIRTUAL_ENV:-$ROOT/.venv}"
    if [ ! -x "$home/bin/python" ] || ! "$home/bin/python" -m pip --version >/dev/null 2>&1; then
        make_environment "$home"
    fi
    PYTHON="$home/bin/python"
    install_once "$home" "$@"
    # mindspore-gpu 1.10 cannot even be imported without CUDA's libraries.
    if is_old_python; then set_cuda_paths; fi
}

# True where MindSpore is mindspore-gpu 1.10, which is another package with other requirements.
is_old_python() { "$PYTHON" -c "import sys; sys.exit(sys.version_info >= (3, 10))"; }

# Sets PYTHON to the environment that use_python would take, or to the system's Python where there is none yet.
find_environment() {
    local home="${VIRTUAL_ENV:-$ROOT/.venv}"
    PYTHON="${MULTISFS_PYTHON:-$home/bin/python}"
    if [ ! -x "$PYTHON" ] && [ -z "${MULTISFS_PYTHON:-}" ]; then PYTHON="$(find_python)"; fi
}

# The first Python on the path that MindSpore has wheels for.
find_python() {
    local candidate
    for candidate in python3 python3.11 python3.12 python3.10 python; do
        if "$candidate" -c "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.10, 3.11 or 3.12 found; install one, or activate a virtual environment that has one"
}

make_environment() {
    local home="$1" python
    python="$(find_python)"
    say "making a virtual environment in $home"
    "$python" -m venv "$home" ||
        fail "$python cannot make a virtual environment in $home; on Debian and Ubuntu: apt install python3-venv" 1
}

# install_once ENVIRONMENT FILE...: pip installs the requirements files of the project that are named, unless it has
# done so before with the same content. Words that begin with -- are passed on to pip.
install_once() {
    local home="$1" file files=() arguments=() stamp base=requirements.txt
    shift
    if is_old_python; then base=requirements/mindspore-gpu-1.10.txt; fi
    for file in "$@"; do
        if [[ "$file" == --* ]]; then
            arguments+=("$file")
            continue
        fi
        if [ "$file" = requirements.txt ]; then file="$base"; fi
        files+=("$ROOT/$file")
        arguments+=(-r "$ROOT/$file")
    done
    stamp="$home/.multisfs-$(cat "${files[@]}" | sha256sum | cut -c1-16)"
    if [ -e "$stamp" ]; then return; fi
    say "installing ${files[*]##*/} into $home (once)"
    # One installation at a time: two scripts started together would otherwise write over each other.
    (
        if command -v flock >/dev/null; then flock 9; fi
        # Whatever else is installed, what MindSpore needs stays in its bounds.
        "$PYTHON" -m pip install --quiet --disable-pip-version-check -c "$ROOT/$base" "${arguments[@]}"
    ) 9>"$home/.multisfs-lock" || fail "pip could not install ${files[*]##*/} into $home; its own message is above" 1
    touch "$stamp"
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

# Runs a program as a foreground child that gets SIGTERM and SIGINT when the script does, so that training can save
# its state; returns its exit code.
run() {
    local code=0 child
    set -m  # its own process group: the shell would make it ignore SIGINT otherwise
    "$@" &
    child=$!
    set +m
    # shellcheck disable=SC2064  # the child's number is wanted now, not when the signal comes
    trap "kill -TERM $child 2>/dev/null || true" TERM
    # shellcheck disable=SC2064
    trap "kill -INT $child 2>/dev/null || true" INT
    wait "$child" || code=$?
    while kill -0 "$child" 2>/dev/null; do
        code=0
        wait "$child" || code=$?
    done
    trap - TERM INT
    return "$code"
}

# train_in_parallel DEVICE_TARGET: trains in RANKS processes with OPTIONS.
train_in_parallel() {
    if [ "$1" = Ascend ] && [ -n "${RANK_TABLE_FILE:-}" ]; then OPTIONS+=("rank_table_file=$RANK_TABLE_FILE"); fi
    unset RANK_TABLE_FILE
    run "$PYTHON" "$ROOT/scripts/run_ranks.py" "$RANKS" "$1" ${OPTIONS[@]+"${OPTIONS[@]}"}
}

# train_and_compare DEVICE_TARGET OPTION...: trains with all fields, with those of the paper's score and with those of
# the calibrated one, then prints one table. Finished runs are not repeated. Options that say how to select train that
# one model alone.
train_and_compare() {
    local device="$1" option choice output runs=()
    shift
    for option in "$@"; do
        if [[ "$option" =~ ^(selector|selection|score)= ]]; then
            run "$PYTHON" "$ROOT/train.py" "device_target=$device" "$@"
            return
        fi
    done
    output="$(mktemp)"
    # shellcheck disable=SC2064
    trap "rm -f '$output'" EXIT
    for choice in selector=none score=paper score=calibrated; do
        say "== $choice"
        run "$PYTHON" "$ROOT/train.py" "device_target=$device" "$@" "$choice" "$(named "$choice" "$@")" >"$output"
        runs+=("$(sed -n 's/^run folder: //p' "$output")")
    done
    "$PYTHON" "$ROOT/report.py" "${runs[@]}"
}

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

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
# Getting a device ready; sourced by common.sh, never run. scripts/lib/check_env.py does the looking.

# Puts the CUDA libraries on the path: those of the pip wheels, or the system's. Says nothing where there are none.
set_cuda_paths() {
    local home
    home="$("$PYTHON" "$ROOT/scripts/lib/check_env.py" toolkit)"
    if [ -z "$home" ]; then return; fi
    export CUDA_HOME="$home"
    export LD_LIBRARY_PATH="$home/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    # Each kernel is loaded when it is first used, not all of them at the start: on a card that MindSpore has no machine
    # code for, the driver would compile every one.
    export CUDA_MODULE_LOADING="${CUDA_MODULE_LOADING:-LAZY}"
}

# Sets DEVICE to GPU and gets everything ready for it, or to CPU and says why in one line. The gigabytes of CUDA
# wheels are fetched only where there is a driver to use them.
use_gpu() {
    local problem id="${DEVICE_ID:-0}"
    problem="$("$PYTHON" "$ROOT/scripts/lib/check_env.py" problem GPU "$id" driver)"
    if [ -z "$problem" ]; then
        if [ -z "${MULTISFS_PYTHON:-}" ] && [ -z "$("$PYTHON" "$ROOT/scripts/lib/check_env.py" toolkit)" ]; then
            install_once "$("$PYTHON" -c "import sys; print(sys.prefix)")" requirements/gpu.txt
        fi
        set_cuda_paths
        problem="$("$PYTHON" "$ROOT/scripts/lib/check_env.py" problem GPU "$id")"
    fi
    choose_device GPU "$problem"
}

# choose_device DEVICE_TARGET PROBLEM: sets DEVICE to it, or where there is a problem to CPU, saying why in one line.
choose_device() {
    DEVICE="$1"
    if [ -z "$2" ]; then return; fi
    if [ "${REQUIRE_DEVICE:-}" = 1 ]; then
        fail "no $1 can be used here: $2; bash scripts/check_env.sh $1 says what is missing"
    fi
    say "no $1 can be used here: $2; continuing on the CPU (bash scripts/check_env.sh $1 says more)"
    # shellcheck disable=SC2034  # the scripts that source this file read it
    DEVICE=CPU
}

# Sets up CANN's paths where it is installed and not set up yet, and sets DEVICE to Ascend, or to CPU saying why.
use_ascend() {
    local setup=/usr/local/Ascend/ascend-toolkit/set_env.sh
    if [ -z "${ASCEND_HOME_PATH:-}${ASCEND_TOOLKIT_HOME:-}" ] && [ -f "$setup" ]; then
        set +u
        # shellcheck disable=SC1090
        source "$setup"
        set -u
    fi
    choose_device Ascend "$("$PYTHON" "$ROOT/scripts/lib/check_env.py" problem Ascend "${DEVICE_ID:-0}")"
}

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
# What the scripts above this folder share; sourced, never run. They change no working directory, so that relative paths
# mean what they mean to the caller, and they end with the exit code of the program they run: 0 done, 1 a check or an
# installation failed, 2 wrong input, 130 and 143 interrupted.

set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
PYTHON=""     # set by use_python
# shellcheck source=scripts/lib/devices.sh
source "$ROOT/scripts/lib/devices.sh"

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

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
# The lint gate: ruff, pylint, lizard, shellcheck, codespell and markdownlint. Runs all of them, then fails if one did.

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
USAGE=("usage: bash scripts/run_lint.sh")

case "${1:-}" in
    "") ;;
    -h | --help) usage 0 "${USAGE[@]}" ;;
    *) usage 2 "${USAGE[@]}" ;;
esac
use_python requirements.txt requirements/test.txt requirements/lint.txt
cd "$ROOT"
BIN="$(dirname "$PYTHON")"
FAILED=()

# check NAME COMMAND...
check() {
    local name="$1"
    shift
    echo "== $name"
    "$@" || FAILED+=("$name")
}

check ruff "$PYTHON" -m ruff check .
check pylint "$PYTHON" -m pylint --score=no ./*.py benchmarks pytorch_reference src tests tools scripts/*.py
check lizard "$PYTHON" -m lizard -C 20 -L 100 -w ./*.py benchmarks pytorch_reference src tools scripts
check shellcheck "$BIN/shellcheck" -x scripts/*.sh .ci/run
check codespell "$BIN/codespell"
MARKDOWNLINT=(npx --yes --loglevel=error markdownlint-cli@0.48.0)
if "${MARKDOWNLINT[@]}" --version >/dev/null 2>&1; then
    check markdownlint "${MARKDOWNLINT[@]}" ./*.md docs/*.md
else
    say "no npx here, or nowhere to fetch it from: markdownlint was not run"
fi
if [ ${#FAILED[@]} -gt 0 ]; then fail "found something: ${FAILED[*]}" 1; fi
echo "lint: nothing found"

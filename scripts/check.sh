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
# What a change must pass. .ci/run and the CI workflow call it in an empty environment; contributors call parts of it.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
USAGE=("usage: bash scripts/check.sh [all|lint|docs|slow]"
    "all (default): ruff, the README's test command, slow tests of units and of several processes, lint"
    "lint: ruff, pylint, lizard, shellcheck, codespell, markdownlint and docs; runs all of them, then fails if one did"
    "docs: writes the documentation site to site/, and fails on any warning"
    "slow: all tests that scripts/run_tests.sh leaves out; it takes longer than all the rest")
FAILED=()

docs() {
    check docs "$PYTHON" -m sphinx -W --keep-going -q -b html docs site
}

# check NAME COMMAND...
check() {
    local name="$1"
    shift
    echo "== $name"
    "$@" || FAILED+=("$name")
}

lint() {
    local bin code=(benchmarks pytorch_reference src tools)
    bin="$(dirname "$PYTHON")"
    check ruff "$PYTHON" -m ruff check .
    check pylint "$PYTHON" -m pylint --score=no ./*.py "${code[@]}" tests scripts/lib/*.py docs/*.py
    check lizard "$PYTHON" -m lizard -C 20 -L 100 -w ./*.py "${code[@]}" scripts
    check shellcheck "$bin/shellcheck" -x scripts/*.sh scripts/lib/*.sh .ci/run
    check codespell "$bin/codespell"
    local markdownlint=(npx --yes --loglevel=error markdownlint-cli@0.48.0)
    if "${markdownlint[@]}" --version >/dev/null 2>&1; then
        check markdownlint "${markdownlint[@]}" ./*.md docs/*.md docs/results/*.md
    else
        say "npx is missing or has no network: markdownlint was not run"
    fi
    docs
}

case "${1:-all}" in
    all | lint | docs | slow) ;;
    -h | --help) usage 0 "${USAGE[@]}" ;;
    *) usage 2 "${USAGE[@]}" ;;
esac
[ $# -le 1 ] || usage 2 "${USAGE[@]}"
use_python requirements.txt requirements/test.txt requirements/lint.txt requirements/docs.txt
cd "$ROOT"
case "${1:-all}" in
    lint) lint ;;
    docs) docs ;;
    slow) bash scripts/run_tests.sh -m slow tests ;;
    all)
        "$PYTHON" -m ruff check .
        bash scripts/run_tests.sh
        bash scripts/run_tests.sh -m slow tests/unit tests/e2e/runs/test_distributed.py \
            tests/e2e/project/test_contributing.py
        lint
        ;;
esac
if [ ${#FAILED[@]} -gt 0 ]; then fail "found something: ${FAILED[*]}" 1; fi

#!/usr/bin/env bash
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
# Downloads KuaiRand-Pure (CC BY-SA 4.0), resumes a broken download, checks its MD5 and unpacks it.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
USAGE=("usage: bash scripts/download_kuairand.sh [FOLDER]" "FOLDER: downloads in the project's folder, if not given"
    "then: python preprocess.py --dataset kuairand --raw_dir FOLDER/KuaiRand-Pure")
case "${1:-}" in -h | --help) usage 0 "${USAGE[@]}" ;; esac
[ $# -le 1 ] && [[ "${1:-}" != -* ]] || usage 2 "${USAGE[@]}"
folder="${1:-$ROOT/downloads}"
url="${KUAIRAND_URL:-https://zenodo.org/records/10439422/files/KuaiRand-Pure.tar.gz}"
md5="${KUAIRAND_MD5:-0820331067a3784d9691136f772b35a7}"
archive="$folder/KuaiRand-Pure.tar.gz"
python="${PYTHON:-python3}"

md5_of() {
    "$python" - "$1" <<'PYTHON'
import hashlib
import sys

digest = hashlib.md5()
with open(sys.argv[1], "rb") as file:
    for piece in iter(lambda: file.read(1 << 20), b""):
        digest.update(piece)
print(digest.hexdigest())
PYTHON
}

download() {
    if command -v curl >/dev/null; then
        curl --fail --location --retry 5 --retry-delay 2 --continue-at - --output "$archive.part" "$url"
    elif command -v wget >/dev/null; then
        wget --tries 5 --continue --output-document "$archive.part" "$url"
    else
        fail "neither curl nor wget is installed; install one of them, or download $url by hand to $archive"
    fi
}

mkdir -p "$folder" 2>/dev/null || fail "folder $folder cannot be made; choose another"
if [[ ! -f "$archive" || "$(md5_of "$archive")" != "$md5" ]]; then
    if [[ ! -f "$archive.part" || "$(md5_of "$archive.part")" != "$md5" ]]; then
        download || fail "the download of $url stopped; run this command again to resume it"
    fi
    found="$(md5_of "$archive.part")"
    if [[ "$found" != "$md5" ]]; then
        rm -f "$archive.part"
        fail "$url has MD5 $found; expected $md5; it was removed: run this command again"
    fi
    mv "$archive.part" "$archive"
fi
echo "$archive is complete: MD5 $md5"

# Only regular files are taken, by their base names, so that nothing lands outside and no link is made.
# The module is loaded by its path: the package around it needs what requirements.txt installs, this does not.
PYTHONPATH="$ROOT" "$python" - "$ROOT" "$archive" "$folder/KuaiRand-Pure/data" <<'PYTHON'
import importlib.util
from pathlib import Path

from src.common.errors import run_program


def main(arguments):
    root, archive, folder = map(Path, arguments)
    spec = importlib.util.spec_from_file_location("src.data.reading.archive", root / "src/data/reading/archive.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path in module.unpack(archive, lambda name: name.endswith(".csv"), folder):
        print(f"{path.stat().st_size:>12,}  {path}")


run_program(main)
PYTHON
echo "next: python preprocess.py --dataset kuairand --raw_dir '$folder/KuaiRand-Pure'"

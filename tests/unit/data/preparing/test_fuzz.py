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
"""Whatever the raw files hold: a prepared set that opens, or one clear error and nothing left behind."""

import random
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.data import PreparedData, prepare
from tests.makers.aliccp import write_aliccp
from tests.unit.data.sources.test_kuairand import write_logs, write_side_tables
from tests.unit.data.sources.test_table import DESCRIPTION, _table

_JUNK = (b'"', b'""', b'"\n', b"\n", b"\r\n", b"\r", b",", b",,,", b";", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"NaN",
         b"-", b"1e999", b"9" * 23, b"-124", b"\x01", b"\x02", b"\x03", "Łódź".encode(), "日本".encode("utf-16"),
         b"true", b"0x10", b"1_000", b" ", b"{", b"[", b": ", b"\t", b"#")
_SEEDS = st.integers(0, 2**32 - 1)  # the damage itself is drawn evenly over the file, which hypothesis would not do


def _changes(seed):
    draw = random.Random(seed)
    kinds = ["insert", "replace"] * 4 + ["delete", "cut", "double"]
    return [(draw.choice(kinds), draw.random(), draw.choice([1, 2, 5, 100]), draw.choice(_JUNK))
            for _ in range(draw.randint(1, 3))]


def _mutate(content: bytes, seed: int) -> bytes:
    for kind, where, length, junk in _changes(seed):
        at = int(where * len(content))
        end = min(at + length, len(content))
        if kind == "insert":
            content = content[:at] + junk + content[at:]
        elif kind == "delete":
            content = content[:at] + content[end:]
        elif kind == "replace":
            content = content[:at] + junk + content[end:]
        elif kind == "cut":
            content = content[:at]
        else:
            content = content[:at] + content[at:end] * 2 + content[end:]
    return content


def _outcome(dataset, raw, folder, **overrides):
    """Prepares; asserts that the result opens, or that the error is a UserError and nothing is left."""
    target = folder / "set"
    try:
        prepare(dataset, raw, target, overrides=overrides)
    except UserError as error:
        assert "\n" not in " ".join(str(error).split()) and len(str(error)) < 2_000
        assert not target.exists()
        return False
    data = PreparedData.open(target)
    sizes = np.array(data.schema.cardinalities)
    for name in ("train", "valid", "test"):
        ids, labels = data.split(name).read(0, data.schema.rows[name])
        assert (ids >= 0).all() and (ids < sizes).all() and (labels <= 1).all()
    return True


_SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(_SEEDS)
@_SETTINGS
def test_fuzzed_tables(seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data.csv").write_bytes(_mutate(_table(60).write_csv().encode(), seed))
        (folder / "table.yaml").write_text(DESCRIPTION)
        _outcome("table", folder / "data.csv", folder, table=folder / "table.yaml")


@given(_SEEDS)
@_SETTINGS
def test_fuzzed_table_descriptions(seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _table(60).write_csv(folder / "data.csv")
        (folder / "table.yaml").write_bytes(_mutate(DESCRIPTION.encode(), seed))
        _outcome("table", folder / "data.csv", folder, table=folder / "table.yaml")


_VALUES = st.one_of(st.none(), st.integers(-3, 3), st.floats(), st.text(max_size=5), st.booleans())


@given(st.lists(st.tuples(_VALUES, _VALUES, _VALUES, _VALUES, st.integers(0, 1), st.integers(1, 5)), min_size=12,
                max_size=40), st.sampled_from(["csv", "parquet"]))
@_SETTINGS
def test_mixed_types_in_every_column(rows, kind):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = ["city", "age", "at", "tags", "is_click", "rating"]
        frame = pl.DataFrame({column: pl.Series([None if row[place] is None else str(row[place]) for row in rows],
                                                dtype=pl.String) for place, column in enumerate(names)})
        path = folder / f"data.{kind}"
        frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
        (folder / "table.yaml").write_text(DESCRIPTION)
        _outcome("table", path, folder, table=folder / "table.yaml")


@pytest.fixture(name="kuairand", scope="module")
def _kuairand(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    write_side_tables(folder)
    write_logs(folder, np.arange(50), np.arange(30), rows=60)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(st.data(), _SEEDS)
@_SETTINGS
def test_fuzzed_kuairand_files(kuairand, data, seed):
    broken = data.draw(st.sampled_from(sorted(kuairand)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        for file, content in kuairand.items():
            (folder / "raw" / file).write_bytes(_mutate(content, seed) if file == broken else content)
        _outcome("kuairand", folder / "raw", folder)


@given(_SEEDS)
@_SETTINGS
def test_fuzzed_archives(kuairand, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        for file, content in kuairand.items():
            (folder / "raw" / file).write_bytes(content)
        archive = folder / "KuaiRand-Pure.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder / "raw", "KuaiRand-Pure/data")
        archive.write_bytes(_mutate(archive.read_bytes(), seed))
        _outcome("kuairand", archive, folder)


@pytest.fixture(name="aliccp", scope="module")
def _aliccp(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz-aliccp")
    write_aliccp(folder, 150)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(st.data(), _SEEDS)
@_SETTINGS
def test_fuzzed_aliccp_files(aliccp, data, seed):
    broken = data.draw(st.sampled_from(sorted(aliccp)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        for file, content in aliccp.items():
            (folder / "raw" / file).write_bytes(_mutate(content, seed) if file == broken else content)
        _outcome("aliccp", folder / "raw", folder)

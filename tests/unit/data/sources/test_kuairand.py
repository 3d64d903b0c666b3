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
"""KuaiRand in its published layout: the real side tables where they are, logs generated in the documented schema."""

import errno
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from src.common.errors import UserError
from src.data import PreparedData, prepare
from src.schema import SPLITS

ROOT = Path(__file__).resolve().parents[4]
REAL = Path(os.environ.get("MULTISFS_REAL_DATA", ROOT.parent / "shared" / "data")) / "kuairand_pure"
LOG_COLUMNS = ("user_id", "video_id", "date", "hourmin", "time_ms", "is_click", "is_like", "is_follow", "is_comment",
               "is_forward", "is_hate", "long_view", "play_time_ms", "duration_ms", "profile_stay_time",
               "comment_stay_time", "is_profile_enter", "is_rand", "tab")
USER_COLUMNS = ("user_id", "user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author",
                "follow_user_num", "follow_user_num_range", "fans_user_num", "fans_user_num_range", "friend_user_num",
                "friend_user_num_range", "register_days", "register_days_range",
                *(f"onehot_feat{number}" for number in range(18)))
VIDEO_COLUMNS = ("video_id", "author_id", "video_type", "upload_dt", "upload_type", "visible_status", "video_duration",
                 "server_width", "server_height", "music_id", "music_type", "tag")


def write_logs(folder, users, videos, rows=2_000, seed=0):
    """Writes the three logs of KuaiRand-Pure with random impressions of the given users and videos."""
    draw = np.random.default_rng(seed)
    days = {"log_standard_4_08_to_4_21_pure.csv": (8, 21, 0), "log_standard_4_22_to_5_08_pure.csv": (22, 30, 0),
            "log_random_4_22_to_5_08_pure.csv": (22, 30, 1)}
    for name, (first, last, random) in days.items():
        values = {column: draw.integers(0, 2, rows) for column in LOG_COLUMNS}
        hours = draw.integers(0, 24, rows)
        values.update(user_id=draw.choice(users, rows), video_id=draw.choice(videos, rows),
                      date=20220400 + draw.integers(first, last + 1, rows), hourmin=hours * 100 + 5,
                      tab=draw.integers(0, 15, rows), is_rand=np.full(rows, random))
        values["time_ms"] = 1_649_347_200_000 + (values["date"] - 20220408) * 86_400_000 + hours * 3_600_000
        pl.DataFrame(values).write_csv(folder / name)


def write_side_tables(folder, users=50, videos=30, seed=0):
    """Writes small side tables in the published layout."""
    draw = np.random.default_rng(seed)
    for name, columns, rows in (("user_features_pure.csv", USER_COLUMNS, users),
                                ("video_features_basic_pure.csv", VIDEO_COLUMNS, videos)):
        table = {column: draw.integers(0, 5, rows).astype(str) for column in columns}
        table[columns[0]] = np.arange(rows).astype(str)
        pl.DataFrame(table).write_csv(folder / name)


@pytest.fixture(name="small")
def _small(tmp_path):
    folder = tmp_path / "raw" / "data"
    folder.mkdir(parents=True)
    write_side_tables(folder)
    write_logs(folder, np.arange(50), np.arange(30))
    return tmp_path / "raw"


@pytest.fixture(name="real")
def _real(tmp_path):
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there: set MULTISFS_REAL_DATA")
    folder = tmp_path / "real"
    folder.mkdir()
    for name in ("user_features_pure.csv", "video_features_basic_pure.csv"):
        shutil.copyfile(REAL / name, folder / name)
    write_logs(folder, np.arange(27_285), np.arange(7_583), rows=20_000)
    return folder


def test_real_side_tables_give_41_fields_and_name_the_constant_ones(real, tmp_path):
    data = prepare("kuairand", real, tmp_path / "set")
    schema = data.schema
    assert len(schema.fields) == 41 and schema.task_names == ["click", "like"]
    constant = [step["fields"] for step in schema.steps if "fields" in step]
    assert constant == [["is_lowactive_period", "visible_status"]]
    sizes = dict(zip(schema.field_names, schema.cardinalities))
    assert sizes["user_active_degree"] == 4 and sizes["is_live_streamer"] == 2 and sizes["video_type"] == 3
    assert 40 < sizes["onehot_feat2"] <= 51 and 5_000 < sizes["author_id"] <= 6_511
    assert sum(schema.rows.values()) == 40_000


def test_watch_time_is_a_number_beside_clicks(small, tmp_path):
    data = prepare("kuairand", small, tmp_path / "set", overrides={"tasks": ["click", "watch"]})
    logs = pl.concat([pl.read_csv(path) for path in sorted((small / "data").glob("log_standard*"))])
    scale, found = data.schema.tasks[1].scale, [data.split(split).read_labels(0, 4000) for split in SPLITS]
    assert data.schema.task_names == ["click", "watch"] and data.schema.tasks[0].scale is None
    own = scale.own(np.concatenate(found)[:, 1].astype(float))
    np.testing.assert_allclose(np.sort(own), np.sort(logs["play_time_ms"].to_numpy()), atol=1e-6)


def test_sentinels_and_empty_cells_are_id_zero(real, tmp_path):
    users = pl.read_csv(real / "user_features_pure.csv", infer_schema=False)
    data = prepare("kuairand", real, tmp_path / "set")
    logs = pl.concat([pl.read_csv(path) for path in sorted(real.glob("log_standard*"))])
    rows = logs.with_columns(pl.col("user_id").cast(pl.String)).join(users, on="user_id", how="left",
                                                                     maintain_order="left")
    held = {name: sum(int((data.split(split).read(0, 40_000)[0][:, place] == 0).sum())
                      for split in ("train", "valid", "test"))
            for place, name in enumerate(data.schema.field_names)}
    assert held["is_live_streamer"] == int((rows["is_live_streamer"] == "-124").sum())
    assert held["onehot_feat12"] == rows["onehot_feat12"].null_count()
    undocumented = ~rows["user_active_degree"].is_in(["high_active", "full_active", "middle_active"])
    assert held["user_active_degree"] == int(undocumented.sum())


@pytest.mark.parametrize(("logs", "rows"), [("standard", 4_000), ("random", 2_000), ("all", 6_000)])
def test_logs_option(small, tmp_path, logs, rows):
    data = prepare("kuairand", small, tmp_path / "set", overrides={"logs": logs})
    assert sum(data.schema.rows.values()) == rows


def test_all_labels_and_safe_extra_fields(small, tmp_path):
    data = prepare("kuairand", small, tmp_path / "set", overrides={"tasks": ["all"], "fields": ["all"]})
    assert data.schema.task_names == ["click", "like", "long_view", "follow", "comment", "forward", "hate",
                                      "watch"]
    assert data.schema.field_names[41:] == ["user_id", "video_id", "tab", "hour", "weekday"]
    sizes = dict(zip(data.schema.field_names, data.schema.cardinalities))
    assert sizes["tab"] == 16 and sizes["hour"] == 25 and sizes["weekday"] == 8


def test_split_by_time_keeps_later_days_for_test(small, tmp_path):
    data = prepare("kuairand", small, tmp_path / "set",
                   overrides={"by": "time", "fields": ["user_id", "weekday", "hour"], "tasks": ["click"]})
    assert 0.75 < data.schema.rows["train"] / 4_000 < 0.85
    assert data.schema.settings["split"]["column"] == "time_ms"


def test_an_unknown_video_is_all_id_zero(small, tmp_path):
    log = small / "data" / "log_standard_4_22_to_5_08_pure.csv"
    lines = log.read_text().splitlines()
    cells = lines[-1].split(",")
    cells[1] = "999999"
    log.write_text("\n".join([*lines, ",".join(cells)]) + "\n")
    data = prepare("kuairand", small, tmp_path / "set")
    video = [place for place, name in enumerate(data.schema.field_names) if name in VIDEO_COLUMNS]
    assert len(video) == 11
    unknown = sum(int((data.split(name).read(0, 9_999)[0][:, video] == 0).all(axis=1).sum())
                  for name in ("train", "valid", "test"))
    assert unknown == 1


def test_the_archive_gives_the_same_set_as_the_folder(small, tmp_path):
    archive = tmp_path / "KuaiRand-Pure.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted((small / "data").iterdir(), reverse=True):
            tar.add(path, f"KuaiRand-Pure/data/{path.name}")
    from_folder = prepare("kuairand", small, tmp_path / "a")
    from_archive = prepare("kuairand", archive, tmp_path / "b")
    assert from_folder.schema == from_archive.schema
    archive.write_bytes(archive.read_bytes()[:-2_000])
    with pytest.raises(UserError, match="KuaiRand-Pure.tar.gz is damaged or truncated"):
        prepare("kuairand", archive, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_leakage_columns_are_refused(small, tmp_path):
    preset = tmp_path / "preset.yaml"
    preset.write_text("data:\n  fields: [tag, play_time_ms]\n  tasks: [{name: click, label: is_click}]\n")
    with pytest.raises(UserError, match="play_time_ms.*known only after"):
        prepare("kuairand", small, tmp_path / "set", preset=preset)


@pytest.mark.parametrize(("file", "change", "message"), [
    ("log_standard_4_08_to_4_21_pure.csv", lambda t: t.replace("is_click", "is_klick"), "no column 'is_click'"),
    ("log_standard_4_08_to_4_21_pure.csv", lambda t: t + "1,2,3\n", "line 2002 has 3 cells"),
    ("log_standard_4_22_to_5_08_pure.csv", lambda t: t[:t.rindex(",")][:-40] + "\n", "line 2001 has"),
    ("user_features_pure.csv", lambda t: t + t.splitlines()[-1] + "\n", "line 52 repeats user_id 49"),
    ("user_features_pure.csv", lambda t: t.replace("user_id", "user", 1), "no column 'user_id'"),
    ("video_features_basic_pure.csv", lambda t: "", "is empty"),
    ("video_features_basic_pure.csv", lambda t: t + '30,"1,2\n', "line 32 has a double quote"),
])
def test_broken_files_are_named_with_line_or_column(small, tmp_path, file, change, message):
    path = small / "data" / file
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=f"{file}.*{message}"):
        prepare("kuairand", small, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_missing_files_are_named(small, tmp_path):
    (small / "data" / "video_features_basic_pure.csv").unlink()
    with pytest.raises(UserError, match="no file video_features_basic"):
        prepare("kuairand", small, tmp_path / "set")
    with pytest.raises(UserError, match="logs is 'standart'.*did you mean standard"):
        prepare("kuairand", small, tmp_path / "set", overrides={"logs": "standart"})


def _download(folder, archive, digest):
    return subprocess.run(["bash", str(ROOT / "scripts" / "download_kuairand.sh"), str(folder)], text=True,
                          capture_output=True, check=False,
                          env={**os.environ, "KUAIRAND_URL": archive.as_uri(), "KUAIRAND_MD5": digest})


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_download_resumes_checks_and_unpacks_safely(small, tmp_path):
    import hashlib

    archive = tmp_path / "original.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted((small / "data").iterdir()):
            tar.add(path, f"../../outside/{path.name}")
        link = tarfile.TarInfo("KuaiRand-Pure/data/link.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    digest = hashlib.md5(archive.read_bytes()).hexdigest()
    folder = tmp_path / "with space" / "downloads"
    folder.mkdir(parents=True)
    (folder / "KuaiRand-Pure.tar.gz.part").write_bytes(archive.read_bytes()[:5_000])
    done = _download(folder, archive, digest)
    assert done.returncode == 0, done.stderr
    unpacked = sorted(path.name for path in (folder / "KuaiRand-Pure" / "data").iterdir())
    assert unpacked == sorted(path.name for path in (small / "data").iterdir())
    assert not (tmp_path / "outside").exists() and not (tmp_path / "with space" / "outside").exists()
    prepare("kuairand", folder / "KuaiRand-Pure", tmp_path / "set")
    assert PreparedData.open(tmp_path / "set").schema.rows["train"] == 3_200
    archive.unlink()
    assert _download(folder, archive, digest).returncode == 0  # complete: nothing is fetched again
    wrong = _download(tmp_path / "other", folder / "KuaiRand-Pure.tar.gz", "0" * 32)
    assert wrong.returncode == 2 and "expected 0000" in wrong.stderr
    assert not list((tmp_path / "other").iterdir())


@pytest.mark.parametrize(("cause", "words"), [
    (errno.ENOSPC, "cannot be unpacked: No space left on device; free some space"),
    (errno.ENAMETOOLONG, "cannot be unpacked: File name too long"),
])
def test_an_archive_that_does_not_fit_is_not_called_damaged(small, tmp_path, monkeypatch, cause, words):
    archive = tmp_path / "KuaiRand-Pure.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(small / "data", "KuaiRand-Pure/data")

    def fail(*_):
        raise OSError(cause, os.strerror(cause))

    monkeypatch.setattr("src.data.reading.archive.shutil.copyfileobj", fail)
    with pytest.raises(UserError, match=words):
        prepare("kuairand", archive, tmp_path / "set")


def test_an_archive_larger_than_the_disk_is_refused_before_it_fills_it(small, tmp_path, monkeypatch):
    archive = tmp_path / "KuaiRand-Pure.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(small / "data", "KuaiRand-Pure/data")
    monkeypatch.setattr("src.data.reading.archive.shutil.disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(UserError, match="cannot be unpacked: No space left on device for .*csv of 0 MiB; free some"):
        prepare("kuairand", archive, tmp_path / "set")

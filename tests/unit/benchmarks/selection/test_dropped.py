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
"""What the fields below chance do for a network: the altered data sets, and the table of differences."""

import numpy as np

from benchmarks.selection.dropped import VARIANTS, Table, among_entities, among_rows, dropped_table, variants
from benchmarks.selection.interactions import interaction_table, interactions
from src.data.memory import MemoryData


def table_of_users(rows: int = 900) -> Table:
    """Fields: user, item, the user's age, the hour."""
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 60, rows), rng.integers(0, 40, rows)
    ids = np.column_stack([user, item, user % 7, rng.integers(0, 24, rows)]).astype(np.int32)
    labels = rng.integers(0, 2, (rows, 2)).astype(np.uint8)
    parts = dict(zip(("train", "valid", "test"), zip(np.split(ids, [700, 800]), np.split(labels, [700, 800]))))
    return Table(MemoryData("toy", ["user", "item", "age", "hour"], [60, 40, 7, 24], ["a", "b"], parts),
                 ["user", "item"])


def test_which_entity_decides_a_field():
    assert [table_of_users().entity_of(n) for n in range(4)] == [None, None, "user", None]


def test_shuffled_over_rows_a_field_keeps_its_values_and_loses_its_user():
    table = table_of_users()
    ids = among_rows(table, [2, 3], 1)
    assert np.array_equal(ids[:, :2], table.ids[:, :2]) and not np.array_equal(ids, table.ids)
    assert np.array_equal(np.sort(ids[:, 2:], 0), np.sort(table.ids[:, 2:], 0))
    assert len(np.unique(ids[:, [0, 2]], axis=0)) > 150


def test_shuffled_over_users_a_field_is_still_a_fact_about_the_user():
    table = table_of_users()
    ids = among_entities(table, [2, 3], 1)
    assert len(np.unique(ids[:, [0, 2]], axis=0)) == 60
    assert 0.05 < np.mean(ids[:, 2] == table.ids[:, 2]) < 0.5 and not np.array_equal(ids[:, 3], table.ids[:, 3])


def test_variants_differ_in_the_fields_they_say():
    found = variants(table_of_users(), [0, 1], 0)
    names = {name: data.schema.field_names for name, (data, _) in found.items()}
    assert names["all"] == ["user", "item", "age", "hour"] and names["kept"] == ["user", "item"]
    assert names["kept and fields of user"] == ["user", "item", "age"]
    assert names["kept and other fields"] == ["user", "item", "hour"] and "kept and fields of item" not in names
    assert set(found) == set(VARIANTS) - {"kept and fields of item"}
    twice = found["kept and users and items twice"][0].split("test").ids
    assert np.array_equal(twice[:, :2], twice[:, 2:]) and twice.shape == (100, 4)


def test_differences_are_paired_by_seed():
    records = [{"variant": name, "seed": seed, "fields": 2, "mean_auc": auc + seed, "best_epoch": 3,
                "groups": {"rare user": auc}}
               for name, aucs in (("all", (0.5, 0.7)), ("kept", (0.4, 0.5))) for seed, auc in enumerate(aucs)]
    rows = dropped_table(records).splitlines()
    assert "| +0.1500 ± 0.0500 " in rows[2] and rows[3].count("+0.0000 ± 0.0000") == 2


def test_a_taste_for_the_age_of_items_is_found_and_chance_is_not():
    rng, rows = np.random.default_rng(1), 20_000
    user, item = rng.integers(0, 60, rows), rng.integers(0, 500, rows)
    old, noise = item % 2, (item * 7 % 500) // 250  # facts about items; half of the users like the old, half the new
    labels = (rng.random(rows) < 0.5 + 0.15 * (2 * old - 1) * (2 * (user % 2) - 1)).astype(np.uint8)[:, None]
    ids = np.column_stack([user, item, old, noise]).astype(np.int32)
    parts = {name: (ids[part], labels[part]) for name, part in
             (("train", slice(0, 18_000)), ("valid", slice(18_000, 19_000)), ("test", slice(19_000, None)))}
    table = Table(MemoryData("toy", ["user", "item", "old", "noise"], [60, 500, 2, 2], ["like"], parts),
                  ["user", "item"])
    found = {record["field"]: record for record in interactions(table, [0, 1, 2])}
    assert found["old"]["z"] > 10 and found["old"]["kept"] and not found["noise"]["kept"]
    assert abs(found["noise"]["z"]) < 4 and found["old"]["shuffled_z"] < found["old"]["z"] / 4
    lost = 18_000 * (np.log(2) + 0.65 * np.log(0.65) + 0.35 * np.log(0.35))  # what knowing the taste is worth
    assert 0.8 * lost < found["old"]["gain"] < 1.2 * lost
    assert "| like | kept    | 1 " in interaction_table(list(found.values()))

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
"""Blocks of delimited text: which lines are even, and what is refused where they are not."""

import polars as pl
import pytest

from src.common.errors import UserError
from src.data.reading.delimited import TEXT, WHOLE, has_even_lines, read_frames


@pytest.mark.parametrize("block, cells, even", [
    (b"1,2,3\n4,5,6\n", 3, True), (b",,\n,,\n", 3, True), (b"1\n\n2\n", 1, True),
    (b"1,2\n3,4,5,6\n", 3, False), (b"1,2,3,4\n5,6\n", 3, False), (b"1,2,3\n4,5\n", 3, False),
    (b"1,2,3\n4,5,6,7\n", 3, False), (b"1,2,3\n\n4,5,6\n", 3, False), (b"1,2\n", 1, False), (b",,,\n\n", 3, False),
    (b"1,2\n3\n4,5,6\n", 2, False),
])
def test_lines_are_even_if_each_has_all_its_cells(block, cells, even):
    assert has_even_lines(block, ",", cells) is even


@pytest.mark.parametrize("wanted", [["a"], ["b"], ["c"], ["c", "a"]])
@pytest.mark.parametrize("quoted", [True, False])
def test_lines_too_long_and_too_short_are_refused_whichever_columns_are_read(tmp_path, wanted, quoted):
    path = tmp_path / "log.csv"
    path.write_text("a,b,c\n1,2,3\n4,5,6,7\n8,9\n")
    with pytest.raises(UserError, match="line 3 has 4 cells; expected 3"):
        list(read_frames(path, dict.fromkeys(wanted, WHOLE), quoted=quoted))
    path.write_text("a,b,c\n1,x,3\n4,,6\n")
    (frame,) = read_frames(path, {"c": WHOLE, "a": TEXT}, quoted=quoted)
    assert frame.equals(pl.DataFrame({"c": [3, 6], "a": ["1", "4"]}))

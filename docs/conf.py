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
"""The documentation site: bash scripts/check.sh docs writes it to site/, and fails on any warning."""

import sys
import tempfile
from pathlib import Path

# The reference shows the code below the name that it has when it is installed.
FOLDER = tempfile.TemporaryDirectory(prefix="multisfs-docs-")
(Path(FOLDER.name) / "multisfs").symlink_to(Path(__file__).resolve().parent.parent / "src", target_is_directory=True)
sys.path.insert(0, FOLDER.name)

project = "MultiSFS"
html_title = "MultiSFS"
html_theme = "furo"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
myst_heading_anchors = 4  # headings are linked by the names that code hosts give them
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_use_rtype = False
napoleon_attr_annotations = False
toc_object_entries = False

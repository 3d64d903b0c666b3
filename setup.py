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
"""Builds the package multisfs of the folder src. What pyproject.toml cannot say: files beside src belong to it, too."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py


class BuildWithSettings(build_py):
    """Puts default_config.yaml and configs/ into the package, where src/common/home.py finds them."""

    def run(self) -> None:
        """Builds afresh: what an earlier build left is not taken along."""
        package = Path(self.build_lib, "multisfs")
        if not self.editable_mode:
            shutil.rmtree(package, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            (package / "configs").mkdir()
            for file in ("default_config.yaml", *map(str, Path("configs").glob("*.yaml"))):
                shutil.copy(file, package / file)


if __name__ == "__main__":
    setup(packages=["multisfs", *(f"multisfs.{name}" for name in find_packages("src"))],
          cmdclass={"build_py": BuildWithSettings})

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
"""What the programs that take options with argparse share. No MindSpore."""

from __future__ import annotations

import argparse

from .errors import UserError


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are UserErrors, so that they look like all others."""

    def error(self, message: str) -> None:
        raise UserError(f"{message}; see python {self.prog} --help")


def names(text: str) -> list[str]:
    """The names in "a,b,c", without blanks around them and without empty ones."""
    return [name.strip() for name in text.split(",") if name.strip()]

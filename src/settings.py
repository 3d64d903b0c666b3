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
"""One frozen Settings from default_config.yaml, the data set's preset, a file of the user's and the command line."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from .errors import UserError, nearest

ROOT = Path(__file__).resolve().parent.parent  # the project's own folder
DATA_KEY = "data"  # mapping in a preset that preparation alone reads


@dataclass(frozen=True)
class Settings:
    """All settings of a program, typed and read-only; ``load_settings`` builds them.

    default_config.yaml has every attribute's default, its explanation and the values that are allowed.
    """

    # Data
    dataset: str
    data_dir: str
    tasks: str

    # Selection
    selector: str
    selection: str
    keep_ratio: float | str
    keep_fields: int | str
    shared_fields: str
    score: str
    score_sign: str
    score_batches: int | str
    relation: str
    relation_epochs: int
    relation_layers: int
    relation_dim: int
    relation_batches: int
    search_epochs: int
    end_to_end: bool

    # Model
    backbone: str
    embedding_dim: int
    bottom_dims: tuple[int, ...]
    tower_dims: tuple[int, ...]
    experts: int
    dropout: float

    # Training
    batch_size: int
    batch_per_rank: bool
    learning_rate: float
    embedding_optimizer: str
    weight_decay: float
    loss_reduction: str
    epochs: int
    patience: int
    monitor: str
    seed: int

    # Running
    device_target: str
    device_id: int
    output_dir: str
    run_name: str
    resume: bool
    progress: bool
    verify_data: bool
    summary: bool

    def replace(self, **changes: Any) -> Settings:
        """Returns a copy with some settings changed; the new values are checked as those of a file are."""
        values, _, allowed = _read_defaults()
        return replace(self, **{key: _checked(key, value, values, allowed, "replace")
                                for key, value in changes.items()})

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON and YAML have them: lists for tuples."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    def to_yaml(self) -> str:
        """The text of a run folder's config.yaml."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    @property
    def data_path(self) -> Path:
        """The prepared data set: what the user named, or data/<dataset> below the project."""
        return ROOT / "data" / self.dataset if self.data_dir == "auto" else Path(self.data_dir)

    @property
    def output_path(self) -> Path:
        """Where run folders are made; the default lies below the project, a named one is taken as it is."""
        default = _read_defaults()[0]["output_dir"]
        return ROOT / default if self.output_dir == default else Path(self.output_dir)

    @property
    def task_list(self) -> list[str] | None:
        """The tasks named by the user, or None for the data set's own."""
        return None if self.tasks == "auto" else [name.strip() for name in self.tasks.split(",")]


def load_settings(arguments: Sequence[str], base: Mapping[str, Any] | None = None) -> Settings:
    """Builds the Settings of a program from its command line.

    Args:
        arguments: ``--key value``, ``--key=value`` or ``key=value``; ``--config FILE`` names a YAML file.
        base: settings to start from instead of the defaults, e.g. those of a finished run.

    Raises:
        UserError: an unknown key, a value of the wrong type or out of range, an unreadable file.
    """
    values, _, allowed = _read_defaults()
    given = parse_arguments(arguments)
    file = given.pop("config", None)
    if file is not None and not Path(file).suffix and not Path(file).exists():
        file = ROOT / "configs" / f"{file}.yaml"
    layers: list[tuple[str, Mapping[str, Any]]] = []
    if base is not None:
        layers.append(("the run's config.yaml", base))
    from_file = read_yaml(Path(file)) if file is not None else {}
    dataset = given.get("dataset", from_file.get("dataset", {**values, **(base or {})}["dataset"]))
    preset = ROOT / "configs" / f"{dataset}.yaml"
    if base is None and preset.exists():
        layers.append((str(preset), read_yaml(preset)))
    if file is not None:
        layers.append((str(file), from_file))
    layers.append(("the command line", {key: _parse_value(text) for key, text in given.items()}))
    merged = dict(values)
    for where, layer in layers:
        for key, value in layer.items():
            if key == DATA_KEY and where != "the command line":
                continue
            merged[key] = _checked(key, value, values, allowed, where)
    return Settings(**merged)


def parse_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """Splits a command line into keys and texts; a lone ``--key`` means true.

    Raises:
        UserError: something that is neither ``--key value`` nor ``key=value``.
    """
    given: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            raise SystemExit(usage())
        if "=" in word:
            key, _, text = word.partition("=")
        elif word.startswith("--"):
            key, text = word, rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        else:
            raise UserError(f"argument {word!r} is not understood; write --key VALUE or KEY=VALUE")
        given[key.lstrip("-").replace("-", "_")] = text
    return given


def usage() -> str:
    """The help text: every key, its default and what it is for."""
    values, helps, allowed = _read_defaults()
    lines = ["Settings (--key VALUE or KEY=VALUE; --config FILE reads a YAML file of them):"]
    for key, value in values.items():
        choice = allowed.get(key)
        names = f" [{' | '.join(map(str, choice))}]" if isinstance(choice, list) else ""
        lines.append(f"  --{key:<17} {helps.get(key, '')}{names} (default: {value})")
    return "\n".join(lines)


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML mapping.

    Raises:
        UserError: the file is missing, is no YAML, or is no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise UserError(f"configuration file {path} does not exist") from None
    except (yaml.YAMLError, UnicodeDecodeError, IsADirectoryError) as error:
        raise UserError(f"configuration file {path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"configuration file {path} is not a mapping of keys to values")
    return content


def defaults() -> dict[str, Any]:
    """Every setting's default, as ``Settings.to_dict`` gives it."""
    return Settings(**_read_defaults()[0]).to_dict()


def choices(key: str) -> list[str]:
    """The values that default_config.yaml allows for a key that is a choice."""
    return list(_read_defaults()[2][key])


@functools.cache  # every Settings asks for them; a grid has hundreds
def _read_defaults() -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    with open(ROOT / "default_config.yaml", encoding="utf-8") as file:
        values, helps, allowed = yaml.safe_load_all(file)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return values, helps, allowed


def _parse_value(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _checked(key: str, value: Any, values: Mapping[str, Any], allowed: Mapping[str, Any], where: str) -> Any:
    """Returns ``value`` in the key's type, or says what is wrong with it."""
    if key not in values:
        raise UserError(f"unknown key {key!r} in {where}{nearest(key, values)}; --help lists all keys")
    rule, value = allowed.get(key, {}), "none" if value is None else value
    if isinstance(rule, list):
        if value not in rule:
            raise UserError(f"{key} is {value!r} in {where}; expected one of {', '.join(rule)}{nearest(value, rule)}")
        return value
    if isinstance(value, str) and value in rule.get("also", ()):
        return value
    kind = {"int": int, "float": float}.get(rule.get("type"), type(values[key]))
    return _converted(key, value, kind, rule, where)


def _converted(key: str, value: Any, kind: type, rule: Mapping[str, Any], where: str) -> Any:
    """Returns ``value`` as ``kind``: a number, numbers, true or false, or text."""
    if kind is tuple:
        items = value if isinstance(value, (list, tuple)) else str(value).split(",")
        return tuple(_number(key, item, int, rule, where) for item in items)
    if kind in (int, float):
        return _number(key, value, kind, rule, where)
    if kind is bool:
        if not isinstance(value, bool):
            raise UserError(f"{key} is {value!r} in {where}; expected true or false")
        return value
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        raise UserError(f"{key} is a mapping in {where}; expected text")
    return str(value)


def _number(key: str, value: Any, kind: type, rule: Mapping[str, Any], where: str) -> Any:
    """Returns ``value`` as an int or float inside the rule's limits."""
    limits = " and ".join(f"{word} {rule[name]}" for name, word in
                          (("min", "at least"), ("above", "above"), ("max", "at most"), ("below", "below"))
                          if name in rule)
    also = "".join(f", or {word}" for word in rule.get("also", ()))
    noun = "a whole number" if kind is int else "a number"
    expected = f"expected {noun}{' ' + limits if limits else ''}{also}"
    try:
        number = kind(value)
        whole = not isinstance(value, bool) and (kind is float or float(value) == number)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or not (
        number >= rule.get("min", number) and number > rule.get("above", number - 1)
        and number <= rule.get("max", number) and number < rule.get("below", number + 1)
    ):
        raise UserError(f"{key} is {value!r} in {where}; {expected}")
    return number

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

from .common.errors import UserError, nearest
from .common.files import YAML_LOADER, read_yaml
from .common.home import HOME, SHIPPED
from .common.option import LIMITS, Option, by_name, read_arguments

DATA_KEY = "data"  # mapping in a preset that preparation alone reads
CASES = "cases"  # list in a file named by --config: settings for one data set or backbone
RETIRED = ("resume", "relation_batches")  # may be in the config.yaml of older runs
CONFIG = Option("config", "", "YAML file of settings, or a name in configs/", kind="path")
# What the authors' release, MTReclib and others call a setting.
OTHER_NAMES = {
    **{name: f"here it is {ours}" for name, ours in {
        "model_name": "backbone", "dataset_path": "data_dir", "dataset_name": "dataset", "save_dir": "output_dir",
        "device": "device_target", "lr": "learning_rate", "wdecay": "weight_decay", "epoch": "epochs",
        "bs": "batch_size", "embed_dim": "embedding_dim", "expert_num": "experts"}.items()},
    "task_t": "here it is tasks, the names of the labels, such as click,like (docs/MIGRATION.md)",
    "task_num": "here it is tasks, the names of the labels; as many are trained as are named",
    **{name: f"here it is keep_ratio, which is 1 - {name}" for name in ("cr", "compress_ratio")},
    "relation_batches": "relations are learned from all train rows",
    "resume": "the same command always continues an unfinished run",
}


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
    keep_fields: int | str | dict[str, int]
    shared_fields: str
    score: str
    score_sign: str
    score_batches: int | str
    relation: str
    relation_epochs: int
    relation_layers: int
    relation_dim: int | str
    relations: str
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
    precision: str
    sync_batch_norm: bool
    learning_rate: float
    embedding_optimizer: str
    weight_decay: float
    loss_reduction: str
    task_weights: str | float | dict[str, float]
    epochs: int
    patience: int
    monitor: str
    seed: int

    # Running
    device_target: str
    device_id: int
    output_dir: str
    run_name: str
    progress: bool
    report: bool
    verify_data: bool
    summary: bool
    tracker: str

    @property
    def trackers(self) -> list[str]:
        """What follows the training, by name."""
        wanted = ("tensorboard" if self.summary else "none", self.tracker)
        return [name for name in dict.fromkeys(wanted) if name != "none"]

    def replace(self, where: str = "in replace", /, **changes: Any) -> Settings:
        """Returns a copy with some settings changed; the new values are checked as those of a file are.

        Raises:
            UserError: a value is not allowed; the message says ``where`` it was given.
        """
        return replace(self, **{key: _converted(key, value, where) for key, value in changes.items()})

    def to_dict(self) -> dict[str, Any]:
        """The settings as in JSON and YAML: lists for tuples."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    def to_yaml(self) -> str:
        """The text of a run folder's config.yaml."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    @property
    def data_path(self) -> Path:
        """The prepared data set that the user named, or data/<dataset> below HOME."""
        return HOME / "data" / self.dataset if self.data_dir == "auto" else Path(self.data_dir)

    @property
    def output_path(self) -> Path:
        """Where run folders are made; the default lies below HOME, a named one is taken as it is."""
        default = setting_options()["output_dir"].default
        return HOME / default if self.output_dir == default else Path(self.output_dir)

    @property
    def task_list(self) -> list[str] | None:
        """The tasks named by the user, or None for the data set's own."""
        return None if self.tasks == "auto" else [name.strip() for name in self.tasks.split(",")]


def parse_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """The texts of the settings that a command line gives, by name.

    Raises:
        UserError: something that is neither ``--key value`` nor ``key=value``.
    """
    given, words = read_arguments(arguments, by_name([*setting_options().values(), CONFIG]))
    if words:
        raise UserError(f"argument {words[0]!r} is not understood; write --key VALUE or KEY=VALUE")
    return given


def load_settings(arguments: Sequence[str], base: Mapping[str, Any] | None = None) -> Settings:
    """Builds the Settings of a program.

    Args:
        arguments: ``--key value``, ``--key=value`` or ``key=value``; ``--config FILE`` names a YAML file. Its ``cases``
            are settings with a ``dataset`` or ``backbone`` for which they hold, over the file's other settings.
        base: settings to start from instead of the defaults, e.g. those of a finished run.

    Raises:
        UserError: an unknown key, a value of the wrong type or out of range, an unreadable file.
    """
    given = parse_arguments(arguments)
    file = _settings_file(given)
    from_file = read_yaml(file, _TextLoader) if file is not None else {}
    cases = _cases(from_file.pop(CASES, []), {**defaults(), **(base or {}), **from_file, **given}, f"in {file}")
    layers: list[tuple[str, Mapping[str, Any]]] = [("in the run's config.yaml", base or {})]
    if base is None:
        dataset = _converted("dataset", given.get("dataset", from_file.get("dataset", defaults()["dataset"])), "")
        preset = SHIPPED / "configs" / f"{dataset}.yaml"
        layers.append((f"in {preset}", read_yaml(preset, _TextLoader) if preset.exists() else {}))
    layers += [*((f"in {file}", layer) for layer in (from_file, *cases)), ("on the command line", given)]
    values = {key: option.default for key, option in setting_options().items()}
    for where, layer in layers:
        for key, value in layer.items():
            if not (key in RETIRED and layer is base or key == DATA_KEY and layer is not given):
                values[key] = _converted(key, value, where)
    return Settings(**values)


def _cases(cases: Any, chosen: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """The settings of the cases that hold for the data set and backbone chosen.

    Raises:
        UserError: they are no list of mappings that name one of the two.
    """
    found = []
    for case in cases if isinstance(cases, list) else [cases]:
        wanted = {key: case[key] for key in ("dataset", "backbone") if key in case} if isinstance(case, dict) else {}
        if not wanted:
            raise UserError(f"{CASES} has {case!r} {where}; expected settings with a dataset or a backbone, such as "
                            "{backbone: mmoe, experts: 4}")
        for key, value in wanted.items():
            _converted(key, value, where)
        if all(chosen[key] == value for key, value in wanted.items()):
            found.append({key: value for key, value in case.items() if key not in wanted})
    return found


class _TextLoader(YAML_LOADER):
    """Reads every plain value as the text that it is: its setting knows what it should be."""

    yaml_implicit_resolvers: dict = {}


def _settings_file(given: dict[str, str]) -> Path | None:
    """Takes the file that ``config`` names out of ``given``: a path, or a name in configs/."""
    if "config" not in given:
        return None
    file = Path(CONFIG.convert(given.pop("config"), "on the command line"))
    return file if file.suffix or file.exists() else SHIPPED / "configs" / f"{file}.yaml"


def _converted(key: Any, value: Any, where: str) -> Any:
    """The value of a setting in its type, or one line on what is wrong with it."""
    options = setting_options()
    if key not in options:
        refuse_unknown(str(key), where)
    return options[key].convert(value, where)


def refuse_unknown(key: str, where: str, others: Iterable[str] = ()) -> NoReturn:
    """Refuses a name that is no setting, with the name it has here or the nearest one.

    Raises:
        UserError: always.
    """
    hint = f"; {OTHER_NAMES[key.lower()]}" if key.lower() in OTHER_NAMES else nearest(
        key.lower(), [*others, *setting_options()])
    raise UserError(f"unknown key {key!r} {where}{hint}; --help lists all keys")


def usage() -> str:
    """The help text: every key, its default and what it is for."""
    return "\n".join(["Settings (--key VALUE or KEY=VALUE):", CONFIG.usage(),
                      *(option.usage() for option in setting_options().values())])


def defaults() -> dict[str, Any]:
    """Every setting's default, as ``Settings.to_dict`` gives it."""
    return Settings(**{key: option.default for key, option in setting_options().items()}).to_dict()


def choices(key: str) -> list[str]:
    """The values that default_config.yaml allows for a key that is a choice."""
    return list(setting_options()[key].choices)


@functools.cache  # every Settings asks for them; a grid has hundreds
def setting_options() -> Mapping[str, Option]:
    """The settings by name, as default_config.yaml describes them."""
    with open(SHIPPED / "default_config.yaml", encoding="utf-8") as file:
        values, helps, rules = yaml.safe_load_all(file)
    return {key: _option(key, value, helps[key], rules.get(key, {})) for key, value in values.items()}


def _option(key: str, default: Any, explanation: str, rule: Any) -> Option:
    if isinstance(rule, list):
        return Option(key, default, explanation, choices=tuple(rule))
    kinds = {bool: "flag", int: "whole", float: "number", list: "wholes", str: "text"}
    return Option(key, tuple(default) if isinstance(default, list) else default, explanation,
                  rule.get("type", kinds[type(default)]), also=tuple(rule.get("also", ())),
                  limits={name: rule[name] for name, _ in LIMITS if name in rule},
                  empty=rule.get("empty", False), per_task=rule.get("per_task", False),
                  aliases=tuple(rule.get("aliases", ())))

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
"""A search over settings: Optuna proposes values, every trial is a grid of runs, the validation AUC is what counts.

The study is a SQLite file, and runs lie in a folder named after their values: the same command goes on where one was
interrupted, also in the middle of a training.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import UserError
from ..common.files import write_text
from ..evaluation import standard_error
from ..settings import refuse_unknown, setting_options
from .tables import Table

LOG = logging.getLogger(__name__)
NOT_SEARCHED = ("dataset", "data_dir", "tasks", "backbone", "selector", "selection", "score", "seed", "device_target",
                "device_id", "output_dir", "run_name", "progress", "report", "verify_data", "summary", "tracker")
SYNTAX = ("expected KEY=LOW..HIGH, KEY=LOW..HIGH:log or KEY=VALUE,VALUE, such as learning_rate=1e-4..1e-2:log "
          "or tower_dims=64+32,32")


@dataclass(frozen=True)
class Range:
    """The values of one setting that may be tried.

    Attributes:
        key: the setting.
        values: two ends, or the choices, which are numbers, texts, or true and false.
        between: whether they are ends: numbers between them, too.
        log: whether steps are equal in the logarithm.
    """

    key: str
    values: tuple[Any, ...]
    between: bool = False
    log: bool = False

    def suggest(self, trial) -> Any:
        """The value that an Optuna trial is to have."""
        if not self.between:
            return trial.suggest_categorical(self.key, self.values)
        suggest = trial.suggest_int if isinstance(self.values[0], int) else trial.suggest_float
        return suggest(self.key, *self.values, log=self.log)


def read_space(words: Sequence[str]) -> list[Range]:
    """The ranges that ``--sweep`` names: the words between commas; one without ``=`` is one more value of the last key.

    Raises:
        UserError: a key is no setting that can be searched, or a value is none of its setting's.
    """
    texts: dict[str, list[str]] = {}
    key = ""
    for word in words:
        name, equals, value = word.partition("=")
        key, value = (name.strip(), value) if equals else (key, word)
        if not key or not value.strip() or (equals and key in texts):
            raise UserError(f"sweep has {word!r}; {SYNTAX}, each key once")
        texts.setdefault(key, []).append(value.strip())
    return [_range(name, values) for name, values in texts.items()]


def _range(key: str, texts: Sequence[str]) -> Range:
    if key not in setting_options():
        refuse_unknown(key, "in sweep")
    if key in NOT_SEARCHED:
        raise UserError(f"sweep cannot try values of {key}; expected another setting; data sets, backbones, methods, "
                        "tasks and seeds are options of their own")
    option, where = setting_options()[key], "in sweep"
    low, dots, high = texts[0].partition("..")
    if not dots:
        if option.kind == "wholes":
            texts = [text.replace("+", ",") for text in texts]
        values = [(option.convert(text, where), text) for text in texts]  # a study holds no lists
        return Range(key, tuple(dict.fromkeys(value if isinstance(value, (bool, int, float, str)) else text
                                              for value, text in values)))
    high, colon, scale = high.partition(":")
    if len(texts) > 1 or option.kind not in ("whole", "number") or (colon and scale != "log"):
        raise UserError(f"sweep has {key}={','.join(texts)}; {SYNTAX}; only numbers have a LOW and a HIGH")
    first, last = (option.convert(text, where) for text in (low, high))
    if not all(isinstance(end, (int, float)) for end in (first, last)) or first >= last or (colon and first <= 0):
        raise UserError(f"sweep has {key}={texts[0]}; expected a LOW below the HIGH" + (", above 0" if colon else ""))
    return Range(key, (first, last), True, bool(colon))


def words_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Values as settings of train.py."""
    return tuple(f"{key}={_text(value)}" for key, value in values.items())


def folder_of(values: Mapping[str, Any]) -> str:
    """The name of the folder of a trial's runs: two trials of the same values have the same runs."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def search(space: Sequence[Range], folder: Path, trials: int, made_of: Any,
           measure: Callable[[Mapping[str, Any], Path], list[float]]) -> list[tuple[dict[str, Any], list[float]]]:
    """Runs trials until the study has so many.

    Args:
        space: what may be tried.
        folder: of the study, study.db, and of the trials' runs.
        trials: how many the study is to have, with those of earlier calls.
        made_of: what else decides the results; a study of something else is refused.
        measure: makes the runs of values in a folder; their validation AUCs, one a seed. A UserError fails the trial.

    Returns:
        values and validation AUCs of every trial that has them, best mean first.

    Raises:
        UserError: Optuna is not installed, or the study is of other ranges, settings or data.
    """
    optuna = _import_optuna()
    folder.mkdir(parents=True, exist_ok=True)
    storage = f"sqlite:///{folder.resolve() / 'study.db'}"
    study = optuna.create_study(storage=storage, study_name="sweep", direction="maximize", load_if_exists=True)
    record = json.loads(json.dumps({"space": [vars(item) for item in space], "runs": made_of}))
    if study.user_attrs.get("made_of", record) != record:
        raise UserError(f"{folder / 'study.db'} is a sweep of other ranges, settings, seeds or data; give another "
                        "--output_dir, or remove it")
    study.set_user_attr("made_of", record)
    _take_up(study, optuna)
    while (done := len(_finished(study))) < trials:
        study.sampler = optuna.samplers.TPESampler(seed=len(study.trials))  # a seed twice would draw the same again
        trial = study.ask()
        values = {item.key: item.suggest(trial) for item in space}
        LOG.info("trial %d of %d: %s", done + 1, trials, " ".join(words_of(values)))
        try:
            found = measure(values, folder / folder_of(values))
        except UserError as error:
            LOG.warning("trial %d failed: %s", done + 1, error)
            trial.set_user_attr("failed", str(error))
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        trial.set_user_attr("aucs", found)
        study.tell(trial, float(np.mean(found)))
    ended = [(trial.params, trial.user_attrs["aucs"]) for trial in _finished(study) if "aucs" in trial.user_attrs]
    return sorted(ended, key=lambda item: -float(np.mean(item[1])))


def search_table(found: Sequence[tuple[Mapping[str, Any], list[float]]], most: int = 10) -> Table:
    """The best trials: their values, and the mean validation AUC over seeds."""
    rows = [[*(_text(value) for value in values.values()), f"{np.mean(aucs):.4f} ± {standard_error(aucs):.4f}"]
            for values, aucs in found[:most]]
    return Table("best trials", [*found[0][0], "valid AUC"], rows,
                 f"The best {len(rows)} of {len(found)} trials: mean AUC on the validation split ± standard error over "
                 "seeds. The best of many is better there than it is elsewhere; the test split was not looked at.")


def write_best(values: Mapping[str, Any], path: Path) -> None:
    """Writes a trial's values as a file for ``--config``."""
    write_text(path, "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items()))


def _finished(study) -> list:
    """Trials that count: those with a result and those whose runs failed, but not those that were cut off."""
    return [trial for trial in study.trials if trial.state.is_finished()
            and (trial.value is not None or "failed" in trial.user_attrs)]


def _take_up(study, optuna) -> None:
    """Asks again for the values of trials that another call began and did not end."""
    for trial in study.trials:
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.params)


def _import_optuna():
    try:
        import optuna
    except ImportError:
        raise UserError("a sweep of other settings than keep_ratio needs Optuna, which is not installed; pip install "
                        "optuna") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)

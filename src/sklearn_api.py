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
"""MultiSFS as a scikit-learn estimator, for tables in memory."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .data.memory import MemoryData
from .data.preparing.encode import FieldCounter
from .data.preparing.options import DataOptions, FieldSpec
from .errors import UserError
from .schema import Selection
from .selection.base import make_selection
from .selection.multisfs import MultiSFS
from .settings import Settings, load_settings
from .training import choose_device


class MultiSFSSelector(TransformerMixin, BaseEstimator):
    """Selects, for every task, the k columns of a table that matter most for it.

    Columns of floats are numbers and are cut into quantile buckets; every other column, integers included, is
    categorical. Missing values are allowed.

    Args:
        k: columns every task keeps; with fewer columns than that it keeps all, and warns.
        backbone: multi-task network that is scored: single_task, shared_bottom, omoe, mmoe, ple, esmm or aitm.
        method: calibrated, or paper: eqs. 10 and 11-24. (``score`` would hide scikit-learn's own.)
        relation: how scores are merged over tasks: auto (gnn for paper, none for calibrated), gnn, pearson or none.
        shared_fields: columns that count as shared in ``selection_``: auto (by backbone), union or intersection.
        embedding_dim: width of a column's embedding.
        bottom_dims: widths of the bottom or expert layers.
        tower_dims: hidden widths of every task's tower.
        experts: experts of MMoE and OMoE; PLE takes half as many shared and as many for every task.
        batch_size: rows of a scored mini-batch.
        score_batches: mini-batches to score, or auto.
        min_count: values seen less often become "rare", as unseen ones do.
        buckets: quantile buckets of a number.
        device_target: CPU, GPU, Ascend, or auto for the first that works.
        random_state: seed of network and rows: an int, a RandomState, or None.

    After ``fit``:

    Attributes:
        scores_: float64 ``[tasks, columns]``, larger is more important.
        relations_: float ``[columns, tasks, tasks]``, or None where scores are not merged.
        chance_: score a column without information is not expected to exceed; None for method paper.
        selection_: the Selection, which ``train.py --selection`` takes once its to_json() is written to a file.
        tasks_: names of the tasks.
        n_features_in_: number of columns.
        feature_names_in_: their names, where X had names.

    Example:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> X = pd.DataFrame(rng.integers(0, 6, (3000, 5)), columns=["city", "age", "hour", "device", "page"])
        >>> Y = pd.DataFrame({"click": (X["city"] % 2 == 0) ^ (rng.random(3000) < 0.1),
        ...                   "like": (X["hour"] >= 3) ^ (rng.random(3000) < 0.1)}).astype(int)
        >>> selector = MultiSFSSelector(k=1, backbone="ple", random_state=0).fit(X, Y)
        >>> {task: selector.get_feature_names_out(task=task).tolist() for task in Y}
        {'click': ['city'], 'like': ['hour']}
        >>> selector.transform(X, task="like").columns.tolist()
        ['hour']
        >>> selector.get_support().shape, selector.get_support(task="click").tolist()
        ((2, 5), [True, False, False, False, False])
    """

    def __init__(self, k: int = 20, backbone: str = "mmoe", *, method: str = "calibrated", relation: str = "auto",
                 shared_fields: str = "auto", embedding_dim: int = 16, bottom_dims: Sequence[int] = (64, 32),
                 tower_dims: Sequence[int] = (32, 16), experts: int = 4, batch_size: int = 2048,
                 score_batches="auto", min_count: int = 1, buckets: int = 20, device_target: str = "auto",
                 random_state=None):
        self.k = k
        self.backbone = backbone
        self.method = method
        self.relation = relation
        self.shared_fields = shared_fields
        self.embedding_dim = embedding_dim
        self.bottom_dims = bottom_dims
        self.tower_dims = tower_dims
        self.experts = experts
        self.batch_size = batch_size
        self.score_batches = score_batches
        self.min_count = min_count
        self.buckets = buckets
        self.device_target = device_target
        self.random_state = random_state

    def fit(self, X, y) -> MultiSFSSelector:
        """Scores every (task, column).

        Args:
            X: DataFrame (pandas or Polars) or array ``[rows, columns]``.
            y: DataFrame or array of 0 and 1, ``[rows, tasks]``, or ``[rows]`` for one task.

        Raises:
            ValueError: a parameter, X or y is not as described.
        """
        columns, named = _columns_of(X, 2)
        labels, tasks = _labels_of(y, len(columns[0][1]))
        self.n_features_in_ = len(columns)
        names = [name for name, _ in columns]
        try:
            config = self._config(len(columns))
            data = self._encode(columns, labels, tasks)
            choose_device(config.device_target, config.device_id)
            scorer = MultiSFS(config).fit(data, tasks)
            self.selection_: Selection = make_selection(scorer, data.schema, tasks, config)
        except UserError as error:
            raise ValueError(str(error)) from None
        self.scores_, self.relations_, self.chance_ = scorer.scores_, scorer.relations_, scorer.chance_
        self.tasks_, self._names = list(tasks), names
        if named:
            self.feature_names_in_ = np.array(names, object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def _config(self, columns: int) -> Settings:
        """The settings of a run, from the parameters.

        Raises:
            UserError: a parameter is out of range.
        """
        if isinstance(self.k, (int, np.integer)) and self.k > columns:
            warnings.warn(f"k={self.k} is greater than n_features={columns}; every task keeps all", stacklevel=3)
        seed = self.random_state
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
            seed = check_random_state(seed).randint(2**31 - 1)
        names = ("backbone", "relation", "shared_fields", "embedding_dim", "bottom_dims", "tower_dims",
                 "experts", "batch_size", "score_batches", "device_target")
        keep = min(self.k, columns) if isinstance(self.k, (int, np.integer)) else self.k
        return load_settings(["--dataset", "table"]).replace(
            keep_fields=keep, seed=int(seed), progress=False, score=self.method,
            **{name: getattr(self, name) for name in names})

    def _encode(self, columns, labels: np.ndarray, tasks: Sequence[str]) -> MemoryData:
        options = DataOptions((), (), min_count=self.min_count, buckets=self.buckets)
        ids, cardinalities = np.empty((len(labels), len(columns)), np.int32), []
        for place, (name, column) in enumerate(columns):
            kind = "number" if column.dtype.is_float() else "categorical"
            counter = FieldCounter(FieldSpec(name, name, kind), options)
            counter.add(column)
            encoder = counter.finish()
            ids[:, place] = encoder.encode(column)
            cardinalities.append(encoder.cardinality)
        none = ids[:0], labels[:0]
        return MemoryData("memory", [name for name, _ in columns], cardinalities, tasks,
                          {"train": (ids, labels), "valid": none, "test": none})

    def get_support(self, indices: bool = False, task: str | None = None) -> np.ndarray:
        """Which columns are kept.

        Args:
            indices: positions instead of a mask; for one task, or without a task the columns any task keeps.
            task: a task's name.

        Returns:
            bool ``[tasks, columns]``, or ``[columns]`` for one task; with ``indices`` int ``[kept]``, ascending.
        """
        check_is_fitted(self, "selection_")
        kept = np.array([[name in self.selection_.selected[t] for name in self._names] for t in self.tasks_])
        if task is not None:
            if task not in self.tasks_:
                raise ValueError(f"task is {task!r}; expected one of {', '.join(self.tasks_)}")
            kept = kept[self.tasks_.index(task)]
        return np.flatnonzero(kept if task is not None else kept.any(0)) if indices else kept

    def get_feature_names_out(self, input_features=None, task: str | None = None) -> np.ndarray:
        """Names of the columns that :meth:`transform` gives, in the order of the table.

        Args:
            input_features: the names of X's columns, where X had none in ``fit``.
            task: a task's name; None for the columns that any task keeps.
        """
        kept = self.get_support(indices=True, task=task)
        names = np.array(self._names, object)
        if input_features is not None:
            given = np.asarray(input_features, object)
            if len(given) != len(names):
                raise ValueError(f"input_features should have length equal to {len(names)}, got {len(given)}")
            if hasattr(self, "feature_names_in_") and list(given) != list(names):
                raise ValueError("input_features is not equal to feature_names_in_")
            names = given
        return names[kept]

    def transform(self, X, task: str | None = None) -> Any:
        """X with the columns a task keeps, or without a task those that any task keeps, in the order of the table.

        Raises:
            ValueError: X's columns are not those of ``fit``.
        """
        kept = self.get_support(indices=True, task=task)
        columns, named = _columns_of(X)
        names = [name for name, _ in columns]
        if named and hasattr(self, "feature_names_in_") and names != self._names:
            raise ValueError("The feature names should match those that were passed during fit. "
                             f"X has {', '.join(map(str, names))}; expected {', '.join(map(str, self._names))}")
        if len(columns) != self.n_features_in_:
            raise ValueError(f"X has {len(columns)} features, but {type(self).__name__} is expecting "
                             f"{self.n_features_in_} features as input")
        if isinstance(X, pl.DataFrame):
            return X[:, kept.tolist()]
        return X.iloc[:, kept] if hasattr(X, "iloc") else np.asarray(X)[:, kept]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _columns_of(X, least: int = 1) -> tuple[list[tuple[str, pl.Series]], bool]:
    """(name, column) of every column, and whether X has names; ``least`` rows are needed."""
    if isinstance(X, pl.DataFrame):
        return [(name, X[name]) for name in _checked_names(X.columns, len(X), least)], True
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        names = _checked_names(X.columns, len(X), least)
        return [(name, _series(X.iloc[:, place])) for place, name in enumerate(names)], True
    if hasattr(X, "toarray"):
        raise TypeError("X is a sparse matrix, but dense data is required; use X.toarray()")
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(f"Expected 2D array, got {array.ndim}D array instead. Reshape your data with "
                         "array.reshape(-1, 1) if it has a single column")
    if np.iscomplexobj(array):
        raise ValueError("Complex data not supported")
    names = _checked_names([f"x{place}" for place in range(array.shape[1])], len(array), least)
    return [(name, _series(array[:, place])) for place, name in enumerate(names)], False


def _checked_names(names, rows: int, least: int) -> list[str]:
    names = list(names)
    if not names:
        raise ValueError(f"0 feature(s) (shape=({rows}, 0)) while a minimum of 1 is required.")
    if rows < least:
        raise ValueError(f"Found array with n_samples={rows} sample(s) while a minimum of {least} is required.")
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise ValueError(f"the columns of X are {names[:5]}; expected different names, as text")
    return names


def _series(column) -> pl.Series:
    """A pandas column or an array: numbers as they are, anything else as text."""
    values = np.asarray(column)
    if values.dtype.kind in "iub":
        return pl.Series(values)
    if values.dtype.kind == "f":
        return pl.Series(values.astype(np.float64))
    import pandas as pd

    absent = pd.isna(values)
    return pl.Series([None if gone else str(value) for value, gone in zip(values, absent)], dtype=pl.String)


def _labels_of(y, rows: int) -> tuple[np.ndarray, list[str]]:
    """Labels, uint8 ``[rows, tasks]``, and the tasks' names.

    Raises:
        ValueError: they are absent, of another length, not 0 and 1, or all one of them.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    values = np.asarray(y)
    names = list(y.columns) if hasattr(y, "columns") else [getattr(y, "name", None)] if values.ndim == 1 else []
    values = values.reshape(-1, 1) if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != rows:
        raise ValueError(f"y is {list(values.shape)}; expected as many rows as X, {rows}, and one column per task")
    if not names or names == [None]:
        names = [f"y{place}" for place in range(values.shape[1])]
    for place, name in enumerate(names):
        found = set(np.unique(values[:, place].astype(str)))
        if not found <= {"0", "1", "0.0", "1.0", "False", "True"}:
            raise ValueError(f"Unknown label type: task {name} has {', '.join(sorted(found)[:5])}; expected 0 and 1")
        if len(set(np.unique(values[:, place]))) < 2:
            raise ValueError(f"task {name} has one class only; expected both 0 and 1")
    return values.astype(np.uint8), [str(name) for name in names]

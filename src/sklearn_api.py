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

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .common.errors import UserError, nearest
from .common.option import Option
from .data.description.options import DataOptions
from .data.memory import MemoryData
from .data.user_labels import Labels, read_labels
from .data.user_tables import (
    as_table,
    column_names,
    encode_columns,
    number_of_columns,
    places_of,
    read_columns,
    read_weights,
    take_columns,
)
from .schema import Selection
from .selection.base import make_selection, top_fields
from .selection.multisfs import MultiSFS
from .settings import Settings, choices, load_settings
from .training import choose_device


class MultiSFSSelector(SelectorMixin, BaseEstimator):
    """Selects, for every task, the k columns of a table that matter most for it.

    Columns of floats are numbers and are cut into quantile buckets. Every other column is categorical: text, integers
    (also with missing values), categories (also of numbers), true and false, times, Python objects. Missing values are
    allowed. ``categorical_features`` and ``numeric_features`` say otherwise where the type does not tell.

    Args:
        k: columns every task keeps: a number (with fewer columns than that it keeps all, and warns); a share, above 0
            and at most 1.0; "auto" for the fewest, of a few numbers tried, with which a small network predicts
            rows that are held out clearly better than with all; or a dict of numbers and shares by task.
        backbone: multi-task network that is scored: single_task, shared_bottom, omoe, mmoe, ple, esmm or aitm.
        method: calibrated, or paper: eqs. 10 and 11-24. (``score`` would hide scikit-learn's own.)
        relation: what tasks tell each other: auto (gnn for paper, evidence for calibrated), gnn, pearson, evidence or
            none.
        shared_fields: columns that count as shared in ``selection_``: auto (by backbone), union or intersection.
        categorical_features: columns that are categorical whatever their type: names, positions, or a mask; or auto.
        numeric_features: columns that are numbers whatever their type, in the same manner.
        list_features: columns whose cells hold several values (lists, or text with commas), likewise; 20 values count.
        pool: how the vectors of a cell's values become one: mean or sum.
        embedding_dim: width of a column's embedding.
        bottom_dims: widths of the bottom or expert layers.
        tower_dims: hidden widths of every task's tower.
        experts: experts of MMoE and OMoE; PLE takes half as many shared and as many for every task.
        batch_size: rows of a scored mini-batch.
        score_batches: mini-batches to score, or auto.
        missing_labels: refused, or masked: a row without a label of a task says nothing about that task.
        numeric_labels: tasks whose labels are numbers to be predicted (regression), never guessed: names, positions, a
            mask, or "all"; None for none. An unnamed y has the tasks y0, y1, ...
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
        classes_: the two labels of the task in rising order, of which the second counts as positive; with several tasks
            a list of them. None for a task of numbers.
        n_features_in_: number of columns.
        feature_names_in_: their names, where X had names that are text.

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
        >>> selector.feature_ranking().query("selected")[["task", "feature", "rank"]].values.tolist()
        [['click', 'city', 1], ['like', 'hour', 1]]
    """

    def __init__(self, k: int | float | str | Mapping[str, int | float] = 20, backbone: str = "mmoe", *,
                 method: str = "calibrated", relation: str = "auto", shared_fields: str = "auto",
                 categorical_features="auto", numeric_features="auto", list_features="auto", pool: str = "mean",
                 embedding_dim: int = 16, bottom_dims: Sequence[int] = (64, 32), tower_dims: Sequence[int] = (32, 16),
                 experts: int = 4, batch_size: int = 2048, score_batches="auto", missing_labels: str = "refused",
                 numeric_labels=None,
                 min_count: int = 1, buckets: int = 20, device_target: str = "auto", random_state=None):
        self.k = k
        self.backbone = backbone
        self.method = method
        self.relation = relation
        self.shared_fields = shared_fields
        self.categorical_features = categorical_features
        self.numeric_features = numeric_features
        self.list_features = list_features
        self.pool = pool
        self.embedding_dim = embedding_dim
        self.bottom_dims = bottom_dims
        self.tower_dims = tower_dims
        self.experts = experts
        self.batch_size = batch_size
        self.score_batches = score_batches
        self.missing_labels = missing_labels
        self.numeric_labels = numeric_labels
        self.min_count = min_count
        self.buckets = buckets
        self.device_target = device_target
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None) -> MultiSFSSelector:
        """Scores every (task, column).

        Args:
            X: DataFrame (pandas or Polars) or array ``[rows, columns]``.
            y: labels of two classes in every task, or numbers where ``numeric_labels`` says so: a DataFrame or array
                ``[rows, tasks]``, a dict of labels by task, or a Series or array ``[rows]`` for one task. Where X and y
                are of pandas, their rows are matched by index.
            sample_weight: a number of at least 0 for every row. Scores see a sample in which a row is kept with the
                chance weight / largest weight, so that their chance levels hold.

        Raises:
            ValueError: a parameter, X or y is not as described.
        """
        try:
            table = as_table(X)
            names, named = column_names(table, 2)
            labels = read_labels(y, table, self.missing_labels, self.numeric_labels)
            tasks, classes = labels.tasks, labels.classes
            config = self._settings(len(names), tasks)
            data = self._encode(table, names, labels, read_weights(sample_weight, table))
            choose_device(config.device_target, config.device_id)
            scorer = MultiSFS(config).fit(data, tasks)
            self.selection_: Selection = make_selection(scorer, data, tasks, config)
        except UserError as error:
            raise ValueError(str(error)) from None
        self.scores_, self.relations_, self.chance_ = scorer.scores_, scorer.relations_, scorer.chance_
        self.tasks_, self.classes_ = tasks, classes if len(tasks) > 1 else classes[0]
        self.n_features_in_, self._names = len(names), names
        if named:
            self.feature_names_in_ = np.array(names, object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def _settings(self, columns: int, tasks: Sequence[str]) -> Settings:
        """The settings of a run, from the parameters."""
        here, seed = f"in {type(self).__name__}", self.random_state
        random = check_random_state(seed)
        if not isinstance(seed, (int, np.integer)) or seed >= 2**31:
            seed = random.randint(2**31 - 1)
        if self.method not in choices("score"):
            raise UserError(f"method is {self.method!r} {here}; expected one of {', '.join(choices('score'))}"
                            f"{nearest(str(self.method), choices('score'))}")
        names = ("backbone", "relation", "shared_fields", "embedding_dim", "bottom_dims", "tower_dims",
                 "experts", "batch_size", "score_batches", "device_target")
        return load_settings(["--dataset", "table"]).replace(
            here, **self._kept(columns, tasks), seed=int(seed), progress=False, score=self.method,
            **{name: getattr(self, name) for name in names})

    def _kept(self, columns: int, tasks: Sequence[str]) -> dict[str, Any]:
        """What ``k`` says, as settings."""
        if isinstance(self.k, str) and self.k == "auto":
            return {"keep_ratio": "auto"}
        if not isinstance(self.k, Mapping):
            return {"keep_fields": number_of_columns(self.k, "k", columns)}
        given = {str(task): value for task, value in self.k.items()}
        if set(given) != set(tasks):
            raise UserError(f"k has the tasks {', '.join(given)}; expected a number or a share for each of "
                            f"{', '.join(tasks)}")
        return {"keep_fields": {task: number_of_columns(given[task], f"k of task {task}", columns) for task in tasks}}

    def _encode(self, table, names: Sequence[str], labels: Labels, weights: np.ndarray | None) -> MemoryData:
        categorical = places_of(self.categorical_features, names, "categorical_features")
        numeric = places_of(self.numeric_features, names, "numeric_features")
        lists = places_of(self.list_features, names, "list_features")
        for these, those, what in ((categorical, numeric, "categorical_features and numeric_features"),
                                   (lists, categorical | numeric, "list_features and another list of columns")):
            if these & those:
                raise UserError(f"{what} both have {', '.join(names[place] for place in sorted(these & those))}; name "
                                "every column in one of them")
        least = {"min_count": 1, "buckets": 2}
        options = DataOptions((), (), **{
            name: Option(name, kind="whole", limits={"min": limit}).convert(
                getattr(self, name), f"in {type(self).__name__}") for name, limit in least.items()})
        ids, encoders = encode_columns(read_columns(table, names, categorical, numeric), lists, self.pool, options)
        none = ids[:0], labels.values[:0]
        return MemoryData("memory", names, [encoder.cardinality for encoder in encoders], labels.tasks,
                          {"train": (ids, labels.values), "valid": none, "test": none}, weights,
                          [encoder.spec.pool for encoder in encoders], [encoder.width for encoder in encoders],
                          labels.scales)

    def _get_support_mask(self) -> np.ndarray:
        """The columns that any task keeps, bool ``[columns]``."""
        return self._support().any(0)

    def _support(self) -> np.ndarray:
        check_is_fitted(self, "selection_")
        return np.array([[name in self.selection_.selected[task] for name in self._names] for task in self.tasks_])

    def get_support(self, indices: bool = False, task: str | None = None) -> np.ndarray:
        """Which columns are kept.

        Args:
            indices: positions instead of a mask; for one task, or without a task the columns any task keeps.
            task: a task's name.

        Returns:
            bool ``[columns]`` for one task, or where ``fit`` had one only; bool ``[tasks, columns]`` for several; with
            ``indices`` int ``[kept]``, ascending.
        """
        kept = self._support()
        if task is not None:
            if str(task) not in self.tasks_:
                raise ValueError(f"task is {task!r}; expected one of {', '.join(self.tasks_)}")
            kept = kept[[self.tasks_.index(str(task))]]
        if indices:
            return np.flatnonzero(kept.any(0))
        return kept[0] if len(kept) == 1 else kept

    def feature_ranking(self):
        """All scores as a pandas DataFrame: task, feature, score, rank (1 is best) and selected, best first."""
        import pandas as pd  # slow to import

        kept, rows = self._support(), []
        for t, task in enumerate(self.tasks_):
            order = top_fields(self.scores_[t], self.n_features_in_)
            rows += [(task, self._names[n], self.scores_[t, n], place, kept[t, n]) for place, n in enumerate(order, 1)]
        return pd.DataFrame(rows, columns=["task", "feature", "score", "rank", "selected"])

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
        table, names, named = self._checked(X)
        if named and hasattr(self, "feature_names_in_") and names != self._names:
            raise ValueError("The feature names should match those that were passed during fit. "
                             f"X has {', '.join(names)}; expected {', '.join(self._names)}")
        if len(names) != self.n_features_in_:
            raise ValueError(f"X has {len(names)} features, but {type(self).__name__} is expecting "
                             f"{self.n_features_in_} features as input")
        return take_columns(table, kept)

    def inverse_transform(self, X, task: str | None = None) -> Any:
        """The table from which :meth:`transform` made ``X``, as far as ``X`` tells.

        Returns:
            All columns of ``fit`` in their order; those that were not kept hold 0 in an array, as in scikit-learn,
            and are missing (NaN or null) in a DataFrame.

        Raises:
            ValueError: X has other columns than the task keeps.
        """
        kept = self.get_support(indices=True, task=task)
        table, names, _ = self._checked(X)
        if len(names) != len(kept):
            raise ValueError(f"X has {len(names)} features; expected the {len(kept)} that transform gives")
        if isinstance(table, np.ndarray):
            full = np.zeros((len(table), self.n_features_in_), table.dtype)
            full[:, kept] = table
            return full
        if isinstance(table, pl.DataFrame):
            held = dict(zip(kept.tolist(), table.get_columns()))
            return pl.DataFrame([held.get(place, pl.repeat(None, len(table), eager=True)).alias(name)
                                 for place, name in enumerate(self._names)])
        full = table.set_axis(kept, axis=1).reindex(columns=range(self.n_features_in_))
        return full.set_axis(self._names, axis=1) if hasattr(self, "feature_names_in_") else full

    def _checked(self, X) -> tuple[Any, list[str], bool]:
        """X as a table, the names of its columns, and whether they are its own."""
        try:
            table = as_table(X)
            return table, *column_names(table)
        except UserError as error:
            raise ValueError(str(error)) from None

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags  # scikit-learn 1.6, as this method

        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.classifier_tags = ClassifierTags(multi_class=False)  # labels have two classes
        return tags

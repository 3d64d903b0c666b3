"""The selectors, and the way from their scores to a Selection."""

import importlib

from .base import Selector, adapt_selection, all_fields, make_selection, with_masks
from .registry import SELECTORS, check_request, read_given_selection, select_fields

__all__ = [
    "MultiSFSSelector",  # pylint: disable=undefined-all-variable
    "SELECTORS", "Selector", "adapt_selection", "all_fields", "check_request", "make_selection",
    "read_given_selection", "select_fields", "with_masks",
]


def __getattr__(name: str):
    """The estimator is loaded when it is asked for: it needs scikit-learn and the encoders, which no program does."""
    if name == "MultiSFSSelector":
        return importlib.import_module("..sklearn_api", __package__).MultiSFSSelector
    raise AttributeError(f"module {__name__} has no attribute {name}")

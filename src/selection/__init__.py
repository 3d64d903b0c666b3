from src.selection.base import Selector, adapt_selection, all_fields, make_selection, with_masks
from src.selection.estimator import MultiSFSSelector
from src.selection.registry import SELECTORS, check_request, select_fields

__all__ = [
    "SELECTORS", "MultiSFSSelector", "Selector", "adapt_selection", "all_fields", "check_request", "make_selection",
    "select_fields", "with_masks",
]

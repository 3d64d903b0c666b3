from src.selection.base import Selector, adapt_selection, all_fields, make_selection
from src.selection.registry import SELECTORS, select_fields

__all__ = ["SELECTORS", "Selector", "adapt_selection", "all_fields", "make_selection", "select_fields"]

from .report import write_report
from .tables import comparison_table, markdown_table, selection_table
from .values import field_values

__all__ = ["comparison_table", "field_values", "markdown_table", "selection_table", "write_report"]

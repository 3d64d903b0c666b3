from .report import write_report
from .tables import comparison_table, markdown_table, selection_table

__all__ = ["comparison_table", "markdown_table", "selection_table", "write_report"]

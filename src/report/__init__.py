from .tables import comparison_table, markdown_table, selection_table
from .writing import write_report

__all__ = ["comparison_table", "markdown_table", "selection_table", "write_report"]

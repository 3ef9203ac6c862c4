"""Pages, tables and figures from records; knows nothing of networks."""

from synfire.report.runs import RUN_COLUMNS, Run, brief, describe_results, number, read_run, run_rows
from synfire.report.tables import text_table

__all__ = ["RUN_COLUMNS", "Run", "brief", "describe_results", "number", "read_run", "run_rows", "text_table"]

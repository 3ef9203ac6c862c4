"""Pages, tables and figures from records; knows nothing of networks."""

from synfire.report.results import describe_results, number, show_measure
from synfire.report.runs import Run, brief, read_run, run_table
from synfire.report.tables import text_table

__all__ = ["Run", "brief", "describe_results", "number", "read_run", "run_table", "show_measure", "text_table"]

"""The columns of the results table, each declared once: name, unit, how it is written, meaning."""

from __future__ import annotations

from reports.columns.declaring import NONE, UNITS, Column
from reports.columns.row import COLUMNS, Row

__all__ = ["COLUMNS", "NONE", "UNITS", "Column", "Row"]

"""The table of columns in docs/python.md (python -m docs.make.python)."""

from __future__ import annotations

from docs.make.pages import HOUSE, fill
from reports.tables.lists import column_table

PAGE = HOUSE / "docs" / "python.md"


def main() -> None:
    fill(PAGE, {"columns": lambda: column_table().splitlines()})


if __name__ == "__main__":
    main()

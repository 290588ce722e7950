"""The figures of docs/method.md, from raw outcomes (python -m docs.make.method.tables)."""

from __future__ import annotations

from docs.make.method import apps, coverage, fair_tables, loaded_tables, measured, simulated
from docs.make.pages import HOUSE, fill

PAGE = HOUSE / "docs" / "method.md"
TABLES = {
    "noise": measured.noise,
    "fair engines": fair_tables.fair_engines,
    "benchmark_app": apps.benchmark_app,
    "not reached": simulated.not_reached,
    "simulations": simulated.simulations,
    "loaded": loaded_tables.loaded,
    "coverage": coverage.table,
    "bootstrap": measured.bootstrap,
    "kills": measured.kills,
    "audit": measured.audit,
}
"""By the name of its place on the page."""


def main() -> None:
    fill(PAGE, TABLES)


if __name__ == "__main__":
    main()

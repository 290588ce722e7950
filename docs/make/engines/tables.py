"""Put the tables into docs/engines.md from the raw records in reports/measured (make engines).

Arguments are files that ``sizewise export … --data … --json`` printed: what the page needs of them
becomes the record of accuracy first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from docs.make.engines.accuracy_tables import accuracy, copy_record
from docs.make.engines.export_tables import export_time
from docs.make.engines.matrix_tables import matrix
from docs.make.engines.pages import MISSING, read_record
from docs.make.engines.ranges import ranges
from docs.make.engines.speed_tables import best, speed
from docs.make.pages import HOUSE, fill
from docs.make.quantizers.accuracy_tables import quantizers_accuracy
from docs.make.quantizers.tables import quantizers
from docs.make.quantizers.text_tables import quantizers_text
from sizewise.core import codec
from sizewise.core.machine.environment import Environment

PAGE = HOUSE / "docs" / "engines.md"
RECORDS = (
    *("speed", "matrix"),
    *("quantizers", "quantizers-accuracy", "quantizers-text", "export-time"),
)


def main() -> None:
    fill(PAGE, TABLES)


def machines() -> list[str]:
    """Where each record was made."""
    found = {name: record for name in RECORDS if (record := read_record(name))}
    described: dict[str, list[str]] = {}
    for name, record in found.items():
        where = codec.from_plain(record["environment"], Environment)
        described.setdefault(_machine(where), []).append(f"`engines-{name}.json`")
    return [f"- {', '.join(names)}: {text}" for text, names in described.items()] or [MISSING]


def _machine(where: Environment) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in where.packages.items())
    return (
        f"{where.cpu}, {where.cores} cores, {', '.join(where.cpu_flags)}; "
        f"{where.memory_bytes / 2**30:.0f} GiB; {where.system}; {versions}"
    )


TABLES: dict[str, Callable[[], list[str]]] = {
    table.__name__: table
    for table in (
        *(ranges, machines, speed, best, matrix, accuracy),
        *(quantizers, quantizers_accuracy, quantizers_text, export_time),
    )
}

if __name__ == "__main__":
    if len(sys.argv) > 1:
        copy_record([Path(argument) for argument in sys.argv[1:]])
    main()

"""What is whole of a damaged file, written into a new one."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from bench.journal import database, updates
from bench.journal.adding import add
from bench.journal.salvage.keeping import Kept
from bench.journal.salvage.scanning import KEYS
from bench.journal.sentences import sentences
from bench.journal.sums import cells_of
from sizewise.core.errors import OutputError
from sizewise.core.files import written_whole
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT


def write_kept(kept: Kept, path: Path) -> None:
    """Write a new results file, whole or not at all; rows keep their numbers, and get new sums.

    Raises OutputError, also where there is a file already.
    """
    if path.exists():
        todo = f"Name a new file with {spelled('salvage')}."
        raise OutputError(f"{path} can't be written", "it is there already", todo)
    with (
        written_whole(path) as draft,
        sentences(path),
        closing(database.connect(draft)) as connection,
    ):
        updates.prepare(connection, draft, SILENT.remark)
        database.begin(connection, draft, None)
        with connection:
            _add_all(connection, kept)
            database.commit(connection, draft, None)


def _add_all(connection: sqlite3.Connection, kept: Kept) -> None:
    counts = {
        table: Counter(row["wave_id"] for row in kept.rows[table])
        for table in ("round", "process", "block")
    }
    for table in KEYS:
        for row in kept.rows[table]:
            cells, belonging = cells_of(row), None
            if table == "run":
                belonging = kept.of_run(row["id"])
            if table == "wave":
                cells["blocks"] = counts["block"][row["id"]]
                belonging = {name: counts[name][row["id"]] for name in ("round", "process")}
            add(connection, table, cells, belonging)

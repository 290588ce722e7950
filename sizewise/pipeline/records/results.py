"""What a results file holds, and what can still be read of a damaged one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.exit_codes import ExitCode
from sizewise.core.options.declared import spelled, spelled_now, spelling

if TYPE_CHECKING:
    from bench.journal.salvage.examining import Held


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a file holds, the new file into which all that is whole went, if it was wanted, and
    files of other formats, by the format."""

    path: Path
    held: Held
    salvaged: Path | None
    written: Mapping[str, Path] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        """Whether all that was written is there."""
        return ExitCode.FAILED if self.held.damage else ExitCode.OK


def results(
    path: Path, *, salvage: Path | None = None, formats: Mapping[str, Path] | None = None
) -> Results:
    """Say what a results file holds; the file is left as it is.

    All rows that can be read, and whose sums say that they are as they were written, go into the
    new file ``salvage``: a wave with all its rows, or not at all. A sweep goes on with it.

    ``formats`` are files to write what was measured to, by their format (``reports.formats``).

    Raises InputError and RecordError where nothing can be read, and OutputError.
    """
    from bench.journal.salvage.examining import demand_content, examine
    from bench.journal.salvage.writing import write_kept
    from bench.journal.sentences import sentences
    from bench.journal.store import Store

    with sentences(path):
        held = examine(path)
    demand_content(path, held)
    if salvage is not None:
        with _said_as("salvage"):
            write_kept(held.kept, salvage)
        with Store.open(salvage, read_only=True) as store:
            store.results()  # as any command will read it
    written = dict(formats or {})
    if written:
        _write(salvage or path, written)
    return Results(path=path, held=held, salvaged=salvage, written=written)


def _write(path: Path, formats: Mapping[str, Path]) -> None:
    from reports.formats import FORMATS
    from reports.load import read_records

    records = read_records(path)
    for name, target in formats.items():
        with _said_as(name):
            FORMATS[name](records, target)


@contextmanager
def _said_as(name: str) -> Iterator[None]:
    """Errors of a write name the option that the place was given with: there is no --out here."""
    own, others = spelled(name), spelled_now()
    with spelling(lambda field: own if field == "out" else others(field)):
        yield

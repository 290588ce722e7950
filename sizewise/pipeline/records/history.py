"""Results files of many days: how each engine's latency went, and where it changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError, RecordError
from sizewise.core.options.declared import option
from sizewise.core.options.reading import number
from sizewise.core.progress import SILENT, Reporter

if TYPE_CHECKING:
    from reports.history.changes import Change
    from reports.history.series import Line
    from reports.load import Records

_PATTERN = "*.sqlite"


@dataclass(frozen=True, kw_only=True)
class HistoryOptions:
    """The options of ``sizewise history`` beside its folders."""

    margin: float = option(
        number(0), 2.0, help="Smallest change to name, in percent.", group="Changes"
    )


@dataclass(frozen=True, kw_only=True)
class History:
    """Lines of all engines, the changes in them, the plots by engine, and files that could not be
    read, with the reason."""

    lines: tuple[Line, ...]
    changes: tuple[Change, ...]
    plots: tuple[Path, ...]
    unread: tuple[RecordError, ...]


def history(
    folder: Path, options: HistoryOptions, *, out: Path, reporter: Reporter = SILENT
) -> History:
    """Read every results file below ``folder``, find changes, and draw a plot for each engine into
    ``out``.

    Machines are never mixed in a line. Raises InputError where there is no results file,
    RecordError where none can be read, and OutputError.
    """
    from reports.history.changes import changes_of
    from reports.history.series import lines_of

    files = sorted(folder.rglob(_PATTERN)) if folder.is_dir() else []
    if not files:
        raise InputError(
            f"There is no history in {folder}",
            "no results file (*.sqlite) lies in it or below",
            "Give the folder that holds the results.sqlite of your runs.",
        )
    read, unread = _read(files, reporter)
    if not read:
        raise unread[0]
    lines = lines_of(read)
    changes = tuple(change for line in lines for change in changes_of(line, options.margin / 100))
    plots = tuple(_draw(lines, changes, out))
    return History(lines=lines, changes=changes, plots=plots, unread=tuple(unread))


def _read(
    files: Sequence[Path], reporter: Reporter
) -> tuple[list[tuple[Path, Records]], list[RecordError]]:
    from reports.load import read_records

    read, unread = [], []
    with reporter.stage("Reading results", len(files)) as stage:
        for path in files:
            try:
                read.append((path, read_records(path)))
            except RecordError as error:
                unread.append(error)
            stage.advance()
    return read, unread


def _draw(lines: Sequence[Line], changes: Sequence[Change], out: Path) -> Iterator[Path]:
    from reports.history.drawing import history_figure
    from reports.rows.grouping import grouped
    from sizewise.core.files import output_folder, written_whole

    folder = output_folder(out)
    for place, own in enumerate(grouped(lines, lambda line: line.engine).values(), start=1):
        path = folder / f"history-{place}.png"
        with written_whole(path) as draft:
            history_figure(own, changes).savefig(draft, dpi=150, format="png")
        yield path

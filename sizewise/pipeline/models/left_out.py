"""What a training leaves out of its data: said as it is found, and listed beside the checkpoint."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.files import written_whole
from sizewise.core.holding.drafts import clear_drafts_of
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter

if TYPE_CHECKING:
    from netzoo.data.faults import Fault
    from netzoo.training.validation import Validation

SUFFIX = ".skipped.csv"
TRAINING, VALIDATION, CALIBRATION = "training", "validation", "calibration"
_COLUMNS = ["part", "kind", "what", "why"]
_LISTED = 3


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A picture or label that was left out of a ``part`` of the data."""

    part: str
    kind: str
    what: str
    why: str


def skipped_of(part: str, found: Iterable[Fault]) -> tuple[Skipped, ...]:
    """What was left out of a ``part`` of the data."""
    return tuple(Skipped(part=part, kind=one.kind, what=one.what, why=one.why) for one in found)


def say_left_out(name: str, found: Sequence[Fault], reporter: Reporter) -> None:
    """Name the first of what was left out of the data ``name``, where something was."""
    if not found:
        return
    listed = "; ".join(map(str, found[:_LISTED])) + ("; …" if found[_LISTED:] else "")
    are = "is" if len(found) == 1 else "are"
    reporter.remark(f"{name}: {_counted(found)} can't be used and {are} left out. {listed}")


def list_left_out(
    path: Path, found: Sequence[Fault], validation: Validation | None, reporter: Reporter
) -> None:
    """Write what the training of the checkpoint ``path`` left out as a table beside it, and say how
    much it was. What another training left there is removed. Raises OutputError."""
    others = validation.without if validation else ()
    file = path.with_suffix(SUFFIX)
    clear_drafts_of(file)
    if not found and not others:
        file.unlink(missing_ok=True)
        return
    with written_whole(file) as draft, draft.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(_COLUMNS)
        for part, faults in ((TRAINING, found), (VALIDATION, others)):
            rows.writerows((part, one.kind, one.what, one.why) for one in faults)
    said = [
        f"{_counted(faults)} of the {part}"
        for part, faults in ((TRAINING, found), (VALIDATION, others))
        if faults
    ]
    are = "was" if len(found) + len(others) == 1 else "were"
    first = (*found, *others)[0]
    reporter.remark(
        f"Skipped: {' and '.join(said)} {are} left out (all: {file.name}). The first: {first}"
    )


def read_left_out(path: Path) -> tuple[Skipped, ...]:
    """What :func:`list_left_out` wrote beside a checkpoint; empty where it did not. Raises
    InputError where that is damaged: an empty list would say that nothing was left out."""
    file = path.with_suffix(SUFFIX)
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            text = opened.read()
        return tuple(_rows(text))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", "") or str(error)
        raise InputError(
            f"{file} can't be read, and so what was left out of the training can't be said",
            why,
            f"Restore the file. Or train anew with {spelled('replace')}, which writes it again.",
        ) from error


def _rows(text: str) -> Iterator[Skipped]:
    """Raises ValueError and csv.Error where ``text`` is no table of ours, or not all of it."""
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    if next(rows, []) != _COLUMNS:
        raise ValueError(f"its first line is not {','.join(_COLUMNS)}")
    if not text.endswith("\n"):
        raise ValueError("its last line is not whole")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(_COLUMNS) or row[0] not in (TRAINING, VALIDATION):
            raise ValueError(f"row {number} is not of {', '.join(_COLUMNS)}")
        part, kind, what, why = row
        yield Skipped(part=part, kind=kind, what=what, why=why)


def _counted(found: Iterable[Fault]) -> str:
    """``2 pictures and 1 label``."""
    of_pictures = [one.kind == "picture" for one in found]
    counts = {"picture": sum(of_pictures), "label": len(of_pictures) - sum(of_pictures)}
    return " and ".join(
        f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items() if count
    )

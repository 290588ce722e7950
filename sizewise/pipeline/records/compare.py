"""Whether engines became faster or slower from one selection of results to another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import EnvironmentMismatchError, RecordError, UsageError
from sizewise.core.exit_codes import ExitCode
from sizewise.core.options.declared import option, spelled
from sizewise.core.options.reading import SWITCH, TEXT, number, optional

if TYPE_CHECKING:
    from reports.columns import Row
    from reports.comparison.comparing import Comparison
    from reports.load import Records


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """The options of ``sizewise compare`` beside its files."""

    base_only: str = option(
        TEXT,
        "",
        help="Rows of the base: columns and their values, as backend=openvino,threads=2.",
        group="Selection",
        shown="all",
    )
    new_only: str = option(
        TEXT, "", help="Rows of the new side, likewise.", group="Selection", shown="all"
    )
    threshold: float | None = option(
        optional(number(0)),
        None,
        help="Largest slow-down allowed, in percent of the latency.",
        group="Verdict",
        shown="the margin of the rigor that was measured with",
    )
    strict: bool = option(
        SWITCH,
        False,
        help="Exit with code 4 where a pair is in doubt: not decided, apart, or disturbed.",
        group="Verdict",
    )
    across: bool = option(
        SWITCH, False, help="Compare results of different machines as well.", group="Verdict"
    )


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a comparison: its name, its records, and those of their rows that count."""

    name: str
    records: Records
    rows: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A comparison, the names of its two sides, and what is remarkable about them. ``ended`` is how
    the measurement of both ended, where they were measured for it."""

    comparison: Comparison
    base: str
    new: str
    strict: bool
    remarks: tuple[str, ...] = ()
    ended: ExitCode = ExitCode.OK

    @property
    def exit_code(self) -> ExitCode:
        """A regression comes first, then what could not be measured; doubts count where
        ``strict``."""
        if self.comparison.regressed:
            return ExitCode.REGRESSION
        if self.ended != ExitCode.OK:
            return self.ended
        if self.strict and self.comparison.in_doubt:
            return ExitCode.INVALID
        return ExitCode.OK


def compare(base: Path, new: Path | None, options: CompareOptions) -> Compared:
    """Compare the rows of two results files, or of two selections of one (``new`` None).

    Raises UsageError for a selection that is none, InputError, RecordError and SchemaVersionError
    where there is nothing to compare, and EnvironmentMismatchError for two machines.
    """
    from reports.comparison.selecting import parse_selection, selected
    from reports.load import read_records

    chosen = parse_selection(options.base_only), parse_selection(options.new_only)
    same_file = new is None or new.resolve() == base.resolve()
    if same_file and chosen[0] == chosen[1]:
        raise UsageError(
            f"{base} can't be compared with itself",
            "both sides are the same rows",
            f"Give a second file, or select rows with {spelled('base_only')} and "
            f"{spelled('new_only')}.",
        )
    ours = read_records(base)
    theirs = ours if new is None or same_file else read_records(new)
    names = told_apart(base, base if new is None else new)
    sides = (
        Side(
            name=options.base_only or names[0],
            records=ours,
            rows=selected(measured_rows(ours), chosen[0]),
        ),
        Side(
            name=options.new_only or names[1],
            records=theirs,
            rows=selected(measured_rows(theirs), chosen[1]),
        ),
    )
    return compare_sides(*sides, options, selected_by={*chosen[0], *chosen[1]}, together=same_file)


def compare_sides(
    base: Side,
    new: Side,
    options: CompareOptions,
    *,
    selected_by: Collection[str],
    together: bool,
) -> Compared:
    """Compare two sides that differ in the columns ``selected_by``; ``together`` says that one file
    holds both. Raises RecordError and EnvironmentMismatchError."""
    from reports.comparison.comparing import compare_pairs
    from reports.comparison.pairing import pair_rows
    from reports.text.words import counted

    remarks = _environments(base.records, new.records, across=options.across)
    pairing = pair_rows(base.rows, new.rows, selected_by)
    if not pairing.pairs:
        raise RecordError(
            "There is nothing to compare",
            f"{counted(len(pairing.only_base), 'row')} of the base and "
            f"{counted(len(pairing.only_new), 'row')} of the new side have no engine, size and "
            "precision in common",
            "Measure the same cells for both, or select others.",
        )
    rigors = (side.records.verdicts.rigor for side in (base, new))
    rigor = max(rigors, key=lambda one: one.margin)
    threshold = rigor.margin if options.threshold is None else options.threshold / 100
    return Compared(
        comparison=compare_pairs(pairing, rigor, same_file=together, threshold=threshold),
        base=base.name,
        new=new.name,
        strict=options.strict,
        remarks=remarks,
    )


def told_apart(base: Path, new: Path) -> tuple[str, str]:
    """The names of both files, with as many of their folders as tell them apart."""
    depth = 1
    while base.parts[-depth:] == new.parts[-depth:] and base != new:
        depth += 1
    ours, theirs = (str(Path(*path.parts[-depth:])) for path in (base, new))
    return ours, theirs


def measured_rows(records: Records) -> list[Row]:
    """Those with a latency, of the latest harness."""
    from reports.rows.grouping import latest, measured_of

    return latest(measured_of(records.rows))


def _environments(ours: Records, theirs: Records, *, across: bool) -> tuple[str, ...]:
    """What differs in the environments. Raises EnvironmentMismatchError for two machines."""
    from reports.machines import is_same_hardware

    one, other = ours.environment, theirs.environment
    if not is_same_hardware(one, other):
        if not across:
            raise EnvironmentMismatchError(
                "The two sides can't be compared",
                f"the base was measured on {one.cpu} ({one.cores} cores), the new side on "
                f"{other.cpu} ({other.cores} cores)",
                f"Measure both on one machine, or give {spelled('across')}.",
            )
        return (f"Two machines: {one.cpu} and {other.cpu}. No ratio tells what made it.",)
    return tuple(_versions(one.packages, other.packages))


def _versions(base: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """The packages of other versions, and those that one side alone has."""
    differing = [
        f"{name} {base[name]} → {new[name]}"
        for name in sorted(base.keys() & new.keys())
        if base[name] != new[name]
    ]
    if differing:
        yield f"Versions differ: {', '.join(differing)}."
    for side, own, others in (("base", base, new), ("new side", new, base)):
        if alone := sorted(own.keys() - others.keys()):
            yield f"Only the {side} has {', '.join(alone)}."

"""Our sessions beside the bare libraries, for docs/method.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.audit.parity import CPU_HIGH, CPU_LOW, Parity
from docs.make.method.fair import MOST
from docs.make.method.records import MISSING, read_record
from docs.make.method.verdicts import Record, fairness_of, parity_of
from docs.make.method.words import SAID, interval, where
from docs.make.pages import grid


def fair_engines() -> Sequence[str]:
    """Our session over the bare library, cell by cell."""
    record = read_record("fair-engines")
    if record is None:
        return MISSING
    rule, found = record["rule"], fairness_of(record["cells"], record["planned"])
    median = "" if found.median is None else f" Their median is {found.median:.3f}."
    return [
        f"The rule {SAID[found.answer]}: of the cells that are shown, none has its whole interval "
        f"outside {rule['low']} to {rule['high']}, and their median is from {rule['median_low']} "
        f"to {rule['median_high']}. {found.cells} of {found.planned} cells were measured, and "
        f"{found.shown} are shown: their intervals are within ±{100 * rule['widest']:g} %. Half of "
        f"them have to be.{median} The others stand in brackets.{_hidden_outside(record)}",
        "",
        _cpu_of_all(record),
        "",
        *grid(("cell", "ours ÷ bare", "95 % interval", "CPU ÷ wall, ours ÷ bare"), _cells(record)),
        "",
        where(record),
    ]


def _cells(record: Record) -> Iterator[tuple[str, str, str, str]]:
    for cell in record["cells"]:
        cpu = _cpu(parity_of(cell))
        ratio = f"{cell['ratio']:.3f}"
        if not cell["shown"]:
            yield cell["label"], f"({ratio}, not shown)", f"({interval(cell)})", cpu
            continue
        shown = f"**{ratio}**" if cell["outside"] else ratio
        yield cell["label"], shown, interval(cell), cpu


def _hidden_outside(record: Record) -> str:
    """Cells that are too wide for the rule and lie wholly out of bounds all the same; empty where
    there is none."""
    hidden = [cell for cell in record["cells"] if cell["outside"] and not cell["shown"]]
    if not hidden:
        return ""
    named = "; ".join(
        f"{cell['label']}, {cell['ratio']:.3f} ({interval(cell)}) in {len(cell['waves'])} waves"
        + ("" if len(cell["waves"]) > MOST else ", to which none were added")
        for cell in hidden
    )
    return f" Wholly out of these bounds, though too wide for the rule: {named}."


def _cpu_of_all(record: Record) -> str:
    """How the threads of all cells ran, beside those of the bare library."""
    cells = [parity_of(cell) for cell in record["cells"]]
    ratios = [ratio.point for cell in cells if (ratio := cell.cpu_ratio) is not None]
    if not ratios:
        return "CPU time was not counted."
    outside = sum(cell.cpu_outside for cell in cells)
    return (
        "The last column is CPU time over wall time, ours over the bare library's. Threads that "
        "may not run as the library lets them show there first. It is from "
        f"{min(ratios):.3f} to {max(ratios):.3f}; {outside} of {len(cells)} cells lie wholly "
        f"outside {CPU_LOW} to {CPU_HIGH}."
    )


def _cpu(cell: Parity) -> str:
    """Bold where it is out of bounds."""
    ratio = cell.cpu_ratio
    text = "–" if ratio is None else f"{ratio.point:.3f}"
    return f"**{text}**" if cell.cpu_outside else text

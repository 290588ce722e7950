"""The figures of real machines for docs/method.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.audit.audited import Audit
from bench.audit.checks import checks
from bench.audit.words import verdict
from docs.make.method.records import MISSING, read_record
from docs.make.method.verdicts import (
    APP_WITHIN,
    Record,
    app_answer,
    app_median,
    fairness_of,
    kills_answer,
    loaded_answer,
)
from docs.make.pages import grid
from sizewise.core import codec

_SAID = {"yes": "holds", "no": "does not hold", "not shown": "is not shown to hold"}


def fair_engines() -> Sequence[str]:
    """Our session over the bare library, cell by cell."""
    record = read_record("fair-engines")
    if record is None:
        return MISSING
    rule, found = record["rule"], fairness_of(record["cells"], record["planned"])
    median = "" if found.median is None else f" Their median is {found.median:.3f}."
    return [
        f"The rule {_SAID[found.answer]}: of the cells that are shown, none has its whole interval "
        f"outside {rule['low']} to {rule['high']}, and their median is from {rule['median_low']} "
        f"to {rule['median_high']}. {found.cells} of {found.planned} cells were measured, and "
        f"{found.shown} are shown: their intervals are within ±{100 * rule['widest']:g} %. Half of "
        f"them have to be.{median}",
        "",
        *grid(("cell", "ours ÷ bare", "95 % interval"), _cells(record)),
        "",
        _where(record),
    ]


def _cells(record: Record) -> Iterator[tuple[str, str, str]]:
    for cell in record["cells"]:
        if not cell["shown"]:
            widest = 100 * record["rule"]["widest"]
            yield cell["label"], "not shown", f"wider than ±{widest:g} %"
            continue
        ratio = f"{cell['ratio']:.3f}"
        yield cell["label"], f"**{ratio}**" if cell["outside"] else ratio, _interval(cell)


def benchmark_app() -> Sequence[str]:
    """Our sessions over OpenVINO's own tool, engine by engine."""
    record = read_record("method-benchmark-app")
    if record is None:
        return MISSING
    engines, planned, rounds = (record[each] for each in ("engines", "planned", "rounds"))
    rows = [
        (one["label"], str(len(one["rounds_ms"])), f"{one['ratio']:.3f}", _interval(one))
        for one in engines
    ]
    return [
        f"The claim {_SAID[app_answer(engines, planned, rounds)]}: the median ratio is within "
        f"{100 * APP_WITHIN:g} % of 1. It is {app_median(engines):.3f}, of {len(engines)} engines "
        f"of {planned}.",
        "",
        *grid(("engine", "rounds", "ours ÷ benchmark_app", "95 % interval"), rows),
        "",
        _where(record | _span(engines)),
    ]


def loaded() -> Sequence[str]:
    """Known differences on a machine with something else to do."""
    record = read_record("method-loaded")
    if record is None:
        return MISSING
    sweeps, planned = len(record["sweeps"]), record["planned"]
    rows = (
        ("pairs disturbed", 4 * sweeps, f"at most {record['most_disturbed']}", "pairs_disturbed"),
        ("false verdicts", 4 * sweeps, f"at most {record['most_false']}", "pairs_false"),
        ("tenths found", 2 * sweeps, f"at least {record['least_found']}", "differences_found"),
    )
    return [
        f"The claim {_SAID[loaded_answer(record)]}. {sweeps} of {planned} sweeps were measured, of "
        f"{record['waves']} waves each, beside a program that took "
        f"{100 * record['burnt_of_one_core']:g} % of one core:",
        "",
        *grid(
            ("counted", "of", "wanted", "found"),
            [(name, of, wanted, record[key]) for name, of, wanted, key in rows],
        ),
        "",
        _where(record),
    ]


def audit() -> Sequence[str]:
    """The table and the sentences of an audit."""
    record = read_record("audit")
    if record is None:
        return MISSING
    found = codec.from_plain(record["measured"], Audit)
    rows = [(one.name, one.found, one.wanted, one.holds) for one in checks(found)]
    return [
        *grid(("check", "found", "wanted", "holds"), rows),
        "",
        *(f"- {sentence}" for sentence in verdict(found)),
        "",
        f"In {record['minutes']:g} minutes. {_where(record | _span([record['measured']]))}",
    ]


def kills() -> Sequence[str]:
    """What was lost by kill -9."""
    record = read_record("method-kills")
    if record is None:
        return MISSING
    rows = (
        ("kills", record["planned"], record["kills"]),
        ("of them within a commit", f"at least {record['least_in_commit']}", record["in_commit"]),
        ("stored waves that were lost", 0, record["lost"]),
        ("stored waves that were measured again", 0, record["again"]),
        ("trials with a wave twice", 0, record["twice"]),
        ("folders that were not finished", 0, record["unfinished"]),
    )
    return [
        f"The claim {_SAID[kills_answer(record)]}.",
        "",
        *grid(("counted", "wanted", "found"), rows),
        "",
        f"Seeds from {record['seed']} on. {_where(record)}",
    ]


def _interval(one: Record) -> str:
    if one["low"] is None or one["high"] is None:
        return "none"
    return f"{one['low']:.3f} to {one['high']:.3f}"


def _span(parts: Sequence[Record]) -> dict[str, str]:
    return {
        "started": min(one["started"] for one in parts),
        "ended": max(one["ended"] for one in parts),
    }


def _where(record: Record) -> str:
    machine = record["environment"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores; commit {record['commit'][:10]}, "
        f"{record['started']} to {record['ended']}."
    )

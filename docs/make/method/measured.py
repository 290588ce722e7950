"""The figures of real machines for docs/method.md."""

from __future__ import annotations

from collections.abc import Sequence

from bench.audit.audited import Audit
from bench.audit.checks import checks
from bench.audit.words import verdict
from docs.make.method.records import MISSING, read_record
from docs.make.method.verdicts import (
    APP_WITHIN,
    Record,
    app_answer,
    app_median,
    kills_answer,
    loaded_answer,
    rows_disturbed,
)
from docs.make.method.words import SAID, interval, span, where
from docs.make.pages import grid
from sizewise.core import codec


def benchmark_app() -> Sequence[str]:
    """Our sessions over OpenVINO's own tool, engine by engine."""
    record = read_record("method-benchmark-app")
    if record is None:
        return MISSING
    engines, planned, rounds = (record[each] for each in ("engines", "planned", "rounds"))
    rows = [
        (one["label"], str(len(one["rounds_ms"])), f"{one['ratio']:.3f}", interval(one))
        for one in engines
    ]
    return [
        f"The claim {SAID[app_answer(engines, planned, rounds)]}: the median ratio is within "
        f"{100 * APP_WITHIN:g} % of 1. It is {app_median(engines):.3f}, of {len(engines)} engines "
        f"of {planned}.",
        "",
        *grid(("engine", "rounds", "ours ÷ benchmark_app", "95 % interval"), rows),
        "",
        where(record | span(engines)),
    ]


def noise() -> Sequence[str]:
    """What NMS inside takes of a picture, over what it takes of noise."""
    record = read_record("method-noise")
    if record is None:
        return MISSING
    rows = [
        (
            one["backend"],
            f"{one['ms']['noise']:.3f}",
            f"{one['ms']['picture']:.3f}",
            f"{one['ratio']:.2f}",
            interval(one),
        )
        for one in record["cells"]
    ]
    headers = ("back end", "noise (ms)", "picture (ms)", "picture ÷ noise", "95 % interval")
    return [
        f"A graph of {record['boxes']:,} boxes with NMS inside, and no network before it: on noise "
        f"without a candidate, and on a picture with {record['candidates']}.",
        "",
        *grid(headers, rows),
        "",
        where(record),
    ]


def loaded() -> Sequence[str]:
    """Known differences on a machine with something else to do."""
    record = read_record("method-loaded")
    if record is None:
        return MISSING
    measured, waves = record["sweeps"], record["waves"]
    sweeps, planned = len(measured), record["planned"]
    disturbed = sum(rows_disturbed(one, waves) for one in measured)
    false, found = record["pairs_false"], record["differences_found"]
    rows = (
        ("rows disturbed", 4 * sweeps, f"at most {record['most_disturbed']}", disturbed),
        ("false verdicts", 4 * sweeps, f"at most {record['most_false']}", false),
        ("differences of 10 % found", 2 * sweeps, f"at least {record['least_found']}", found),
    )
    return [
        f"The claim {SAID[loaded_answer(record)]}. {sweeps} of {planned} sweeps were measured, of "
        f"{waves} waves each, beside a program that took "
        f"{100 * record['burnt_of_one_core']:g} % of one core. {_left_out(measured, waves)}",
        "",
        *grid(("counted", "of", "wanted", "found"), rows),
        "",
        where(record),
    ]


def _left_out(sweeps: Sequence[Record], waves: int) -> str:
    """How many waves stand in no figure."""
    lost = [waves - one["waves"] for one in sweeps if one["waves"] < waves]
    if not lost:
        return "All waves stand in the figures:"
    return (
        f"Of these {waves * len(sweeps)} waves, {sum(lost)} were disturbed and stand in no figure, "
        f"in {len(lost)} sweeps, {max(lost)} in one at most:"
    )


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
        f"In {record['minutes']:g} minutes. {where(record | span([record['measured']]))}",
    ]


def bootstrap() -> Sequence[str]:
    """What the interval of an accuracy takes."""
    record = read_record("method-bootstrap")
    if record is None:
        return MISSING
    rows = [
        (
            one["name"],
            f"{one['images']:,}",
            f"{one['detections']:,}",
            f"{one['seconds']:.2f}",
            "yes" if one["seconds"] <= record["most_s"] else "**no**",
        )
        for one in record["rows"]
    ]
    within = f"within {record['most_s']:g} s"
    return [
        "CPU time of a row, once in a report. `--images` takes a random part of a large data set.",
        "",
        *grid(("evidence as large as", "images", "detections", "seconds", within), rows),
        "",
        where(record),
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
    disturbed = record.get("disturbed", 0)
    told = (
        f"Of the waves on file at the end, counted trial by trial, {disturbed} were disturbed."
        if disturbed
        else "No round was disturbed."
    )
    return [
        f"The claim {SAID[kills_answer(record)]}. {told}",
        "",
        *grid(("counted", "wanted", "found"), rows),
        "",
        f"Seeds from {record['seed']} on. {where(record)}",
    ]

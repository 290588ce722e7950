"""The figures of real machines for docs/method.md."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from bench.audit.audited import Audit
from bench.audit.checks import checks
from bench.audit.words import verdict
from docs.make.method.records import MISSING, read_record
from docs.make.method.verdicts import (
    Record,
    kills_answer,
    waves_of,
)
from docs.make.method.words import SAID, interval, span, where
from docs.make.pages import grid
from sizewise.core import codec


def noise() -> Sequence[str]:
    """What NMS inside takes of a picture, over what it takes of noise."""
    record = read_record("method-noise")
    if record is None:
        return MISSING
    rows = [
        (
            one["backend"],
            *(f"{ms:.3f}" for ms in _noise_and_picture_ms(one)),
            f"{one['ratio']:.2f}",
            interval(one),
        )
        for one in record["cells"]
    ]
    headers = ("back end", "noise (ms)", "picture (ms)", "picture ÷ noise", "95 % interval")
    return [
        f"A graph of {record['boxes']:,} boxes with NMS inside, and no network before it: on noise "
        f"without a candidate, and on a picture with {record['candidates']}. Figures are geometric "
        "means over turns.",
        "",
        *grid(headers, rows),
        "",
        where(record),
    ]


def _noise_and_picture_ms(cell: Record) -> tuple[float, float]:
    """As the ratio is made: means over rounds and waves, of logarithms. (Medians over all turns,
    as records have them too, do not have this ratio.)"""
    waves = waves_of(cell)
    noise, picture = (
        math.exp(
            statistics.fmean(statistics.fmean(map(math.log, side.median_ns)) for side in sides)
        )
        / 1e6
        for sides in ([wave.second for wave in waves], [wave.first for wave in waves])
    )
    return noise, picture


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
    return [
        f"The claim {SAID[kills_answer(record)]}. {_restless(record)}",
        "",
        *grid(("counted", "wanted", "found"), rows),
        "",
        f"Seeds from {record['seed']} on. {where(record)}",
    ]


def _restless(record: Record) -> str:
    """How restless the machine was on which sweeps were killed."""
    disturbed = record.get("disturbed")
    if disturbed is None:
        return "This campaign is of before the sweep's machine disturbed rounds."
    if not disturbed:
        return "No wave on file at the end was disturbed."
    return f"Of the waves on file at the end, counted trial by trial, {disturbed} were disturbed."

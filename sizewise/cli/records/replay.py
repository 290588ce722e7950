"""``sizewise replay``: the engines of a plan over a traffic, beside what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reports.text.words import counted, number
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.core import codec
from sizewise.pipeline.preparation.traffic.opening import TrafficSource
from sizewise.pipeline.records.replay import ReplayOptions

_SAME_PACE = 0.05
"""Less than that says nothing about the machine."""


def replay(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="The plan.json of sizewise plan, or its folder.")
    ],
    source: TrafficSource,
    options: ReplayOptions,
    *,
    as_json: Json = False,
) -> None:
    """Run a plan's engines over a traffic, and put what is measured beside what was expected.

    Pictures are random noise of the traffic's sizes, in its order. Accuracy is measured on --data.
    """
    from sizewise.pipeline.records.replay import replay

    found = replay(plan, source.traffic, options, reporter=console.reporter())
    if as_json:
        console.show_json(codec.to_plain(found))
        return
    console.say(f"The first {counted(found.pictures, 'picture')} of {source.traffic}:")
    pairs = {
        "mean (ms)": (found.expected.mean_ms, found.measured.mean_ms),
        "p50 (ms)": (found.expected.p50_ms, found.measured.p50_ms),
        "p99 (ms)": (found.expected.p99_ms, found.measured.p99_ms),
        "memory (MiB)": (found.expected.memory_mib, found.measured.memory_mib),
    }
    if found.expected.accuracy is not None and found.measured.accuracy is not None:
        name = f"accuracy on {counted(found.images, 'image')}"
        pairs[name] = (found.expected.accuracy, found.measured.accuracy)
    elif found.measured.accuracy is not None:
        images = counted(found.images, "image")
        console.say(f"Accuracy on {images}: {found.measured.accuracy:.3f}; none was expected")
    console.show_table(
        "Replay",
        ("figure", "expected", "measured", "off by (%)"),
        [_row(name, *pair) for name, pair in pairs.items()],
    )
    if found.unplanned:
        console.say(
            f"{counted(found.unplanned, 'picture')} came at inputs that the plan does not know: "
            "its mean stands for each in what was expected. Plan again for this traffic."
        )
    if found.pace is not None and abs(found.pace - 1) > _SAME_PACE:
        off, how = 100 * abs(found.pace - 1), "longer" if found.pace > 1 else "less"
        console.say(
            f"Each input alone took {off:.1f} % {how} than the plan says. After plan --measure, "
            "the machine is slower or faster than it was then; without it, what was modelled may "
            "be off, too."
        )


def _row(name: str, expected: float, measured: float) -> tuple[Any, ...]:
    off = f"{100 * (measured / expected - 1):+.1f}" if expected else "–"
    return name, number(expected), number(measured), off

"""``sizewise compare --measure``: what is said of the measurement of two models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.planning.settings import SweepSettings
from netzoo.tasks.reading import NMS_FIELDS
from sizewise.cli import console
from sizewise.cli.bench import say_quarantined, say_unfinished
from sizewise.cli.failures import end_with, with_error
from sizewise.cli.options import spell
from sizewise.cli.tables.reasons import nothing_measured, plain_reasons, say_reasons
from sizewise.core.errors import EngineError, RecordError
from sizewise.core.options.declared import options_of
from sizewise.core.stats import RIGORS
from sizewise.pipeline.records.compare import Compared, CompareOptions

if TYPE_CHECKING:
    from bench.sweep import SweepOutcome

NOT_HERE = (
    *("fusion", "precision", "data", "images", "image_count", "names", *NMS_FIELDS),
    *("replicas", "rounds", "block_calls", "block_s", "warmup_calls", "seed", "sweep"),
)
"""Options of a sweep that a comparison of two models has no use for."""
MEASURING = (
    *(name for name in options_of(SweepSettings) if name not in NOT_HERE),
    *("base_python", "out"),
)
"""Options of a measurement."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A comparison, what ``--json`` says of its measurement, and the next step."""

    compared: Compared
    plain: dict[str, Any]
    later: str


def measured(
    base: Path,
    new: Path,
    settings: SweepSettings,
    options: CompareOptions,
    *,
    out: Path,
    base_python: Path | None,
    command: str,
    as_json: bool,
) -> Told:
    """Measure two models, say what failed of it, and compare them. Ends the command where nothing
    could be measured or compared; raises what ``sizewise.pipeline.records.together.measure``
    raises."""
    from sizewise.pipeline.records.together import compare_measured, measure

    found = measure(
        base,
        new,
        settings,
        out=out,
        base_python=base_python,
        command=command,
        reporter=console.reporter(),
    )
    outcome = found.found.outcome
    if not as_json:
        say_reasons(outcome)
    say_quarantined(outcome)
    say_unfinished(outcome)
    plain = {
        "results": str(outcome.results),
        "measured": outcome.measured,
        "skipped": outcome.skipped,
        "unfinished": outcome.unfinished,
        "statuses": dict(outcome.statuses),
        "reasons": plain_reasons(outcome),
    }
    try:
        if nothing := nothing_measured(outcome):
            raise nothing
        compared = compare_measured(found, options)
    except (EngineError, RecordError) as error:
        if as_json:
            console.show_json(plain | with_error(error))
        end_with(error)
    return Told(
        compared=compared,
        plain=plain,
        later=_later(outcome, compared, settings),
    )


def _later(outcome: SweepOutcome, compared: Compared, settings: SweepSettings) -> str:
    if outcome.unfinished:
        return "run the same command again, which goes on"
    names = [*RIGORS]
    more = names[names.index(settings.rigor) + 1 :]
    if compared.comparison.in_doubt and more:
        return f"run the same command with {spell('rigor')} {more[0]}, which adds processes"
    return console.command("report", outcome.results)

"""Two models measured by turns, and compared: what a gate before a merge needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.planning.settings import SweepSettings
from sizewise.core.errors import RecordError
from sizewise.core.exit_codes import ExitCode
from sizewise.core.progress import SILENT, Reporter
from sizewise.pipeline.bench import fitted_to, read_models
from sizewise.pipeline.models.cards import MeaningOptions
from sizewise.pipeline.records.compare import (
    Compared,
    CompareOptions,
    Side,
    compare_sides,
    measured_rows,
)

if TYPE_CHECKING:
    from bench.together import Together

_OF_MODELS = ("model_sha256", "network", "fusion", "precision")
"""What may differ between the two models: it tells the sides apart, and pairs nothing."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured of two models, and how they are called."""

    found: Together
    base: str
    new: str


def measure(
    base: Path,
    new: Path,
    settings: SweepSettings,
    *,
    out: Path,
    base_python: Path | None = None,
    command: str = "",
    reporter: Reporter = SILENT,
) -> Measured:
    """Measure what is not on file in ``out`` yet of the engines of two ONNX files, which take
    turns. Those of ``base`` live under ``base_python``, where that is given.

    Raises as :func:`bench.sweep.sweep` does, and InputError for an interpreter that can't be used.
    """
    from bench.interpreter import read_interpreter
    from bench.together import sweep_together

    models = read_models((base, new), MeaningOptions())
    found = sweep_together(
        models[0],
        models[1],
        fitted_to(models, settings, reporter),
        out,
        interpreter=None if base_python is None else read_interpreter(base_python),
        command=command,
        progress=reporter,
    )
    names = _names(base, new)
    under = "" if base_python is None else f" under {base_python}"
    return Measured(found=found, base=f"{names[0]}{under}", new=names[1])


def compare_measured(measured: Measured, options: CompareOptions) -> Compared:
    """Compare what was measured. Raises RecordError where a side has no latency."""
    from reports.load import read_sides

    found = measured.found
    records = read_sides(found.outcome.results, found.base, found.new)
    sides = []
    for name, one in zip((measured.base, measured.new), records, strict=True):
        rows = measured_rows(one) if one else []
        if one is None or not rows:
            reasons = (bad.reason.rstrip(".") for bad in found.outcome.not_all_well)
            first = next(filter(None, reasons), "")
            raise RecordError(
                "There is nothing to compare",
                f"no engine of {name} was measured{f' ({first})' if first else ''}",
                "Choose other back ends or sizes, or more time.",
            )
        sides.append(Side(name=name, records=one, rows=rows))
    compared = compare_sides(sides[0], sides[1], options, selected_by=_OF_MODELS, together=True)
    return replace(compared, ended=_ended(found, compared))


def _ended(found: Together, compared: Compared) -> ExitCode:
    """A cell that only one side has could not be compared: a gate must not take it for good."""
    pairing = compared.comparison.pairing
    if found.outcome.exit_code == ExitCode.OK and (pairing.only_base or pairing.only_new):
        return ExitCode.FAILED
    return found.outcome.exit_code


def _names(base: Path, new: Path) -> tuple[str, str]:
    """The files' names, with their folders' where they are the same."""
    if base.name != new.name:
        return base.name, new.name
    return str(base), str(new)
